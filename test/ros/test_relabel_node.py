# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""relabel_node: parameters in, a dataset and diagnostics out."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import time

from diagnostic_msgs.msg import DiagnosticArray
from distill_runtime.data.dataset.dataset import Dataset, Selection
from distill_runtime.policy.model import load_policy
from distill_runtime.ros.relabel_node import RelabelNode
import pytest
from rclpy.node import Node
from rclpy.parameter import Parameter
from support.logged_run import LIMITS, run_node, write_log
from support.ros_harness import wait_for
from support.ros_policies import write_policy

pytestmark = pytest.mark.needs('ros', 'policy')


def parameters(folder, bag, model, **more):
    """Return the parameters of a run."""
    return {
        'bags': [str(bag)],
        'student': str(model),
        'teachers': [str(model)],
        'output': str(folder / 'labels'),
        'parameters': [f'{name}:={value}' for name, value in LIMITS.items()],
        **more,
    }


def start(folder, *args, **more):
    """Start the node as a program; see parameters."""
    values = parameters(folder, *args, **more)
    path = folder / 'parameters.yaml'
    path.write_text(json.dumps({'relabel_node': {'ros__parameters': values}}))
    return subprocess.Popen(
        [sys.executable, '-m', 'distill_runtime.ros.relabel_node', '--ros-args',
         '--params-file', str(path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )  # fmt: skip


@pytest.fixture
def model(tmp_path):
    return write_policy(tmp_path, action={'scale': 0.05})


@pytest.fixture
def bag(tmp_path, model):
    return write_log(tmp_path / 'walk', run_node(load_policy(model), 100))


def test_the_node_labels_and_reports(tmp_path, bag, model, ros):
    heard = []
    other = shutil.copytree(bag, tmp_path / 'run')
    values = parameters(tmp_path, bag, model, bags=[str(bag), str(other)])
    overrides = [Parameter(name, value=value) for name, value in values.items()]
    with (
        ros.node(Node, 'listener') as listener,
        ros.node(RelabelNode, parameter_overrides=overrides) as node,
    ):
        listener.create_subscription(DiagnosticArray, '/diagnostics', heard.append, 10)
        wait_for(lambda: heard, 'a report')
        assert heard[0].status[0].name == 'relabel_node: relabel'
        node.run()
        assert node.status == 0

        def is_done():
            status = heard[-1].status[0]
            found = {entry.key: entry.value for entry in status.values}
            return found if found['recordings_done'] == '2' else None

        found = wait_for(is_done, 'the last report')
    assert (found['progress'], found['labels'], found['recordings_failed']) == (
        '1.000',
        '200',
        '0',
    )
    rows = Dataset(tmp_path / 'labels').load(['label', 'action'], Selection())
    assert len(rows['label']) == 200
    assert rows['label'].tobytes() == rows['action'].tobytes()


def test_the_program_ends_when_all_is_done(tmp_path, bag, model):
    output = start(tmp_path, bag, model).communicate(timeout=60)[0]
    assert 'walk: 100 ticks, 100 labels' in output


@pytest.mark.parametrize(
    ('more', 'status', 'text'),
    [
        ({'output': ''}, 2, 'output is missing, expected: folder of the dataset'),
        ({'last_action': 'new'}, 2, "last_action is 'new', expected one of"),
        ({'bags': ['no_such_bag']}, 2, 'no_such_bag'),
    ],
)
def test_what_is_wrong_is_said_and_is_the_exit_status(tmp_path, bag, model, more, status, text):
    process = start(tmp_path, bag, model, **more)
    output = process.communicate(timeout=60)[0]
    assert process.returncode == status, output
    assert text in output


def test_a_signal_ends_it_and_leaves_no_half_part(tmp_path, bag, model):
    process = start(tmp_path, bag, model)
    while not (tmp_path / 'labels').exists():
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    output = process.communicate(timeout=60)[0]
    assert process.returncode in (0, 130), output
    again = start(tmp_path, bag, model)
    assert 'walk' in again.communicate(timeout=60)[0]
    assert again.returncode == 0
    assert len(list((tmp_path / 'labels').glob('part-*.parquet'))) == 1
