# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from distill_runtime.cli.node_processes import node_processes
from distill_runtime.share import share_path
import pytest

pytestmark = pytest.mark.needs('ros', 'sim')
MODEL = str(share_path() / 'models' / 'quadruped_student.onnx')


def test_nodes_run_until_the_block_ends_and_end_with_status_0():
    with node_processes(
        {'sim_node': {'model': MODEL, 'seconds': '0.2'}, 'student_node': {'robot': ''}}
    ) as (simulator, student):
        assert simulator.wait(30.0) == 0
        assert student.poll() is None
    assert student.returncode == 0


def test_node_that_refuses_its_parameters_ends_and_the_other_one_with_the_block():
    with node_processes(
        {'sim_node': {'model': MODEL}, 'student_node': {'command_type': "''", 'autostart': 'true'}}
    ) as (simulator, student):
        assert student.wait(30.0) != 0
        assert simulator.poll() is None
    assert simulator.returncode == 0


def test_nodes_end_where_the_block_raises():
    def fail():
        with node_processes({'student_node': {}}) as processes:
            started.extend(processes)
            raise KeyboardInterrupt

    started = []
    with pytest.raises(KeyboardInterrupt):
        fail()
    assert started[0].returncode is not None
