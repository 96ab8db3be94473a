# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""sim_node as a program: signals, exit status, what it says."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pytest
import rclpy
from rclpy.node import Node
from support.policies import write_leaning_policy


@pytest.fixture(scope='module')
def files(tmp_path_factory):
    return write_leaning_policy(tmp_path_factory.mktemp('policy'))


@pytest.fixture
def context():
    context = rclpy.Context()
    rclpy.init(context=context)
    yield context
    rclpy.try_shutdown(context=context)


def start(*parameters, environment=None):
    """Start the node as a process group, as a terminal does."""
    words = [word for parameter in parameters for word in ('-p', parameter)]
    return subprocess.Popen(
        [sys.executable, '-m', 'distill_runtime.ros.demo.sim_node', '--ros-args', *words],
        env={**os.environ, **(environment or {})},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


@pytest.mark.parametrize('lockstep', ['false', 'true'])
@pytest.mark.parametrize('presses', [1, 2])
def test_ctrl_c_ends_the_node_soon_and_without_a_traceback(context, files, lockstep, presses):
    listener = Node('listener', context=context)
    process = start(f'model:={files[0]}', f'spec:={files[1]}', f'lockstep:={lockstep}')
    try:
        while not listener.count_publishers('joint_states'):
            assert process.poll() is None, process.communicate()[0]
            time.sleep(0.02)
        for _ in range(presses):
            process.send_signal(signal.SIGINT)
        output = process.communicate(timeout=5.0)[0]
    finally:
        process.kill()
        listener.destroy_node()
    assert process.returncode == 0
    assert 'Traceback' not in output
    assert 'simulated in' in output


def test_unusable_parameter_ends_the_process_with_2_and_one_line():
    process = start('model:=no.onnx')
    output = process.communicate(timeout=20.0)[0]
    assert process.returncode == 2
    assert 'Traceback' not in output
    assert output.count('\n') == 1


def test_missing_mujoco_ends_the_process_with_what_to_install(tmp_path):
    (tmp_path / 'mujoco.py').write_text("raise ImportError('absent', name='mujoco')\n")
    path = os.pathsep.join(filter(None, [str(tmp_path), os.environ.get('PYTHONPATH', '')]))
    process = start('model:=no.onnx', environment={'PYTHONPATH': path})
    assert process.communicate(timeout=20.0)[0] == (
        'sim_node: mujoco is not installed, install it with: pip install "distill_runtime[sim]"\n'
    )
    assert process.returncode == 2
