# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from dataclasses import replace

from distill_runtime.core.swap.compatibility import differences
from distill_runtime.core.swap.history import DEPTH
from distill_runtime.spec.compile import compile_spec
import numpy as np
import pytest
from support.specs import make_spec

FACTS = {
    'stiffness': [20.0, 30.0, 40.0],
    'damping': [0.5, 0.6, 0.7],
    'limits': {'position': [[-1.0, 1.0]] * 3, 'velocity': [5.0] * 3, 'effort': [4.0] * 3},
}
POSITION = {'term': 'joint_position', 'relative': True}
MANY = (
    {'term': 'base_angular_velocity'},
    {'term': 'velocity_command'},
    {'term': 'base_linear_velocity'},
    {'term': 'joint_velocity'},
    POSITION,
)


def compiled(*terms, **changes):
    facts = {key: value for key, value in {**FACTS, **changes}.items() if value is not None}
    return compile_spec(make_spec(*(terms or (POSITION,)), **facts))


def test_same_policy_differs_in_nothing():
    assert differences(compiled(), compiled()) == []


def test_default_pose_scales_and_observation_may_differ():
    other = compiled(
        {**POSITION, 'scale': 2.0},
        {'term': 'last_action'},
        default_position=[0.0, 0.1, 0.2],
        action={'scale': 0.1},
    )
    assert differences(compiled(), other) == []


def test_period_must_be_the_same():
    assert differences(compiled(), compiled(period=0.01)) == ['period is 0.01 s, expected 0.02 s']


@pytest.mark.parametrize(('length', 'is_fine'), [(DEPTH // 2, True), (DEPTH // 2 + 1, False)])
def test_history_must_lie_within_what_is_remembered(length, is_fine):
    history = {'length': length, 'major': 'term', 'order': 'oldest_first', 'fill': 'first'}
    found = differences(compiled(), compiled(history=history))
    assert found == ([] if is_fine else ['history goes back 257 steps, expected at most 256'])


@pytest.mark.parametrize(
    ('changes', 'text'),
    [
        ({'mode': 'velocity'}, 'outputs.mode of hip is velocity, expected position'),
        ({'stiffness': [20.0, 31.0, 40.0]}, 'stiffness of knee is 31, expected 30'),
        ({'damping': [0.5, 0.6, 0.8]}, 'damping of ankle is 0.8, expected 0.7'),
    ],
)
def test_drives_must_be_the_same(changes, text):
    assert text in differences(compiled(), compiled(**changes))


@pytest.mark.parametrize(
    ('field', 'value', 'text'),
    [
        ('position_lower', -2.0, 'lower position limit of hip is -2, expected -1'),
        ('upper', 0.5, 'upper limit of hip is 0.5, expected 1'),
        ('velocity', 6.0, 'velocity limit of hip is 6, expected 5'),
        ('effort', 3.0, 'effort limit of hip is 3, expected 4'),
    ],
)
def test_limits_must_be_the_same(field, value, text):
    known = compiled()
    values = getattr(known.joints, field).copy()
    values[0] = value
    other = replace(known, joints=replace(known.joints, **{field: values}))
    assert differences(known, other) == [text]


def test_limits_and_gains_that_the_other_policy_leaves_open_are_not_compared():
    open_spec = compiled(stiffness=None, damping=None, limits=None)
    assert np.isinf(open_spec.joints.effort).all()
    assert differences(compiled(), open_spec) == []


def test_limits_and_gains_that_were_not_configured_differ():
    found = differences(compiled(stiffness=None, damping=None, limits=None), compiled())
    assert 'stiffness is given, and was not when the node was configured' in found
    assert 'effort limit of hip is 4, expected inf' in found


def test_gain_in_other_last_digits_is_the_same():
    assert differences(compiled(), compiled(stiffness=[20.0000000001, 30.0, 40.0])) == []


def test_each_input_that_was_not_configured_is_named():
    assert differences(compiled(), compiled(*MANY)) == [
        'imu is needed, which the node was not configured to listen to',
        'odom is needed, which the node was not configured to listen to',
        'cmd_vel is needed, which the node was not configured to listen to',
        'joint velocities are needed, which the node was not configured to read',
    ]
    assert differences(compiled(*MANY), compiled()) == []
