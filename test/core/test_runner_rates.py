# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from distill_runtime.core.modes import Event, Mode
import pytest
from support.rig import Rig
from support.specs import DEFAULT, make_spec

PHASE = {
    'term': 'gait_phase',
    'frequency': 12.5,
    'offsets': [0.0],
    'components': ['sin'],
    'advance': 'after',
}


def steps(rig, count):
    return [rig.tick(rig.runner.control_period_ns) for _ in range(count)]


def rig_of_four(interpolation, output, **options):
    return Rig(
        output=output,
        ticks_per_step=4,
        interpolation=interpolation,
        start_in='policy',
        max_joint_step=0.0,
        **options,
    )


def hips(rig, count):
    return [rig.tick(rig.runner.control_period_ns).command[0] for _ in range(count)]


def test_control_period_is_a_share_of_the_policy_period():
    assert rig_of_four('hold', 0.0).runner.control_period_ns == 5_000_000


def test_policy_runs_every_nth_tick():
    rig = rig_of_four('hold', 0.0)
    assert [step.has_policy_step for step in steps(rig, 8)] == [True, False, False, False] * 2


def test_hold_keeps_the_target_between_steps():
    rig = rig_of_four('hold', lambda run: 2.0 * run)
    base = DEFAULT[0]
    assert hips(rig, 9) == [base] * 4 + [base + 1.0] * 4 + [base + 2.0]


def test_linear_reaches_each_target_with_the_last_tick_of_its_period():
    rig = rig_of_four('linear', lambda run: 2.0 * (run + 1))
    base = DEFAULT[0]
    expected = [base + 0.25 * k for k in range(1, 9)]
    assert hips(rig, 8) == pytest.approx(expected)


def test_linear_starts_from_the_measured_pose():
    rig = rig_of_four('linear', 0.0)
    rig.place([0.5, 0.6, -0.5])
    assert hips(rig, 4) == pytest.approx([0.4, 0.3, 0.2, 0.1])


def test_linear_starts_from_the_last_command_after_standby():
    rig = Rig(output=2.0, ticks_per_step=2, interpolation='linear', max_joint_step=0.0)
    rig.tick()
    rig.place([9.0, 9.0, 9.0])
    rig.runner.request(Event.START)
    base = DEFAULT[0]
    assert hips(rig, 2) == pytest.approx([base + 0.5, base + 1.0])


def test_linear_at_the_rate_of_the_policy_is_its_target():
    rig = Rig(output=2.0, interpolation='linear', start_in='policy')
    assert rig.tick().command.tolist() == [value + 1.0 for value in DEFAULT]


def test_history_and_phase_advance_with_the_policy_alone():
    spec = make_spec({**PHASE, 'clip': [-2, 2]})
    rig = Rig(spec, ticks_per_step=3, start_in='policy')
    seen = [float(steps(rig, 1)[0].observation[0]) for _ in range(7)]
    assert seen == pytest.approx([0, 0, 0, 1, 1, 1, 0], abs=1e-6)


def test_inputs_are_checked_at_every_tick():
    rig = rig_of_four('hold', 0.0, max_input_age=0.1)
    steps(rig, 2)
    step = rig.tick(100_000_001, but={'joint'})
    assert (step.mode, step.has_policy_step) == (Mode.FAULT, False)


def test_step_limit_counts_per_tick():
    rig = Rig(
        output=lambda run: 2.0 * run, ticks_per_step=4, start_in='policy', max_joint_step=0.25
    )
    hips(rig, 4)
    assert hips(rig, 4) == pytest.approx([DEFAULT[0] + 0.25 * k for k in range(1, 5)])


def test_start_makes_its_own_tick_the_policy_tick():
    rig = Rig(ticks_per_step=4)
    steps(rig, 3)
    rig.runner.request(Event.START)
    assert [step.has_policy_step for step in steps(rig, 5)] == [True, False, False, False, True]
