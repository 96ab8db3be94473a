# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""For any input, commands are finite, within the limits and without jumps."""

from __future__ import annotations

from distill_runtime.core.checks.registry import ANY_MOTION
from distill_runtime.core.config import RunnerConfig
from distill_runtime.core.modes import Event, FAULT_ACTIONS, Mode
from distill_runtime.core.swap.swap import SwapOptions, SwapState
from hypothesis import given
from hypothesis import strategies as st
import numpy as np
import pytest
from support.machine import configs, joint_modes, Machine, ORDERS, OTHERS, ticks


@pytest.mark.fuzz
@given(config=configs, modes=joint_modes, all_ticks=st.lists(ticks, min_size=20, max_size=40))
def test_every_command_is_finite_in_range_and_near_the_last_one_or_absent(
    config, modes, all_ticks
):
    machine = Machine(config, modes)
    machine.tick()
    for tick in all_ticks:
        machine.tick(**tick)


def upset(rng):
    """Return one random disturbance, or a recovery from one."""
    kind = rng.integers(11)
    if kind == 0:
        return {'sensors': {int(rng.integers(23)): rng.choice([np.nan, np.inf, 1e300, 9.0])}}
    if kind == 1:
        return {'stamps': {'joint': int(rng.integers(-(10**9), 10**9))}}
    if kind == 2:
        return {'dt': int(rng.integers(-(10**8), 10**8))}
    if kind == 3:
        return {'output': rng.choice([np.nan, np.inf, 1e30, 0.0], 3).astype('f4').view('u4')}
    if kind == 4:
        return {'events': [Event.ESTOP]}
    if kind < 8:
        return {'events': [[Event.RESET_FAULT], [Event.START], [Event.STOP]][kind - 5]}
    if kind == 8:
        return {'back': True}
    wrong = rng.choice([0.0, 0.0, 0.0, np.nan, 1e30])
    other = {
        'kind': int(rng.integers(len(OTHERS))),
        'order': ORDERS[rng.integers(2)],
        'outputs': [np.array([1.0, rng.normal(), wrong], 'f4').view('u4')] * 20,
    }
    other['outputs'] = [np.zeros(3, 'u4')] * int(rng.integers(30)) + other['outputs']
    options = SwapOptions(shadow_time=float(rng.choice([0.0, 0.1])), max_divergence=3.0)
    return {'swap': {'other': other, 'options': options, 'returns': bool(rng.integers(2))}}


@pytest.mark.parametrize('max_joint_step', [0.0, 0.125])
@pytest.mark.parametrize('fault_action', FAULT_ACTIONS)
def test_long_run_with_many_faults_stays_within_all_limits(fault_action, max_joint_step):
    rng = np.random.default_rng(0)
    config = RunnerConfig(
        fault_action=fault_action,
        max_joint_step=max_joint_step,
        escalation_time=0.2,
        ramp_time=0.2,
        start_pose_limit=0.0,
        checks=ANY_MOTION,
    )
    machine = Machine(config, ('position',) * 3)
    seen = set()
    for _ in range(2000):
        output = rng.normal(0.0, 5.0, 3).astype(np.float32).view(np.uint32)
        pose = {int(joint): float(rng.normal(0.0, 2.0)) for joint in (1, 2, 3)}
        tick = {'output': output, 'sensors': pose}
        if rng.random() < 0.3:
            tick |= upset(rng)
        seen.add((machine.tick(**tick).mode, machine.runner.fault_action))
    assert seen >= {(Mode.STANDBY, ''), (Mode.POLICY, ''), (Mode.FAULT, fault_action)}
    ends = {swap.state for swap in machine.swaps}
    assert ends >= {SwapState.ACTING, SwapState.REFUSED, SwapState.ROLLED_BACK}


@pytest.mark.fuzz
@given(config=configs, all_ticks=st.lists(ticks, max_size=6))
def test_only_a_reset_leaves_a_fault_and_it_works_once_the_cause_is_gone(config, all_ticks):
    machine = Machine(config, ('position',) * 3)
    machine.tick()
    for tick in all_ticks:
        machine.tick(**tick)
    machine.tick(events=[Event.ESTOP])
    assert machine.runner.mode is Mode.FAULT
    for turn in range(3):
        step = machine.tick(sensors={8: 0.01 * turn}, events=[Event.START, Event.STOP])
        assert step.mode is Mode.FAULT
    step = machine.tick(sensors={8: 0.1}, events=[Event.RESET_FAULT])
    assert (step.mode, machine.runner.fault) == (Mode.STANDBY, '')
