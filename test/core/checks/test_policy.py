# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from dataclasses import replace

from distill_runtime.core.checks.policy import PolicyChecks, TrainedRange
from distill_runtime.core.checks.registry import CHECKS, checks_without, DEFAULT_CHECKS
from distill_runtime.core.modes import Mode
from distill_runtime.spec.compile import compile_spec
from hypothesis import given
from hypothesis import strategies as st
import numpy as np
import pytest
from support.rig import walking
from support.specs import make_spec

LIMITS = {'position': [[-1.0, 1.0]] * 3}


class Steps:
    """Target checks of a small robot, called once per policy step."""

    def __init__(self, clip=None, mode='position', limits=None, **thresholds):
        action = {} if clip is None else {'clip': clip}
        spec = make_spec(
            limits=LIMITS if limits is None else limits,
            default_position=[0.0] * 3,
            action=action,
            mode=mode,
        )
        checks = {
            name: replace(CHECKS[name].default, limit=limit) for name, limit in thresholds.items()
        }
        compiled = compile_spec(spec)
        self.joints = compiled.joints
        self.checks = PolicyChecks(compiled, {**DEFAULT_CHECKS, **checks})

    def step(self, target=(0.0, 0.0, 0.0), action=(0.0, 0.0, 0.0)):
        """Return {check: reason} of a policy step."""
        wanted = np.array(target, float)
        command = np.clip(wanted, self.joints.lower, self.joints.upper)
        is_free = bool(np.array_equal(wanted, command))
        findings = self.checks.judge(np.array(action, np.float32), wanted, is_free)
        return {finding.check: finding.reason for finding in findings}


@pytest.mark.parametrize('sign', [-1.0, 1.0])
def test_jump_of_a_target_is_found_above_its_threshold(sign):
    judge = Steps(target_step=0.5)
    judge.step()
    assert judge.step([0.0, sign * 0.5, 0.0]) == {}
    judge.step()
    assert judge.step([0.25, sign * 0.75, 0.0]) == {
        'target_step': f'target.step: target of knee jumps by {sign * 0.75:.3f} rad in one policy '
        'step, expected within 0.500 rad'
    }


@pytest.mark.parametrize('longest_step', [0.1, 0.5, 1.0, np.inf])
def test_jump_is_found_whatever_steps_the_commands_are_limited_to(longest_step):
    judge = Steps(target_step=0.5)
    command = np.zeros(3)
    for target, is_found in ((0.0, False), (0.8, True), (0.9, False), (0.3, True)):
        wanted = np.array([0.0, target, 0.0])
        np.clip(wanted, command - longest_step, command + longest_step, out=command)
        is_free = bool(np.array_equal(wanted, command))
        findings = judge.checks.judge(np.zeros(3, np.float32), wanted, is_free, longest_step)
        assert bool(findings) is is_found


def test_small_jumps_of_all_joints_do_not_add_up():
    judge = Steps(target_step=0.5)
    judge.step()
    assert judge.step([0.4, 0.4, 0.4]) == {}


def test_first_target_and_the_first_after_a_reset_do_not_jump():
    judge = Steps(target_step=0.5)
    assert judge.step([0.9, 0.9, 0.9]) == {}
    assert judge.step([-0.9, 0.9, 0.9]) != {}
    judge.checks.reset()
    assert judge.step([0.9, 0.9, 0.9]) == {}


def test_velocities_and_efforts_may_jump():
    judge = Steps(mode=['position', 'velocity', 'effort'], limits={}, target_step=0.5)
    judge.step()
    assert judge.step([0.0, 9.0, -90.0]) == {}


def test_share_of_targets_beyond_their_limits_is_found_from_its_threshold_on():
    judge = Steps(action_saturation=0.5, target_step=100.0)
    assert judge.step([1.0, -1.0, 1.0]) == {}
    assert judge.step([1.1, 0.0, 0.0]) == {}
    assert judge.step([1.1, -1.1, 0.0]) == {
        'action_saturation': 'action.saturated: 67% of the targets lie beyond the limits of their '
        'joints, expected less than 50%: are scale and offset right?'
    }


def test_share_that_equals_the_threshold_is_found():
    assert 'action_saturation' in Steps(action_saturation=1.0).step([2.0, 2.0, -2.0])


def test_zero_threshold_still_needs_one_joint_beyond_its_limit():
    judge = Steps(action_saturation=0.0)
    assert judge.step([1.0, -1.0, 0.0]) == {}
    assert 'action_saturation' in judge.step([1.0001, -1.0, 0.0])


def test_actions_beyond_their_clip_are_found_while_targets_are_in_range():
    judge = Steps(clip=[-5.0, 2.0])
    assert judge.step(action=[2.0, -5.0, 2.0]) == {}
    assert judge.step(action=[2.1, -5.0, 0.0]) == {}
    assert judge.step(action=[2.1, -5.1, 0.0]) == {
        'action_saturation': 'action.saturated: 67% of the actions lie beyond their clip, '
        'expected less than 50%: are scale and offset right?'
    }


@pytest.mark.parametrize('clip', [[None, 2.0], [-2.0, None]])
def test_clip_may_be_open_on_one_side(clip):
    judge = Steps(clip=clip)
    side = 1.0 if clip[1] else -1.0
    assert judge.step(action=[-1000.0 * side] * 3) == {}
    assert 'action_saturation' in judge.step(action=[2.1 * side, 2.1 * side, 0.0])


def test_clip_that_excludes_zero_finds_small_actions():
    judge = Steps(clip=[1.0, 2.0])
    assert judge.step(action=[1.0, 1.5, 2.0]) == {}
    assert 'action_saturation' in judge.step(action=[0.0, 0.5, 1.5])


def test_target_that_only_the_step_limit_binds_is_not_saturated():
    judge = Steps()
    target = np.array([0.5, 0.5, 0.5])
    assert judge.checks.judge(np.zeros(3, np.float32), target) == ()


POSITION = {'term': 'joint_position', 'relative': False}


def entry_with(trained_range, **term):
    spec = make_spec({**POSITION, 'trained_range': trained_range, **term})
    return compile_spec(spec).inputs[0]


def found(frame, trained_range, margin=0.1):
    frame = np.array(frame, np.float32)
    return TrainedRange(entry_with(trained_range), frame, margin).find()


def test_bound_is_inclusive():
    assert found([2.0, -2.0, 0.0], [-2.0, 2.0], margin=0.0) == ()
    beyond = np.nextafter(np.float32(2.0), np.float32(3.0))
    assert found([0.0, beyond, 0.0], [-2.0, 2.0], margin=0.0)


def test_worst_element_is_named_with_what_is_expected():
    (finding,) = found([1.5, -2.0, 1.3], [-1.0, 1.0])
    assert finding.check == 'observation_range'
    assert finding.reason == (
        "observation.range: element 1 of a frame of 'obs' is -2, expected -1.2 to 1.2, as in "
        'training'
    )


@pytest.mark.parametrize(
    ('pair', 'inside', 'outside'),
    [
        ([None, 1.0], [-1e6, 1.0, 0.0], [0.0, 1.01, 0.0]),
        ([-1.0, None], [1e6, -1.0, 0.0], [0.0, -1.01, 0.0]),
    ],
)
def test_range_may_be_open_on_one_side_and_then_has_no_margin(pair, inside, outside):
    assert found(inside, pair) == ()
    assert found(outside, pair)


def test_each_call_checks_the_present_frame():
    frame = np.zeros(3, np.float32)
    trained = TrainedRange(entry_with([-1.0, 1.0]), frame, 0.0)
    assert trained.find() == ()
    frame[2] = 2.0
    assert trained.find()
    frame[2] = 0.0
    assert trained.find() == ()


def test_term_without_a_range_is_free_beside_one_with():
    spec = make_spec({**POSITION, 'trained_range': [-1.0, 1.0]}, {'term': 'joint_velocity'})
    lower, upper = compile_spec(spec).inputs[0].trained_range
    assert lower.tolist() == [-1.0] * 3 + [-np.inf] * 3
    assert upper.tolist() == [1.0] * 3 + [np.inf] * 3


def test_spec_without_any_range_gives_none():
    assert compile_spec(make_spec(POSITION)).inputs[0].trained_range is None


def test_range_holds_for_what_the_network_sees():
    spec = make_spec(
        {'term': 'joint_velocity', 'scale': 0.05, 'trained_range': [-1.0, 1.0]},
        {**POSITION, 'clip': [-0.5, 0.5], 'trained_range': [-0.5, 0.5]},
    )
    rig = walking(spec, checks=checks_without('input_frozen', 'joint_velocity', 'joint_position'))
    rig.sensors.joint_velocity[:] = 20.0  # seen as 1
    rig.place([3.0, 3.0, 3.0])  # seen as 0.5
    for _ in range(20):
        assert rig.tick().reason == ''
    rig.sensors.joint_velocity[1] = 30.0
    for _ in range(12):
        step = rig.tick()
    assert step.mode is Mode.FAULT
    assert step.reason.startswith("observation.range: element 1 of a frame of 'obs' is 1.5")


def test_history_is_judged_frame_by_frame():
    history = {'length': 3, 'major': 'frame', 'order': 'oldest_first', 'fill': 'first'}
    spec = make_spec({**POSITION, 'trained_range': [-1.0, 1.0]}, history=history)
    rig = walking(spec, checks=checks_without('input_frozen'))
    rig.place([2.0, 0.6, -0.5])
    rig.tick()
    rig.place([0.1, 0.6, -0.5])
    assert rig.tick().reason.startswith('observation.range: ')
    assert rig.tick().reason == ''


@given(
    frame=st.lists(st.floats(-100, 100, width=32), min_size=3, max_size=3),
    pairs=st.lists(st.tuples(st.floats(-50, 0), st.floats(0.5, 50)), min_size=3, max_size=3),
    margin=st.floats(0, 1),
)
def test_finding_equals_a_loop_over_the_elements(frame, pairs, margin):
    is_outside = False
    for value, (lower, upper) in zip(frame, pairs, strict=True):
        room = margin * (upper - lower)
        low, high = np.float32(lower - room), np.float32(upper + room)
        excess = max(float(low) - value, value - float(high))
        is_outside |= excess > 1e-20  # a smaller one is none in float32 squares
    findings = found(frame, [list(pair) for pair in pairs], margin)
    assert bool(findings) == is_outside


def test_range_of_the_layout_is_read_only():
    entry = entry_with([-1.0, 1.0])
    with pytest.raises(ValueError, match='read-only'):
        entry.trained_range[0][0] = 9.0
