# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Commands of a fault: its action, which escalates while the cause stays; and smooth ramps."""

from __future__ import annotations

import numpy as np

from .arrays import FloatArray
from .modes import FaultAction, HARDNESS


class Ramp:
    """Moves from a start pose to a goal, with zero velocity at both ends.

    The share of the way at u = t / duration is 3 u² - 2 u³.
    """

    def __init__(self, goal: FloatArray, duration_ns: int) -> None:
        """Prepare for a goal, shape (num_joints,); a duration of 0 is at the goal at once."""
        self._goal = np.array(goal)
        self._duration_ns = duration_ns
        self._start = np.array(goal)
        self._start_ns = 0

    def begin(self, pose: FloatArray, stamp_ns: int) -> None:
        """Start at a pose, shape (num_joints,)."""
        self._start[:] = pose
        self._start_ns = stamp_ns

    def set_goal(self, goal: FloatArray) -> None:
        """Change the end pose, shape (num_joints,)."""
        self._goal[:] = goal

    def write(self, stamp_ns: int, pose: FloatArray) -> None:
        """Write the pose of this moment, shape (num_joints,)."""
        elapsed_ns = max(stamp_ns - self._start_ns, 0)
        if elapsed_ns >= self._duration_ns:
            pose[:] = self._goal
            return
        share = elapsed_ns / self._duration_ns
        np.subtract(self._goal, self._start, pose)
        np.multiply(pose, share * share * (3.0 - 2.0 * share), pose)
        np.add(pose, self._start, pose)


_HARDER: dict[FaultAction, FaultAction] = {
    'hold': 'damp',
    'default_pose': 'damp',
    'damp': 'stop',
}


class FaultResponse:
    """Writes the pose of a fault action; escalates hold or default_pose to damp, damp to stop."""

    def __init__(self, ramp: Ramp, is_position: FloatArray, escalation_ns: int) -> None:
        """Start without a fault.

        Args:
            ramp: To the default pose; the caller begins it with the fault.
            is_position: 1 for position joints, 0 for the others, shape (num_joints,).
            escalation_ns: How long the cause may last before the next action; 0: never escalate.
        """
        self._ramp = ramp
        self._is_position = is_position
        self._escalation_ns = escalation_ns
        self._since_ns = 0
        self.action: FaultAction = 'damp'
        """Present fault action."""

    def begin(self, action: FaultAction, stamp_ns: int) -> None:
        """Start an action."""
        self.action = action
        self._since_ns = stamp_ns

    def escalate_to(self, action: FaultAction, stamp_ns: int) -> None:
        """Start an action if it is harder than the present one."""
        if HARDNESS[action] > HARDNESS[self.action]:
            self.begin(action, stamp_ns)

    def escalate(self, stamp_ns: int, persists: bool) -> None:
        """Start the next harder action if it is time.

        Args:
            stamp_ns: Time of the tick.
            persists: Whether any cause is present.
        """
        if not persists or stamp_ns < self._since_ns:
            self._since_ns = stamp_ns
        elif (
            self._escalation_ns
            and stamp_ns - self._since_ns >= self._escalation_ns
            and self.action in _HARDER
        ):
            self.begin(_HARDER[self.action], stamp_ns)

    def write(
        self, stamp_ns: int, measured: FloatArray | None, start: FloatArray, pose: FloatArray
    ) -> bool:
        """Write the pose of this moment; return whether to send it.

        Args:
            stamp_ns: Time of the tick.
            measured: Measured pose; None where it is stale: damp then holds.
            start: The last command, or the measured pose before the first.
            pose: Receives the pose. All of shape (num_joints,).
        """
        if self.action == 'stop':
            return False
        if self.action == 'default_pose':
            self._ramp.write(stamp_ns, pose)
        elif self.action == 'damp' and measured is not None:
            pose[:] = measured
        else:
            np.multiply(start, self._is_position, pose)
        return True
