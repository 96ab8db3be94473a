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
import pytest
from rclpy.node import Node
from support.logged_run import LIMITS, run_node, write_log
from support.ros_policies import write_policy

pytestmark = pytest.mark.needs('ros', 'policy')


def start(folder, bag, model, **more):
    """Start the node as a program."""
    values = {
        'bags': [str(bag)],
        'student': str(model),
        'teachers': [str(model)],
        'output': str(folder / 'labels'),
        'parameters': [f'{name}:={value}' for name, value in LIMITS.items()],
        **more,
    }
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


def test_the_node_labels_reports_and_ends(tmp_path, bag, model, ros):
    heard = []
    with ros.node(Node, 'listener') as listener:
        listener.create_subscription(DiagnosticArray, '/diagnostics', heard.append, 10)
        other = shutil.copytree(bag, tmp_path / 'run')
        process = start(tmp_path, bag, model, bags=[str(bag), str(other)], workers=2)
        output = process.communicate(timeout=60)[0]
        deadline = time.monotonic() + 5
        while not heard and time.monotonic() < deadline:
            time.sleep(0.05)
    assert process.returncode == 0, output
    assert 'walk: 100 ticks, 100 labels' in output
    (status,) = heard[-1].status
    assert status.name == 'relabel_node: relabel'
    assert {'progress', 'recordings_done', 'labels'} <= {entry.key for entry in status.values}
    rows = Dataset(tmp_path / 'labels').load(['label', 'action'], Selection())
    assert len(rows['label']) == 200
    assert rows['label'].tobytes() == rows['action'].tobytes()


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
