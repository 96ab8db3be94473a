# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""A small policy, and the recording of a node that ran it."""

from __future__ import annotations

from distill_runtime.policy.model import load_policy
import pytest
from support.logged_run import run_node, write_log
from support.ros_policies import write_policy


@pytest.fixture(scope='session')
def model(tmp_path_factory):
    return write_policy(tmp_path_factory.mktemp('model'))


@pytest.fixture(scope='session')
def bag(model, tmp_path_factory):
    return write_log(tmp_path_factory.mktemp('bag') / 'walk', run_node(load_policy(model)))
