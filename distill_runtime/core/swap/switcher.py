# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Runs the policy that acts, and goes over to another one while the robot walks.

From the targets of one policy to those of the next.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from distill_runtime.core.arrays import FloatArray
from distill_runtime.core.config import RunnerConfig
from distill_runtime.core.instance.policy_instance import PolicyInstance
import numpy as np

from .candidate import Candidate
from .history import StepHistory
from .swap import Swap, SwapOptions, SwapState


class Blend:
    """Mixes two targets, with a share that grows step by step; at rest at its end."""

    def __init__(self, num_joints: int) -> None:
        """Prepare all buffers; no blend is under way."""
        self.pose = np.zeros(num_joints)
        """Where it comes from, shape (num_joints,)."""
        self._mixture = np.zeros(num_joints)
        self.source: PolicyInstance | None = None
        """Who goes on giving that pose; None: nobody, or no blend is under way."""
        self._steps = self._step = 0

    @property
    def is_active(self) -> bool:
        """Whether a blend is under way."""
        return self._step < self._steps

    def begin(self, pose: FloatArray, source: PolicyInstance | None, steps: int) -> None:
        """Begin.

        Args:
            pose: Last target, shape (num_joints,).
            source: Who goes on giving targets to come from; None: the pose stands for them.
            steps: Policy steps until the end; 0: at once.
        """
        self.pose[:] = pose
        self.source, self._steps, self._step = (source if steps else None), steps, 0

    def stop(self) -> None:
        """End at once."""
        self.source, self._steps = None, 0

    def mix(self, target: FloatArray) -> FloatArray:
        """Return what is wanted at this step.

        Args:
            target: Of the policy that acts, shape (num_joints,).
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
    """Policy steps among the control ticks, and who does them.

    Other threads call ``offer`` and ``ask_back``, and set ``watcher``; all else belongs to the
    thread that ticks.

    Attributes:
        instance: The policy that acts.
        swap: The newest change of it; None if there was none.
        previous: Who acted before, up to date while the new policy is on probation.
        watcher: A policy that is compared for as long as it is here; None for none.
        ring: What the newest steps saw.
        may_shadow: Whether there is time for policies that do not act.
        news: Swaps whose state has changed; whoever reads them removes them.
    """

    def __init__(self, instance: PolicyInstance, config: RunnerConfig) -> None:
        """Let a policy act.

        Args:
            instance: The policy.
            config: Ticks per step, interpolation, checks.
        """
        compiled = instance.compiled
        num_joints = len(compiled.joints.names)
        self.active = instance
        self.swap: Swap | None = None
        self.previous: Candidate | None = None
        self.watcher: Candidate | None = None
        self.ring = StepHistory(compiled.gravity.stop, num_joints, compiled.action)
        self.may_shadow = True
        self.news: deque[Swap] = deque()
        self._config = config
        self._ticks = config.ticks_per_step
        self._is_interpolated = config.interpolation == 'linear' and self._ticks > 1
        self._tick = 0
        self._blend = Blend(num_joints)
        self._goal = instance.target
        self._last_goal = np.zeros(num_joints)
        self._wanted = np.zeros(num_joints)
        self._reversible_swap: Swap | None = None  # what can be undone at once
        self._acting_since_ns = -1
        self._has_caught_up = True
        self._rollback_reason = ''

    @property
    def target(self) -> FloatArray:
        """What is wanted at this tick, before limits, shape (num_joints,)."""
        return self._wanted if self._is_interpolated else self._goal

    @property
    def is_step_due(self) -> bool:
        """Whether the policy runs at the next tick."""
        return self._tick % self._ticks == 0

    @property
    def is_swapping(self) -> bool:
        """Whether a policy waits to take over."""
        return self.swap is not None and self.swap.state is SwapState.WAITING

    def is_on_probation(self, stamp_ns: int) -> bool:
        """Whether the policy has not acted for long.

        Args:
            stamp_ns: Time of the tick.
        """
        swap = self._reversible_swap
        if swap is None:
            return False
        time = swap.terms.probation_time
        if self._acting_since_ns < 0:
            return time > 0.0
        return stamp_ns - self._acting_since_ns < time * 1e9

    def follows_previous(self, stamp_ns: int) -> bool:
        """Whether the policy before is kept up to date, so that it can act at once.

        Args:
            stamp_ns: Time of the tick.
        """
        return self._reversible_swap is not None and (
            self._blend.source is not None or self.is_on_probation(stamp_ns)
        )

    def offer(self, swap: Swap) -> bool:
        """Have a policy take over as soon as it may; return whether it was taken.

        Args:
            swap: Primed with the ring.
        """
        if self.is_swapping:
            return False
        self.swap = swap
        return True

    @property
    def is_asked_back(self) -> bool:
        """Whether the next step is to return to the previous policy."""
        return bool(self._rollback_reason)

    def ask_back(self, reason: str) -> None:
        """Return to the previous policy at the next step, if the present one is on probation.

        Args:
            reason: Why; '' if it is not wanted any more.
        """
        self._rollback_reason = reason

    def reset(self) -> None:
        """Begin with a new run of ticks; the policy that acts goes on acting."""
        if self.is_swapping and self.swap is not None:
            self._end(self.swap, SwapState.REFUSED, 'swap.cancelled: the ticks ended', -1)
        self._acting_since_ns = -1
        self.restart()

    def restart(self) -> None:
        """Make the next policy step the first one."""
        self._tick = 0
        self._blend.stop()
        self.ring.clear()
        self.active.restart()
        self._goal = self.active.target
        for shadow in (self.previous, self.watcher):
            if shadow is not None:
                shadow.instance.restart()
        if self.is_swapping and self.swap is not None:
            self.swap.shadow.instance.restart()

    def settle(self, stamp_ns: int) -> bool:
        """Change the policy while none moves the robot; return whether it has changed.

        Args:
            stamp_ns: Time of the tick.
        """
        if self._rollback_reason:
            reason, self._rollback_reason = self._rollback_reason, ''
            return self.roll_back(reason, stamp_ns)
        swap = self.swap
        if swap is None or swap.state is not SwapState.WAITING:
            return False
        problem = swap.shadow.problem
        if swap.is_shown and not problem:
            problem = 'swap.cancelled: the policy stopped before the shadow was over'
        if problem:
            self._end(swap, SwapState.REFUSED, problem, stamp_ns)
            return False
        self._take_over(swap, stamp_ns, 0)
        self._acting_since_ns = -1
        return True

    def tick(
        self, sensor_vector: FloatArray, start: Callable[[], FloatArray], stamp_ns: int
    ) -> bool:
        """Run the policy if it is due; return whether it was.

        Args:
            sensor_vector: Sensor values and gravity, shape (gravity.stop,).
            start: Gives the pose that the first target is reached from.
            stamp_ns: Time of the tick.
        """
        phase = self._tick % self._ticks
        self._tick += 1
        if phase == 0:
            if self._is_interpolated:
                self._last_goal[:] = self._goal if self._tick > 1 else start()
            self._step(sensor_vector, stamp_ns)
        if self._is_interpolated:
            np.subtract(self._goal, self._last_goal, self._wanted)
            np.multiply(self._wanted, (phase + 1) / self._ticks, self._wanted)
            np.add(self._wanted, self._last_goal, self._wanted)
        return phase == 0

    def roll_back(self, reason: str, stamp_ns: int) -> bool:
        """Return to the previous policy; return whether there is one that can act at once.

        Args:
            reason: Why.
            stamp_ns: Time of the tick.
        """
        swap, previous = self._reversible_swap, self.previous
        if swap is None or previous is None or not self.follows_previous(stamp_ns):
            return False
        previous.follow(self.ring, self.ring.count)
        if previous.problem or not previous.is_up_to_date(self.ring):
            return False
        left, self.active = self.active, previous.instance
        self.previous = Candidate(left, self._config)
        self._blend.begin(self._goal, None, self._blend_steps(swap.terms))
        self._goal = self._blend.pose  # until the next step
        self._reversible_swap = None
        self._end(swap, SwapState.ROLLED_BACK, reason, stamp_ns)
        return True

    def _step(self, sensor_vector: FloatArray, stamp_ns: int) -> None:
        """Do a policy step, with whoever acts now."""
        ring, swap = self.ring, self.swap
        if self._rollback_reason:
            reason, self._rollback_reason = self._rollback_reason, ''
            self.roll_back(reason, stamp_ns)
        is_due = False
        if swap is not None and swap.state is SwapState.WAITING:
            is_due = self._follow_candidate(swap, stamp_ns)
        instance = self.active
        ring.push(
            sensor_vector,
            instance.target,
            instance.last_action,
            instance.compiled.action,
            instance.elapsed,
            stamp_ns,
        )
        if is_due and swap is not None:
            self._take_over(swap, stamp_ns, self._blend_steps(swap.terms))
            self._acting_since_ns = stamp_ns
            self.active.follow(ring, ring.count - 1)
        else:
            instance.step(sensor_vector)
        if not self.active.is_valid:
            self.roll_back(self.active.problem, stamp_ns)
        if swap is not None or self.watcher is not None:
            self._step_followers(stamp_ns)
        target = self.active.target
        self._goal = self._blend.mix(target) if self._blend.is_active else target

    def _follow_candidate(self, swap: Swap, stamp_ns: int) -> bool:
        """Let the next policy catch up; return whether it is to do the coming step."""
        if self.may_shadow:
            swap.shadow.follow(self.ring)
        # who catches up has done enough for one tick
        self._has_caught_up = not self.may_shadow or swap.shadow.is_up_to_date(self.ring)
        if swap.shadow.problem:
            self._end(swap, SwapState.REFUSED, swap.shadow.problem, stamp_ns)
            return False
        return swap.is_due(self.ring, stamp_ns)

    def _step_followers(self, stamp_ns: int) -> None:
        """Let those follow that do not act, and compare."""
        swap, target = self.swap, self.active.target
        if self._acting_since_ns < 0:
            self._acting_since_ns = stamp_ns
        followers = [self.watcher]
        if self.follows_previous(stamp_ns):
            followers.append(self.previous)
        else:
            self._reversible_swap = None
        if swap is not None and swap.state is SwapState.WAITING and self._has_caught_up:
            followers.append(swap.shadow)
        for shadow in followers:
            if shadow is None or shadow.problem:
                continue
            if not self.may_shadow:
                shadow.skip()
                continue
            shadow.follow(self.ring)
            if not shadow.problem and shadow.is_up_to_date(self.ring):
                shadow.compare(target)

    def _take_over(self, swap: Swap, stamp_ns: int, steps: int) -> None:
        """Let the next policy act from now on."""
        self._reversible_swap, self.previous = swap, Candidate(self.active, self._config)
        self._blend.begin(self._goal, self.active, steps)
        self.active = swap.shadow.instance
        self.ring.widen(self.active.compiled.action.width)
        self._goal = self.active.target
        self._end(swap, SwapState.ACTING, '', stamp_ns)

    def _blend_steps(self, terms: SwapOptions) -> int:
        return round(terms.blend_time * 1e9 / self.active.compiled.period_ns)

    def _end(self, swap: Swap, state: SwapState, reason: str, stamp_ns: int) -> None:
        if swap not in self.news:  # first: who sees the new state must see that it is not told yet
            self.news.append(swap)
        swap.end(state, reason, stamp_ns)
