# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from dataclasses import replace

from distill_runtime.core.checks.policy import PolicyChecks
from distill_runtime.core.checks.registry import CHECKS, DEFAULT_CHECKS
from distill_runtime.spec.compile import compile_spec
import numpy as np
import pytest
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


def test_small_step_of_a_target_is_no_finding():
    judge = Steps()
    for step in range(10):
        assert judge.step([0.1 * step, 0.0, -0.1 * step]) == {}


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


def test_robot_without_limits_saturates_nothing():
    judge = Steps(limits={}, target_step=1e5)
    judge.step()
    assert judge.step([1e4, -1e4, 1e4]) == {}


def test_findings_are_those_of_the_last_step_alone():
    judge = Steps()
    assert judge.step([2.0, 2.0, 2.0]) != {}
    assert judge.step([1.0, 1.0, 1.0]) == {}


def test_target_that_only_the_step_limit_binds_is_not_saturated():
    judge = Steps()
    target = np.array([0.5, 0.5, 0.5])
    assert judge.checks.judge(np.zeros(3, np.float32), target) == ()
