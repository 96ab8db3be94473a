# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""config/student_node.yaml holds every parameter with its default."""

from __future__ import annotations

import dataclasses

from distill_runtime.core.checks.registry import CHECKS, DEFAULT_CHECKS
from distill_runtime.ros.check_parameters import check_fields, read_checks
from distill_runtime.ros.node_config import StudentNodeConfig
from distill_runtime.ros.parameters import given_names, read_parameters, unknown_names
from distill_runtime.ros.student_node import StudentNode
from distill_runtime.share import share_path
import pytest

LAUNCH_ARGUMENTS = {'model', 'spec', 'robot', 'start_in', 'autostart'}
"""What student.launch.py sets, whatever the file says."""


@pytest.fixture
def node(ros):
    path = share_path() / 'config' / 'student_node.yaml'
    with ros.node(StudentNode, cli_args=['--ros-args', '--params-file', str(path)]) as node:
        yield node


def test_file_names_every_parameter_and_no_other(node):
    fields = {field.name for field in dataclasses.fields(StudentNodeConfig)}
    checks = {f'checks.{name}.{field}' for name in CHECKS for field, *_ in check_fields(name)}
    assert given_names(node) == (fields - LAUNCH_ARGUMENTS) | checks
    assert unknown_names(node, StudentNodeConfig) == []


def test_values_of_the_file_are_the_defaults(node):
    assert read_parameters(node, StudentNodeConfig) == StudentNodeConfig()
    assert read_checks(node) == DEFAULT_CHECKS
