# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from distill_runtime.spec.compile import compile_spec
from distill_runtime.spec.observation_table import observation_rows
import pytest
from support.specs import JOINTS, make_spec

GRAVITY = {'term': 'projected_gravity'}
SPEED = {'term': 'joint_velocity', 'scale': [1, 2, 3]}


def rows_of(*terms, **changes):
    spec = make_spec(*terms, **changes)
    (rows,) = observation_rows(spec, compile_spec(spec))
    return rows


def history(**settings):
    return {'length': 2, 'major': 'term', 'order': 'oldest_first', 'fill': 'first', **settings}


def test_one_frame():
    gravity, speed = rows_of(GRAVITY, SPEED)
    assert (gravity.ages, gravity.blocks, gravity.newest) == ((0,), ((0, 2),), (0, 2))
    assert speed.blocks == ((3, 5),)
    assert speed.elements == JOINTS
    assert speed.scale == (1.0, 2.0, 3.0)
    assert (speed.unit, speed.origin) == ('rad/s', 'JointState')


@pytest.mark.parametrize(('order', 'ages'), [('oldest_first', (1, 0)), ('newest_first', (0, 1))])
@pytest.mark.parametrize(
    ('major', 'gravity_blocks', 'speed_blocks'),
    [
        ('term', ((0, 2), (3, 5)), ((6, 8), (9, 11))),
        ('frame', ((0, 2), (6, 8)), ((3, 5), (9, 11))),
    ],
)
def test_layout_of_two_frames(order, ages, major, gravity_blocks, speed_blocks):
    gravity, speed = rows_of(GRAVITY, SPEED, history=history(order=order, major=major))
    assert gravity.ages == speed.ages == ages
    assert gravity.blocks == gravity_blocks
    assert speed.blocks == speed_blocks
    assert gravity.newest == gravity_blocks[ages.index(0)]


def test_sparse_history_keeps_its_steps():
    steps = {'steps': [0, 4, 2], 'major': 'term', 'fill': 'zeros'}
    (gravity,) = rows_of(GRAVITY, history=steps)
    assert gravity.ages == (0, 4, 2)
    assert gravity.newest == (0, 2)


def test_term_may_override_the_history():
    gravity, speed = rows_of({**GRAVITY, 'history': {'length': 3}}, SPEED, history=history())
    assert (gravity.ages, speed.ages) == ((2, 1, 0), (1, 0))
    assert speed.blocks == ((9, 11), (12, 14))


PHASE = {'term': 'gait_phase', 'frequency': 1.0, 'offsets': [0, 3], 'advance': 'after'}


@pytest.mark.parametrize(
    ('term', 'elements', 'unit', 'origin'),
    [
        ({'term': 'velocity_command'}, ('vx', 'vy', 'yaw'), 'm/s rad/s', 'Twist'),
        ({'term': 'velocity_command', 'components': ['yaw']}, ('yaw',), 'rad/s', 'Twist'),
        ({'term': 'base_linear_velocity'}, ('x', 'y', 'z'), 'm/s', 'Odometry'),
        ({'term': 'base_angular_velocity'}, ('x', 'y', 'z'), 'rad/s', 'Imu'),
        ({'term': 'last_action'}, JOINTS, '-', 'network'),
        ({**SPEED, 'scale': 1, 'joints': ['knee']}, ('knee',), 'rad/s', 'JointState'),
        (
            {**PHASE, 'components': ['cos', 'sin']},
            ('cos 0', 'cos 1', 'sin 0', 'sin 1'),
            '-',
            'clock',
        ),
        ({'term': 'external', 'topic': '/scan', 'width': 2}, ('0', '1'), '-', '/scan'),
    ],
)
def test_elements_and_origin(term, elements, unit, origin):
    (row,) = rows_of(term)
    assert (row.elements, row.unit, row.origin) == (elements, unit, origin)
