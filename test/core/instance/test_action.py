# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from distill_runtime.core.instance.action import ActionMap
from distill_runtime.spec.compile import compile_spec
import numpy as np
import pytest
from support.specs import DEFAULT, make_spec


class Mapped:
    """An action map and what it wrote for one network output."""

    def __init__(self, output, **changes):
        compiled = compile_spec(make_spec(**changes))
        self.last = np.full(compiled.action.width, np.nan)
        self.map = ActionMap(compiled.action, compiled.joints.default_command, self.last)
        self.raw = np.array(output, np.float32)
        self.map.apply(self.raw)
        self.target = self.map.target.tolist()


def test_target_is_scale_times_action_plus_default():
    mapped = Mapped([1.0, -2.0, 0.0], action={'scale': [0.5, 0.25, 9.0]})
    assert mapped.target == [0.1 + 0.5, 0.6 - 0.5, -0.5]
    assert mapped.last.tolist() == [1.0, -2.0, 0.0]


def test_offset_in_numbers_replaces_the_default():
    assert Mapped([2, 2, 2], action={'offset': [1, 2, 3]}).target == [2.0, 3.0, 4.0]


def test_clip_comes_before_the_scale_and_shows_in_the_last_action():
    mapped = Mapped([9.0, -9.0, 0.5], action={'clip': [-2.0, 4.0], 'offset': [0, 0, 0]})
    assert mapped.last.tolist() == [4.0, -2.0, 0.5]
    assert mapped.target == [2.0, -1.0, 0.25]


def test_target_clip_comes_last_and_the_last_action_does_not_show_it():
    clip = [[-0.4, 0.4], [None, 1.0], [-1.0, None]]
    mapped = Mapped([2.0, 2.0, -2.0], action={'target_clip': clip, 'scale': 1.0})
    assert mapped.last.tolist() == [2.0, 2.0, -2.0]
    assert mapped.target == [0.4, 1.0, -1.0]


def test_target_clip_belongs_to_the_joints_that_are_acted_on():
    action = {'joints': ['ankle', 'hip'], 'scale': 1.0, 'target_clip': [[-1, 0], [0, 1]]}
    assert Mapped([5.0, -5.0], action=action).target == [0.0, 0.6, 0.0]


def test_clip_per_element_with_an_open_side():
    clip = [[-1, 1], [None, 2], [-3, None]]
    assert Mapped([9, 9, 9], action={'clip': clip}).last.tolist() == [1.0, 2.0, 9.0]
    assert Mapped([-9, -9, -9], action={'clip': clip}).last.tolist() == [-1.0, -9.0, -3.0]


def test_joints_that_the_policy_does_not_move_stay_at_their_default():
    mapped = Mapped([1.0, 2.0], action={'joints': ['ankle', 'hip'], 'scale': [1.0, 10.0]})
    assert mapped.target == [0.1 + 20.0, 0.6, -0.5 + 1.0]


def test_all_joints_in_another_order_go_where_their_names_say():
    mapped = Mapped([1.0, 2.0, 3.0], action={'joints': ['ankle', 'hip', 'knee'], 'scale': 1.0})
    assert mapped.target == [0.1 + 2.0, 0.6 + 3.0, -0.5 + 1.0]


def test_default_offset_is_zero_for_velocity_and_effort():
    mapped = Mapped([1.0, 1.0, 1.0], mode=['position', 'velocity', 'effort'])
    assert mapped.target == [0.1 + 0.5, 0.5, 0.5]


def choices_spec(**action):
    rows = [[0, 0, 0], [1, 2, 3], [4, 5, 6], [7, 8, 9]]
    return {'action': {'scale': None, 'offset': None, 'choices': rows, **action}}


def test_largest_logit_picks_its_row():
    assert Mapped([0.1, -1.0, 0.7, 0.2], **choices_spec()).target == [4.0, 5.0, 6.0]


def test_first_of_equal_logits_wins():
    assert Mapped([0.0, 5.0, 5.0, 0.0], **choices_spec()).target == [1.0, 2.0, 3.0]


def test_rows_for_some_joints_leave_the_others():
    spec = choices_spec(joints=['knee'], choices=[[1.0], [2.0]])
    assert Mapped([0.0, 1.0], **spec).target == [DEFAULT[0], 2.0, DEFAULT[2]]


class Translated(Mapped):
    """The last action, translated from the output of another policy."""

    def __init__(self, output, other_changes, **changes):
        super().__init__([3.0] * compile_spec(make_spec(**changes)).action.width, **changes)
        other = compile_spec(make_spec(**other_changes)).action
        last = np.zeros(other.width + 2)  # a row of the history may be wider
        last[other.width :] = np.nan
        other_map = ActionMap(other, np.array(DEFAULT), last[: other.width])
        other_map.apply(np.array(output, np.float32))
        self.map.translate(other, last, other_map.target)


def test_action_of_an_equivalent_layout_is_copied_bit_for_bit():
    action = {'clip': [-1.0, 1.0], 'scale': [0.0, 0.1, 0.3], 'target_clip': [[-0.1, 0.1]] * 3}
    translated = Translated([9.0, 1.0 / 3.0, -0.7], {'action': action}, action=action)
    assert translated.last.tolist() == [1.0, float(np.float32(1.0 / 3.0)), float(np.float32(-0.7))]


@pytest.mark.parametrize(
    'other',
    [
        {'scale': 0.25},
        {'offset': [0.0, 0.0, 0.0]},
        {'clip': [-5.0, 5.0]},
        {'target_clip': [[-0.7, 0.7]] * 3},
    ],
)
def test_action_of_another_layout_is_the_one_that_gives_the_same_targets(other):
    scale = other.get('scale', 0.5)
    offset = np.array(other.get('offset', DEFAULT))
    translated = Translated([0.5, -1.0, 0.25], {'action': {'scale': 0.5, **other}})
    targets = scale * np.array([0.5, -1.0, 0.25]) + offset
    assert translated.last.tolist() == pytest.approx(((targets - DEFAULT) / 0.5).tolist())


def test_translated_action_is_clipped():
    translated = Translated([1.0, -1.0, 0.5], {}, action={'scale': 0.25, 'clip': [-1.5, 1.0]})
    assert translated.last.tolist() == pytest.approx([1.0, -1.5, 1.0])


def test_translated_action_of_a_joint_with_zero_scale_is_zero():
    translated = Translated([1.0, 1.0, 1.0], {}, action={'scale': [0.0, 0.25, 0.5]})
    assert translated.last.tolist() == pytest.approx([0.0, 2.0, 1.0])


def test_action_is_translated_for_the_joints_of_the_policy():
    few = {'action': {'joints': ['ankle', 'hip'], 'scale': 0.25}}
    assert Translated([1.0, 2.0, 3.0], {}, **few).last.tolist() == pytest.approx([6.0, 2.0])
    assert Translated([6.0, 2.0], few).last.tolist() == pytest.approx([1.0, 0.0, 3.0])


def test_action_over_the_same_choices_is_copied():
    translated = Translated([0.5, -1.0, 0.25, 2.0], choices_spec(), **choices_spec())
    assert translated.last.tolist() == [0.5, -1.0, 0.25, 2.0]


def test_action_over_choices_is_zero_after_another_kind_of_policy():
    assert Translated([1.0, 2.0, 3.0], {}, **choices_spec()).last.tolist() == [0.0] * 4
    other = choices_spec(choices=[[0, 0, 0], [1, 1, 1]])
    assert Translated([1.0, 2.0], other, **choices_spec()).last.tolist() == [0.0] * 4
    targets_of_a_row = Translated([0.0, 0.0, 0.0, 1.0], choices_spec())
    expected = ((np.array([7.0, 8.0, 9.0]) - DEFAULT) / 0.5).tolist()
    assert targets_of_a_row.last.tolist() == pytest.approx(expected)


def test_translation_follows_a_change_of_the_active_policy():
    mapped = Mapped([0.0, 0.0, 0.0])
    target = np.array(DEFAULT) + 0.5
    other, same = compile_spec(make_spec(action={'scale': 0.25})), compile_spec(make_spec())
    for compiled, expected in ((other, 1.0), (same, 7.0), (other, 1.0)):
        mapped.map.translate(compiled.action, np.full(3, 7.0), target)
        assert mapped.last.tolist() == pytest.approx([expected] * 3)
