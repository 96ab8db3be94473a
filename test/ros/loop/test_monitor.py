# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from distill_runtime.core.config import RunnerConfig
from distill_runtime.ros.loop.monitor import LoopMonitor
import pytest

PERIOD_NS = 20_000_000


@pytest.fixture
def watch():
    return LoopMonitor(RunnerConfig(), PERIOD_NS)


def codes(findings):
    return [finding.reason.partition(':')[0] for finding in findings]


def test_nothing_is_found_where_all_is_well(watch):
    assert watch.findings(False, True) == ()


def test_estop_and_a_rival_are_found_in_every_mode(watch):
    watch.other_publisher = 'teleop'
    for is_policy in (False, True):
        found = codes(watch.findings(True, is_policy))
        assert found == ['estop.requested', 'joint_command.contested']


@pytest.mark.parametrize(('count', 'is_late'), [(10, False), (11, True)])
def test_deadlines_count_above_the_limit(watch, count, is_late):
    watch.note_missed(count)
    assert codes(watch.findings(False, True)) == ['deadline.missed'] * is_late


def test_deadlines_do_not_matter_while_a_pose_is_held(watch):
    watch.note_missed(100)
    assert codes(watch.findings(False, False)) == []


@pytest.mark.parametrize(('duration_ns', 'is_slow'), [(16_000_000, False), (16_000_001, True)])
def test_policy_step_is_slow_above_its_share_of_the_period(watch, duration_ns, is_slow):
    watch.note_policy_step(duration_ns)
    assert codes(watch.findings(False, True)) == ['inference.slow'] * is_slow


def test_slow_step_of_a_policy_that_has_ended_is_forgotten(watch):
    watch.note_policy_step(19_000_000)
    assert codes(watch.findings(False, True)) == ['inference.slow']
    assert codes(watch.findings(False, False)) == []
    assert codes(watch.findings(False, True)) == []
