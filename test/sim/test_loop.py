# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import hashlib

from distill_runtime.core.modes import Mode
from distill_runtime.errors import ConfigError
from distill_runtime.sim.disturb import DisturbConfig, NoiseConfig
from distill_runtime.sim.loop import CommandSchedule, simulate
import numpy as np
import pytest
from support.sim import quadruped, QUADRUPED_POSE, Standing

STAND = CommandSchedule(commands=((0.0, 0.0, 0.0),))


def test_standing_robot_does_not_move():
    result = simulate(Standing(), quadruped(), STAND, 1.0)
    assert not result.fell
    assert result.seconds == 1.0
    assert np.abs(result.displacement).max() < 0.05
    assert 0.2 < result.min_height < 0.3
    assert result.max_tilt < 0.1
    assert result.mean_velocity_error < 0.1
    assert result.fault == ''


def test_hash_is_that_of_one_row_of_float64_per_tick():
    result = simulate(Standing(), quadruped(), STAND, 0.1)
    rows = np.array([QUADRUPED_POSE] * 5)
    assert result.commands_sha256 == hashlib.sha256(rows.tobytes()).hexdigest()


def test_velocity_error_is_measured_against_the_command():
    walk = CommandSchedule(commands=((0.6, 0.8, 0.5),))
    result = simulate(Standing(), quadruped(), walk, 1.0)
    assert result.mean_velocity_error == pytest.approx(1.0, abs=0.05)
    assert result.mean_yaw_rate_error == pytest.approx(0.5, abs=0.05)


def test_runner_sees_each_tick_with_its_stamp_and_command():
    runner = Standing()
    schedule = CommandSchedule(commands=((0.1, 0.0, 0.0), (0.2, 0.0, 0.0)), interval=0.04)
    robot = quadruped()
    simulate(runner, robot, schedule, 0.12)
    stamps = [stamp for stamp, _, _ in runner.seen]
    speeds = [values[robot.layout.velocity_command][0] for _, values, _ in runner.seen]
    assert stamps == [tick * 20_000_000 for tick in range(6)]
    assert speeds == [0.1, 0.1, 0.2, 0.2, 0.2, 0.2]


def test_run_ends_at_a_fall():
    # legs folded to one side
    command = np.tile([0.86, 4.0, -0.9], 4)
    result = simulate(Standing(command), quadruped(), STAND, 5.0)
    assert result.fell
    assert result.seconds < 5.0


def test_statistics_of_a_broken_state_are_finite():
    robot = quadruped()

    def break_state(_):
        if robot.stamp_ns == 60_000_000:
            robot.data.qvel[0] = np.nan

    result = simulate(Standing(), robot, STAND, 1.0, on_tick=break_state)
    assert result.fell
    assert np.isfinite([*result.displacement, result.min_height, result.mean_velocity_error]).all()


def test_command_that_is_not_sent_does_not_act():
    folded = np.array(QUADRUPED_POSE) + 0.5
    robot = quadruped()
    simulate(Standing(folded, sends=False), robot, STAND, 0.1)
    np.testing.assert_array_equal(robot.data.ctrl, QUADRUPED_POSE)


def test_first_fault_is_reported():
    runner = Standing(mode=Mode.FAULT, reason='tilt.limit: base is tilted')
    assert simulate(runner, quadruped(), STAND, 0.1).fault == 'tilt.limit: base is tilted'


def test_same_seed_gives_the_same_result():
    noise = NoiseConfig.playground(1.0)
    results = [
        simulate(
            Standing(),
            quadruped(),
            STAND,
            0.5,
            DisturbConfig(noise=noise, push_speed=0.5, push_interval=0.1, latency=1, seed=seed),
        )
        for seed in (1, 1, 2)
    ]
    assert results[0] == results[1]
    assert results[0] != results[2]


@pytest.mark.parametrize('seconds', [0.0, -1.0, float('nan'), float('inf')])
def test_time_out_of_range_is_refused(seconds):
    with pytest.raises(ConfigError, match=r'seconds are .*, expected above 0 and finite'):
        simulate(Standing(), quadruped(), STAND, seconds)


@pytest.mark.parametrize(
    ('changes', 'message'),
    [
        ({'commands': ()}, r'commands are \(\), expected at least one'),
        ({'commands': ((0.0, float('nan'), 0.0),)}, 'expected 3 finite values'),
        ({'commands': ((0.0, 0.0),)}, 'expected 3 finite values'),
        ({'commands': ((0.0, 0.0, 0.0),), 'interval': 0.0}, r'interval is 0\.0 s'),
    ],
)
def test_wrong_schedule_is_refused(changes, message):
    with pytest.raises(ConfigError, match=message):
        CommandSchedule(**changes)
