# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from distill_runtime.core.config import RunnerConfig
from distill_runtime.ros.loop.monitor import LoopMonitor
import pytest

PERIOD_NS = 20_000_000


@pytest.fixture
def monitor():
    return LoopMonitor(RunnerConfig(), PERIOD_NS)


def codes(findings):
    return [finding.reason.partition(':')[0] for finding in findings]


def test_estop_and_another_publisher_are_found_in_every_mode(monitor):
    monitor.other_publisher = 'teleop'
    for is_policy in (False, True):
        found = codes(monitor.findings(True, is_policy))
        assert found == ['estop.requested', 'joint_command.contested']


@pytest.mark.parametrize(('count', 'is_late'), [(10, False), (11, True)])
def test_deadlines_count_above_the_limit(monitor, count, is_late):
    monitor.missed = count
    assert codes(monitor.findings(False, True)) == ['deadline.missed'] * is_late


def test_deadlines_do_not_matter_while_a_pose_is_held(monitor):
    monitor.missed = 100
    assert codes(monitor.findings(False, False)) == []


@pytest.mark.parametrize(('duration_ns', 'is_slow'), [(16_000_000, False), (16_000_001, True)])
def test_policy_step_is_slow_above_its_share_of_the_period(monitor, duration_ns, is_slow):
    monitor.step_duration_ns = duration_ns
    assert codes(monitor.findings(False, True)) == ['inference.slow'] * is_slow


def test_slow_step_of_a_policy_that_has_ended_is_forgotten(monitor):
    monitor.step_duration_ns = 19_000_000
    assert codes(monitor.findings(False, True)) == ['inference.slow']
    assert codes(monitor.findings(False, False)) == []
    assert codes(monitor.findings(False, True)) == []
