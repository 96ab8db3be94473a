# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""What is sent while a fault lasts: its action, and harder ones while its cause does not go.

A smooth way from one pose to another.
"""

from __future__ import annotations

import numpy as np

from .arrays import FloatArray
from .modes import FaultAction, HARDNESS


class Ramp:
    """Moves from a start to a goal, at rest at both ends.

    The share of the way at u = t / duration is 3 u² - 2 u³.
    """

    def __init__(self, goal: FloatArray, duration_ns: int) -> None:
        """Prepare all buffers.

        Args:
            goal: End pose, shape (num_joints,).
            duration_ns: Time it takes; 0: at the goal at once.
        """
        self._goal = np.array(goal)
        self._duration_ns = duration_ns
        self._start = np.array(goal)
        self._start_ns = 0

    def begin(self, pose: FloatArray, stamp_ns: int) -> None:
        """Start from a pose, shape (num_joints,)."""
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
        """Begin with nothing wrong.

        Args:
            ramp: To the default pose; begun by whoever begins the fault.
            is_position: 1 for position joints, 0 for the others, shape (num_joints,).
            escalation_ns: How long the cause may last before the next action; 0: for ever.
        """
        self._ramp = ramp
        self._is_position = is_position
        self._escalation_ns = escalation_ns
        self._since_ns = 0
        self.action: FaultAction = 'damp'
        """What is being done."""

    def begin(self, action: FaultAction, stamp_ns: int) -> None:
        """Begin with an action."""
        self.action = action
        self._since_ns = stamp_ns

    def escalate_to(self, action: FaultAction, stamp_ns: int) -> None:
        """Begin with an action unless what is being done is harder."""
        if HARDNESS[action] > HARDNESS[self.action]:
            self.begin(action, stamp_ns)

    def escalate(self, stamp_ns: int, persists: bool) -> None:
        """Go on to a harder action if it is time.

        Args:
            stamp_ns: Time of the tick.
            persists: Whether some cause is there now.
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
        """Write the pose of this moment; return whether it is to be sent.

        Args:
            stamp_ns: Time of the tick.
            measured: Measured pose; None where it is out of date: damp then holds.
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
