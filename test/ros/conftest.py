# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest
from support.ros_harness import Ros
from support.ros_policies import write_policy
from support.swaps import slow_loading, write_fragile, write_other


@pytest.fixture(scope='module')
def ros():
    ros = Ros()
    yield ros
    ros.close()


@pytest.fixture(scope='session')
def models(tmp_path_factory):
    """Return the folder of a model that reads everything but odometry, and of one of joints."""
    return tmp_path_factory.mktemp('models')


@pytest.fixture(scope='session')
def model(models):
    return write_policy(models)


@pytest.fixture(scope='session')
def other(models):
    """Return a model of the same robot with other targets."""
    return write_other(models / 'other.onnx')


@pytest.fixture(scope='session')
def fragile(models):
    return write_fragile(models / 'fragile.onnx')


@pytest.fixture
def slow_load(monkeypatch):
    """Return an event that says that a model is being loaded, and one that lets it go on."""
    with slow_loading(monkeypatch) as events:
        yield events
