# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Walking robots are requested to stop; docs/modes.md has more seeds."""

from __future__ import annotations

from distill_runtime.core.modes import Mode
import pytest
from support.stop_trial import ROBOTS, stop

SHIPPED = ROBOTS[0]
SEEDS = range(4)


@pytest.mark.parametrize(
    'command',
    [(0.0, 0.0, 0.0), (0.5, 0.0, 0.0), (1.5, 0.0, 0.0), (0.0, 0.8, 0.0), (1.5, 0.8, 1.2)],
)
def test_shipped_policy_stands_after_a_stop(command):
    for seed in SEEDS:
        outcome = stop(SHIPPED, command, seed)
        assert outcome.fell_in is None, seed
        assert outcome.time < 4.0, seed


def test_shipped_policy_stands_after_a_stop_with_the_noise_of_its_training():
    for seed in SEEDS:
        assert stop(SHIPPED, (1.0, 0.0, 0.5), seed, noise=1.0).fell_in is None, seed


def test_walking_robot_falls_without_a_stop_phase():
    assert [stop(SHIPPED, (0.5, 0, 0), seed, stop_timeout=0.0).fell_in for seed in range(3)] == [
        Mode.STANDBY
    ] * 3


@pytest.mark.parametrize('robot', ROBOTS[1:], ids=lambda robot: robot.policy)
def test_real_policies_come_to_standby_on_their_feet(robot, shared_data):
    for speed in (0.5, robot.fastest):
        outcome = stop(robot, (speed, 0.0, 0.0), 0)
        assert outcome.time is not None
        assert outcome.fell_in in (None, Mode.STANDBY)
        if robot.policy in ('playground_go1', 'rl_sar_go2_himloco'):
            assert outcome.fell_in is None  # the other robots do not stand in standby at all
