# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""A tick allocates no array.

NumPy reports its memory to tracemalloc, but a snapshot shows only live objects. So the robot of
these tests has a thousand joints: any temporary array raises the peak by kilobytes, while the
floats, tuples and views of a tick stay far below.
"""

from __future__ import annotations

import tracemalloc

from distill_runtime.core.modes import Event, Mode
from distill_runtime.core.pd import JointPD
import numpy as np
import pytest
from support.rig import Rig
from support.specs import make_spec

NUM_JOINTS = 1000
SMALLEST_ARRAY = 4 * NUM_JOINTS
JOINTS = [f'joint_{number}' for number in range(NUM_JOINTS)]
TERMS = (
    {'term': 'base_linear_velocity'},
    {'term': 'projected_gravity'},
    {'term': 'velocity_command', 'scale': [2, 2, 0.25]},
    {'term': 'joint_position', 'relative': True, 'clip': [-3, 3]},
    {'term': 'joint_velocity', 'scale': 0.05, 'clip': [-100, 100], 'order': 'scale_then_clip'},
    {'term': 'last_action'},
    {
        'term': 'gait_phase',
        'frequency': 1.5,
        'offsets': [0.0, 3.14],
        'components': ['cos', 'sin'],
        'advance': 'after',
        'standing': {'below': 0.1, 'phase': 3.14},
    },
)
HISTORIES = {
    'none': {'length': 1},
    'term': {'length': 3, 'major': 'term', 'order': 'oldest_first', 'fill': 'first'},
    'frame': {'steps': [0, 1, 4], 'major': 'frame', 'fill': 'zeros'},
}


def big_rig(history='term', action=None, mode='position', **options):
    spec = make_spec(
        *TERMS,
        joints=JOINTS,
        default_position=[0.1] * NUM_JOINTS,
        stiffness=[10.0] * NUM_JOINTS,
        damping=[1.0] * NUM_JOINTS,
        limits={'position': [[-1, 1]] * NUM_JOINTS, 'effort': [5.0] * NUM_JOINTS},
        command={'lower': [-1, -1, -1], 'upper': [1, 1, 1]},
        history=HISTORIES[history],
        action={'clip': [-100, 100], 'scale': [0.5] * NUM_JOINTS, **(action or {})},
        mode=mode,
    )
    return Rig(spec, output=0.5, robot_joints=tuple(reversed(JOINTS)), **options)


def peak_of(function, repeat=200):
    """Return the peak rise of memory in bytes while a function runs repeatedly."""
    for _ in range(10):
        function()
    tracemalloc.start()
    try:
        function()
        tracemalloc.reset_peak()
        before, _ = tracemalloc.get_traced_memory()
        for _ in range(repeat):
            function()
        return tracemalloc.get_traced_memory()[1] - before
    finally:
        tracemalloc.stop()


def test_the_measure_sees_an_array_that_lives_for_a_moment():
    values = np.zeros(NUM_JOINTS, np.float32)
    assert peak_of(lambda: values + values) >= SMALLEST_ARRAY
    assert peak_of(lambda: np.add(values, values, values)) < SMALLEST_ARRAY // 2


WALKING = {
    **{f'history_{name}': {'history': name} for name in HISTORIES},
    **{
        f'between_steps_{kind}': {'ticks_per_step': 4, 'interpolation': kind}
        for kind in ('hold', 'linear')
    },
    'some_joints': {'action': {'joints': JOINTS[1:], 'scale': 0.5}},
    'choices': {'action': {'scale': None, 'offset': None, 'choices': [[0.0] * NUM_JOINTS] * 3}},
}


@pytest.mark.parametrize('options', WALKING.values(), ids=WALKING)
def test_policy_tick_allocates_no_array(options):
    rig = big_rig(**options, start_in='policy')
    assert peak_of(rig.tick) < SMALLEST_ARRAY // 2
    assert rig.runner.mode is Mode.POLICY


@pytest.mark.parametrize('action', ['', 'hold', 'default_pose', 'damp', 'stop'])
def test_tick_in_standby_or_a_fault_allocates_no_array(action):
    rig = big_rig(fault_action=action or 'damp', ramp_time=100.0)
    rig.tick()
    if action:
        rig.ask(Event.ESTOP)
    assert peak_of(rig.tick) < SMALLEST_ARRAY // 2
    assert rig.runner.mode is (Mode.FAULT if action else Mode.STANDBY)


def test_tick_of_a_stop_allocates_no_array():
    rig = big_rig(start_in='policy', stop_timeout=100.0)
    rig.sensors.velocity_command[:] = 0.5
    rig.tick()
    rig.ask(Event.STOP)
    rig.number = 0

    def step_in_place():
        rig.number += 1
        rig.sensors.joint_position.fill(0.05 * (rig.number % 10))
        rig.tick()

    assert peak_of(step_in_place) < SMALLEST_ARRAY // 2
    assert rig.runner.mode is Mode.STOPPING


@pytest.mark.parametrize('mode', ['position', ['velocity', 'effort'] * (NUM_JOINTS // 2)])
def test_joint_efforts_allocate_no_array(mode):
    pd = JointPD(big_rig(mode=mode).compiled.joints)
    arrays = [np.full(NUM_JOINTS, value) for value in (0.1, 0.2, 0.3)]
    assert peak_of(lambda: pd.compute(*arrays)) < SMALLEST_ARRAY // 2
