# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Run the active policy, and swap it for another one while the robot walks."""

from __future__ import annotations

from collections import deque

from distill_runtime.core.arrays import FloatArray
from distill_runtime.core.config import RunnerConfig
from distill_runtime.core.instance.policy_instance import PolicyInstance
import numpy as np

from .history import StepHistory
from .swap import Candidate, Swap, SwapOptions, SwapState


class Blend:
    """Mixes the targets of two policies; the share of the second grows with every step."""

    def __init__(self, num_joints: int) -> None:
        """Make all buffers; the blend is inactive."""
        self.pose = np.zeros(num_joints)
        """Target to blend from, shape (num_joints,)."""
        self._mixture = np.zeros(num_joints)
        self.source: PolicyInstance | None = None
        """Policy that updates the pose at every step; None: it is constant."""
        self._steps = self._step = 0

    @property
    def is_active(self) -> bool:
        """Whether a blend is under way."""
        return self._step < self._steps

    def begin(self, pose: FloatArray, source: PolicyInstance | None, steps: int) -> None:
        """Start a blend.

        Args:
            pose: Last target, shape (num_joints,).
            source: Policy whose targets to blend from; None: blend from the pose.
            steps: Policy steps until the end; 0: none.
        """
        self.pose[:] = pose
        self.source, self._steps, self._step = (source if steps else None), steps, 0

    def stop(self) -> None:
        """End the blend."""
        self.source, self._steps = None, 0

    def mix(self, target: FloatArray) -> FloatArray:
        """Advance by a step and return the mixture.

        Args:
            target: Of the active policy, shape (num_joints,).
        """
        self._step += 1
        if self._step >= self._steps:
            self.stop()
            return target
        if self.source is not None and self.source.is_valid:
            self.pose[:] = self.source.target
        np.subtract(target, self.pose, self._mixture)
        np.multiply(self._mixture, self._step / self._steps, self._mixture)
        np.add(self._mixture, self.pose, self._mixture)
        return self._mixture


class PolicySwitcher:
    """Runs the policy steps, with the policy that is active.

    Other threads may call ``offer`` and ``ask_back``; everything else belongs to the thread that
    ticks.

    Attributes:
        active: The policy that moves the robot.
        target: Its target after blending, before limits, shape (num_joints,).
        swap: The newest swap; None if there was none.
        previous: The policy that was active before, kept up to date during probation.
        history: History of the newest steps.
        may_shadow: Whether there is time to run policies that are not active.
        changed_swaps: Swaps whose state has changed; the reader removes them.
    """

    def __init__(self, instance: PolicyInstance, config: RunnerConfig) -> None:
        """Start with a policy."""
        compiled = instance.compiled
        num_joints = len(compiled.joints.names)
        self.active = instance
        self.target = instance.target
        self.swap: Swap | None = None
        self.previous: Candidate | None = None
        self.history = StepHistory(compiled.gravity.stop, num_joints, compiled.action)
        self.may_shadow = True
        self.changed_swaps: deque[Swap] = deque()
        self._config = config
        self._blend = Blend(num_joints)
        self._reversible_swap: Swap | None = None
        self._active_since_ns = -1
        self._has_caught_up = True
        self._rollback_reason = ''

    @property
    def is_swapping(self) -> bool:
        """Whether a policy waits to take over."""
        return self.swap is not None and self.swap.state is SwapState.WAITING

    def is_on_probation(self, stamp_ns: int) -> bool:
        """Whether the active policy took over less than its probation time ago."""
        swap = self._reversible_swap
        if swap is None:
            return False
        time = swap.options.probation_time
        if self._active_since_ns < 0:
            return time > 0.0
        return stamp_ns - self._active_since_ns < time * 1e9

    def follows_previous(self, stamp_ns: int) -> bool:
        """Whether the previous policy is kept up to date, so that it can take over at once."""
        return self._reversible_swap is not None and (
            self._blend.source is not None or self.is_on_probation(stamp_ns)
        )

    def offer(self, swap: Swap) -> bool:
        """Start a swap; return False while another one waits."""
        if self.is_swapping:
            return False
        self.swap = swap
        return True

    @property
    def is_rollback_requested(self) -> bool:
        """Whether a rollback is requested for the next step."""
        return bool(self._rollback_reason)

    def request_rollback(self, reason: str) -> None:
        """Request a rollback at the next step, if the active policy is on probation.

        Args:
            reason: Why; '' withdraws the request.
        """
        self._rollback_reason = reason

    def reset(self) -> None:
        """Prepare for a new run of ticks; the active policy stays active."""
        if self.is_swapping and self.swap is not None:
            self._end(self.swap, SwapState.REFUSED, 'swap.cancelled: the ticks ended', -1)
        self._active_since_ns = -1
        self.restart()

    def restart(self) -> None:
        """Make the next policy step the first one."""
        self._blend.stop()
        self.history.clear()
        self.active.restart()
        self.target = self.active.target
        if self.previous is not None:
            self.previous.instance.restart()
        if self.is_swapping and self.swap is not None:
            self.swap.candidate.instance.restart()

    def swap_while_stopped(self, stamp_ns: int) -> bool:
        """Swap or roll back while no policy moves the robot; return whether the policy changed."""
        if self._rollback_reason:
            return self._take_rollback(stamp_ns)
        swap = self.swap
        if swap is None or swap.state is not SwapState.WAITING:
            return False
        problem = swap.candidate.problem
        if swap.is_compared and not problem:
            problem = 'swap.cancelled: the policy stopped before the shadow was over'
        if problem:
            self._end(swap, SwapState.REFUSED, problem, stamp_ns)
            return False
        self._take_over(swap, stamp_ns, 0)
        self._active_since_ns = -1
        return True

    def roll_back(self, reason: str, stamp_ns: int) -> bool:
        """Return to the previous policy; return False where none can take over at once."""
        swap, previous = self._reversible_swap, self.previous
        if swap is None or previous is None or not self.follows_previous(stamp_ns):
            return False
        previous.follow(self.history, self.history.count)
        if previous.problem or not previous.is_up_to_date(self.history):
            return False
        rejected, self.active = self.active, previous.instance
        self.previous = Candidate(rejected, self._config)
        self._blend.begin(self.target, None, self._blend_steps(swap.options))
        self.target = self._blend.pose  # until the next step
        self._reversible_swap = None
        self._end(swap, SwapState.ROLLED_BACK, reason, stamp_ns)
        return True

    def step(self, sensor_vector: FloatArray, stamp_ns: int) -> None:
        """Do a policy step with the policy that is active from this step on.

        Args:
            sensor_vector: Sensor values and gravity, shape (gravity.stop,).
            stamp_ns: Time of the tick.
        """
        history, swap = self.history, self.swap
        if self._rollback_reason:
            self._take_rollback(stamp_ns)
        is_due = False
        if swap is not None and swap.state is SwapState.WAITING:
            is_due = self._follow_candidate(swap, stamp_ns)
        instance = self.active
        history.push(
            sensor_vector,
            instance.target,
            instance.last_action,
            instance.compiled.action,
            instance.elapsed,
            stamp_ns,
        )
        if is_due and swap is not None:
            self._take_over(swap, stamp_ns, self._blend_steps(swap.options))
            self._active_since_ns = stamp_ns
            self.active.follow(history, history.count - 1)
        else:
            instance.step(sensor_vector)
        if not self.active.is_valid:
            self.roll_back(self.active.problem, stamp_ns)
        if swap is not None:
            self._step_followers(swap, stamp_ns)
        target = self.active.target
        self.target = self._blend.mix(target) if self._blend.is_active else target

    def _take_rollback(self, stamp_ns: int) -> bool:
        """Carry out a requested rollback."""
        reason, self._rollback_reason = self._rollback_reason, ''
        return self.roll_back(reason, stamp_ns)

    def _follow_candidate(self, swap: Swap, stamp_ns: int) -> bool:
        """Let the candidate catch up; return whether it does the coming step."""
        if self.may_shadow:
            swap.candidate.follow(self.history)
        # a candidate that had to catch up does no other step in this tick
        self._has_caught_up = not self.may_shadow or swap.candidate.is_up_to_date(self.history)
        if swap.candidate.problem:
            self._end(swap, SwapState.REFUSED, swap.candidate.problem, stamp_ns)
            return False
        return swap.is_due(self.history, stamp_ns)

    def _step_followers(self, swap: Swap, stamp_ns: int) -> None:
        """Step the policies that follow the active one, and compare their targets with its."""
        if self._active_since_ns < 0:
            self._active_since_ns = stamp_ns
        if not self.follows_previous(stamp_ns):
            self._reversible_swap = None
        elif self.previous is not None:
            self._step_follower(self.previous)
        if swap.state is SwapState.WAITING and self._has_caught_up:
            self._step_follower(swap.candidate)

    def _step_follower(self, candidate: Candidate) -> None:
        """Step one policy that follows, if there is time, and compare it."""
        if candidate.problem:
            return
        if not self.may_shadow:
            candidate.skip()
            return
        candidate.follow(self.history)
        if not candidate.problem and candidate.is_up_to_date(self.history):
            candidate.compare(self.active.target)

    def _take_over(self, swap: Swap, stamp_ns: int, steps: int) -> None:
        """Make the candidate the active policy."""
        self._reversible_swap, self.previous = swap, Candidate(self.active, self._config)
        self._blend.begin(self.target, self.active, steps)
        self.active = swap.candidate.instance
        self.history.widen(self.active.compiled.action.width)
        self.target = self.active.target
        self._end(swap, SwapState.ACTING, '', stamp_ns)

    def _blend_steps(self, options: SwapOptions) -> int:
        return round(options.blend_time * 1e9 / self.active.compiled.period_ns)

    def _end(self, swap: Swap, state: SwapState, reason: str, stamp_ns: int) -> None:
        """Queue the swap, then change its state: a reader of the state finds it in the queue."""
        if swap not in self.changed_swaps:
            self.changed_swaps.append(swap)
        swap.end(state, reason, stamp_ns)
