# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest
from support.ros_harness import Ros
from support.ros_policies import write_policy
from support.swaps import slow_loading


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


@pytest.fixture
def slow_load(monkeypatch):
    """Return an event that says that a model is being loaded, and one that lets it go on."""
    with slow_loading(monkeypatch) as events:
        yield events
