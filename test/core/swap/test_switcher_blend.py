# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from types import SimpleNamespace

from distill_runtime.core.swap.switcher import Blend
import numpy as np
import pytest

POSE = np.array([1.0, -1.0])
TARGET = np.array([2.0, 3.0])


def source_of(*target):
    """Return what a blend needs of an instance."""
    return SimpleNamespace(is_valid=True, target=np.array(target))


def blend_of(steps, source=None, pose=POSE):
    blend = Blend(2)
    blend.begin(pose, source, steps)
    return blend


def mixed(blend, target=TARGET):
    return blend.mix(np.array(target)).tolist()


def test_new_blend_is_inactive():
    assert not Blend(2).is_active


def test_share_grows_linearly_and_the_last_step_is_the_target_itself():
    blend = blend_of(4)
    assert [mixed(blend) for _ in range(3)] == [[1.25, 0.0], [1.5, 1.0], [1.75, 2.0]]
    assert blend.is_active
    target = np.array([0.1, 0.7])
    assert blend.mix(target) is target
    assert not blend.is_active


@pytest.mark.parametrize('steps', [0, 1])
def test_blend_of_no_time_is_at_the_target_at_once(steps):
    blend = blend_of(steps, source_of(9.0, 9.0))
    assert blend.is_active is (steps == 1)
    target = np.array([0.1, 0.7])
    assert blend.mix(target) is target
    assert not blend.is_active


def test_targets_of_both_policies_are_followed_while_they_move():
    source = source_of(0.0, 0.0)
    blend = blend_of(4, source)
    for share, start, target in ((0.25, 1.0, 2.0), (0.5, -3.0, 5.0), (0.75, 2.0, -2.0)):
        source.target[:] = start
        expected = (1.0 - share) * start + share * target
        assert mixed(blend, [target, target]) == pytest.approx([expected] * 2)


def test_invalid_source_is_replaced_by_its_last_valid_target():
    source = source_of(0.0, 4.0)
    blend = blend_of(4, source)
    assert mixed(blend, [1.0, 0.0]) == [0.25, 3.0]
    source.is_valid = False
    source.target[:] = np.nan
    assert mixed(blend, [1.0, 0.0]) == [0.5, 2.0]
    assert mixed(blend, [1.0, 0.0]) == [0.75, 1.0]


def test_source_that_is_never_valid_is_replaced_by_the_first_pose():
    source = source_of(np.nan, np.nan)
    source.is_valid = False
    assert mixed(blend_of(2, source)) == [1.5, 1.0]


def test_source_is_needed_only_while_it_is_blended_from():
    source = source_of(0.0, 0.0)
    assert blend_of(0, source).source is None
    blend = blend_of(2, source)
    assert blend.source is source
    blend.mix(TARGET)
    blend.mix(TARGET)
    assert blend.source is None
    blend.begin(POSE, source, 2)
    blend.stop()
    assert (blend.source, blend.is_active) == (None, False)


def test_pose_and_target_are_not_written():
    pose, target = POSE.copy(), TARGET.copy()
    blend = blend_of(3, pose=pose)
    mixture = blend.mix(target)
    mixture[:] = 9.0
    assert pose.tolist() == POSE.tolist()
    assert target.tolist() == TARGET.tolist()
    assert blend.mix(target).tolist() == pytest.approx([1.0 + 2.0 / 3.0, -1.0 + 8.0 / 3.0])


def test_new_blend_continues_from_the_present_mixture():
    blend = blend_of(4)
    blend.begin(blend.mix(TARGET), None, 2)
    assert mixed(blend, [3.25, 4.0]) == [2.25, 2.0]
    assert mixed(blend, [3.25, 4.0]) == [3.25, 4.0]


def test_pose_is_where_the_blend_comes_from():
    source = source_of(0.0, 4.0)
    blend = blend_of(3, source)
    assert blend.pose.tolist() == POSE.tolist()
    blend.mix(TARGET)
    assert blend.pose.tolist() == [0.0, 4.0]
