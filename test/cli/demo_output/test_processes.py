# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import signal
import subprocess

from distill_runtime.cli.demo_output.processes import node_processes
from distill_runtime.share import share_path
import pytest

pytestmark = pytest.mark.needs('ros', 'sim')
ENDED = (0, -signal.SIGTERM)
"""Exit status after SIGTERM: of a running node, and of one that was still importing."""
MODEL = str(share_path() / 'models' / 'quadruped_student.onnx')


def test_nodes_run_until_the_block_ends():
    with node_processes(
        {'sim_node': {'model': MODEL, 'seconds': '0.2'}, 'student_node': {'robot': ''}}
    ) as (simulator, student):
        assert simulator.wait(30.0) == 0
        assert student.poll() is None
    assert student.returncode in ENDED


def test_node_that_rejects_its_parameters_ends_alone():
    with node_processes(
        {'sim_node': {'model': MODEL}, 'student_node': {'command_type': "''", 'autostart': 'true'}}
    ) as (simulator, student):
        assert student.wait(30.0) != 0
        assert simulator.poll() is None
    assert simulator.returncode in ENDED


def test_nodes_end_if_the_block_raises():
    def fail():
        with node_processes({'student_node': {}}) as processes:
            started.extend(processes)
            raise KeyboardInterrupt

    started = []
    with pytest.raises(KeyboardInterrupt):
        fail()
    assert started[0].returncode in ENDED


def test_second_interrupt_skips_the_wait(monkeypatch):
    def interrupt(process, timeout=None):
        monkeypatch.undo()
        raise KeyboardInterrupt

    def fail():
        with node_processes({'student_node': {}, 'sim_node': {}}) as processes:
            started.extend(processes)
            monkeypatch.setattr(subprocess.Popen, 'wait', interrupt)
            raise KeyboardInterrupt

    started = []
    with pytest.raises(KeyboardInterrupt):
        fail()
    assert all(process.poll() is not None for process in started)
