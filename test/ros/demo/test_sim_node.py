# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""sim_node as a program: signals, exit status, what it says."""

from __future__ import annotations

import os
import signal

import pytest
from rclpy.node import Node
from support.ros_harness import wait_for
from support.ros_program import program


@pytest.mark.parametrize('lockstep', [False, True])
def test_ctrl_c_ends_the_node_soon_and_without_a_traceback(ros, files, lockstep):
    options = {'model': files[0], 'spec': files[1], 'lockstep': lockstep}
    with (
        ros.node(Node, 'listener') as listener,
        program(module='demo.sim_node', **options) as process,
    ):
        wait_for(lambda: listener.count_publishers('joint_states') or process.poll() is not None)
        for _ in range(2):
            process.send_signal(signal.SIGINT)
        output = process.communicate(timeout=5.0)[0]
    assert process.returncode == 0, output
    assert 'Traceback' not in output
    assert 'simulated in' in output


def test_what_cannot_run_ends_the_process_with_2_and_one_line(tmp_path):
    (tmp_path / 'mujoco.py').write_text("raise ImportError('absent', name='mujoco')\n")
    path = os.pathsep.join(filter(None, [str(tmp_path), os.environ.get('PYTHONPATH', '')]))
    for environment, text in (
        ({}, 'sim_node: '),
        (
            {'PYTHONPATH': path},
            'sim_node: mujoco is not installed, install it with: '
            'pip install "distill_runtime[sim]"\n',
        ),
    ):
        options = {'model': 'no.onnx', 'environment': environment}
        with program(module='demo.sim_node', **options) as process:
            output = process.communicate(timeout=20.0)[0]
        assert process.returncode == 2
        assert output.startswith(text)
        assert output.count('\n') == 1
