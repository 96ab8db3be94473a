# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import math

from distill_runtime.core.arrays import locked_floats
from distill_runtime.spec.compile import compile_spec
from distill_runtime.spec.term import clip_arrays
import pytest
from support.rig import Rig, walking
from support.specs import make_spec

POSITION = {'term': 'joint_position', 'relative': True}
GRAVITY = {'term': 'projected_gravity'}


def entry_of(*terms, **changes):
    return compile_spec(make_spec(*terms, **changes)).inputs[0]


def test_relative_positions_subtract_the_default_of_the_same_joint():
    entry = entry_of({**POSITION, 'joints': ['ankle', 'hip'], 'masked': ['hip']}, GRAVITY)
    assert entry.offset.tolist() == [-0.5, 0.0, 0.0, 0.0, 0.0]


def test_absolute_positions_have_no_offset():
    assert entry_of({**POSITION, 'relative': False}).offset.tolist() == [0.0] * 3


def test_constant_is_itself_times_its_scale():
    rig = walking(make_spec({'term': 'constant', 'values': [2.0, -0.5], 'scale': [1.0, 4.0]}))
    assert rig.policy.observation.tolist() == [2.0, -2.0]


@pytest.mark.parametrize(
    ('quaternion', 'expected'),
    [('wxyz', [0.5, -0.5, 0.5, 0.5]), ('xyzw', [-0.5, 0.5, 0.5, 0.5])],
)
def test_orientation_is_the_one_of_the_imu_in_the_order_asked_for(quaternion, expected):
    rig = Rig(
        make_spec({'term': 'base_orientation', 'quaternion': quaternion}),
        start_in='policy', tilt_limit=0.0,
    )  # fmt: skip
    assert rig.compiled.needs_imu
    rig.sensors.quat_base_to_world[:] = 0.5, -0.5, 0.5, 0.5
    rig.tick()
    assert rig.policy.observation.tolist() == expected


def test_scales_are_spread_over_the_elements():
    entry = entry_of({**POSITION, 'scale': 2.0}, {**GRAVITY, 'scale': [3, 4, 5]})
    assert entry.scale.tolist() == [2.0, 2.0, 2.0, 3.0, 4.0, 5.0]


def test_clips_go_before_or_after_the_scale_term_by_term():
    entry = entry_of(
        {**POSITION, 'clip': [-1, 1]}, {**GRAVITY, 'clip': [-2, 2], 'order': 'scale_then_clip'}
    )
    assert entry.clip_before[1].tolist() == [1.0] * 3 + [math.inf] * 3
    assert entry.clip_after[1].tolist() == [math.inf] * 3 + [2.0] * 3


def test_depth_is_that_of_the_oldest_frame():
    sparse = {'steps': [0, 7], 'major': 'frame', 'fill': 'zeros'}
    assert entry_of(GRAVITY, history=sparse).depth == 8
    assert entry_of(GRAVITY).depth == 1


def test_layout_picks_window_elements_oldest_first():
    frames = {'length': 2, 'order': 'newest_first', 'fill': 'first'}
    terms = ({**POSITION, 'joints': ['hip']}, {**POSITION, 'joints': ['knee']})
    # window: frame of the step before (0, 1), then the newest (2, 3)
    assert entry_of(*terms, history={**frames, 'major': 'frame'}).layout.tolist() == [2, 3, 0, 1]
    assert entry_of(*terms, history={**frames, 'major': 'term'}).layout.tolist() == [2, 0, 3, 1]


def test_no_clip_has_no_arrays():
    assert clip_arrays([]) is None
    assert clip_arrays([(None, None)] * 3) is None


def test_bounds_are_infinite_on_open_sides():
    lower, upper = clip_arrays([(None, 1.0), (-2.0, None)])
    assert lower.tolist() == locked_floats([-math.inf, -2.0]).tolist()
    assert upper.tolist() == [1.0, math.inf]
