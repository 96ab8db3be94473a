# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""A policy spec compiled to index arrays, so that a tick looks nothing up.

Each policy reads one float64 vector: a copy of ``Sensors.values``, then what is computed from it:

    <sensor values> | projected_gravity (3) | last_action | phases | zero (1)
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .arrays import FloatArray, IndexArray
from .sensors import SensorLayout


@dataclass(frozen=True, kw_only=True)
class ObservationLayout:
    """How one network input is gathered from the vector of the policy.

    One frame is ``float32(vector[index] - offset)``, clipped to ``clip_before``, times ``scale``,
    clipped to ``clip_after``. The tensor is ``window[layout]`` where the window holds the newest
    ``depth`` frames, oldest first, flattened.
    """

    name: str
    index: IndexArray
    offset: FloatArray
    scale: FloatArray
    clip_before: tuple[FloatArray, FloatArray] | None
    clip_after: tuple[FloatArray, FloatArray] | None
    trained_range: tuple[FloatArray, FloatArray] | None
    """Range of a frame in training; None: not known."""
    depth: int
    layout: IndexArray
    fill_first: bool


@dataclass(frozen=True, kw_only=True)
class ActionLayout:
    """How the network output becomes joint targets.

    ``target[joints] = target_clip(clip(action) * scale + offset)``; other joints keep ``idle``.
    With ``choices`` the argmax of the clipped output picks a row of targets instead.
    """

    width: int
    clip: tuple[FloatArray, FloatArray] | None
    scale: FloatArray
    offset: FloatArray
    joints: IndexArray
    choices: FloatArray | None
    target_clip: tuple[FloatArray, FloatArray] | None = None


@dataclass(frozen=True, kw_only=True)
class PhaseLayout:
    """One clock of a gait_phase term: elements of its phases, and how they advance."""

    slot: slice
    """Elements of the vector: for each component, the value for each offset."""
    offsets: FloatArray
    """In [rad], shape (num_offsets,)."""
    step: float
    """Phase advance per policy step, in [rad]."""
    first: int
    """Count of steps at tick 0: 0, or 1 where the clock advances before its use."""
    components: tuple[str, ...]
    standing_below: float | None
    """Commands below this are to stand: |vx|, |vy| in [m]/[s], |yaw rate| in [rad]/[s]; None: none
    is.
    """
    standing_phase: float
    restart: int | None
    """Count of steps at the first one after standing; None: the clock runs on."""


@dataclass(frozen=True, kw_only=True)
class JointTable:
    """The joints of the policy, in policy order; every array has shape (num_joints,)."""

    names: tuple[str, ...]
    position_index: IndexArray
    """Element of the vector that holds the measured position in [rad]."""
    velocity_index: IndexArray
    """Element of the vector that holds the measured velocity in [rad]/[s]."""
    modes: tuple[str, ...]
    """position, velocity or effort, per joint."""
    default_command: FloatArray
    """Default command: the default position of a position joint, 0 for the others."""
    stiffness: FloatArray | None
    """In [N m]/[rad]."""
    damping: FloatArray | None
    """In [N m s]/[rad]."""
    lower: FloatArray
    """Least command: [rad], [rad]/[s] or [N m] by mode; -inf where no limit is known."""
    upper: FloatArray
    """Greatest command."""
    position_lower: FloatArray
    """Least position in [rad]; -inf where none is known."""
    position_upper: FloatArray
    """Greatest position in [rad]; inf where none is known."""
    velocity: FloatArray
    """Velocity limit in [rad]/[s]; inf where none is known."""
    effort: FloatArray
    """Effort limit in [N m]; inf where none is known."""

    @property
    def is_position(self) -> npt.NDArray[np.bool_]:
        """Which joints are position controlled, shape (num_joints,)."""
        return np.array([mode == 'position' for mode in self.modes])


@dataclass(frozen=True, kw_only=True)
class CompiledSpec:
    """Everything that a runner needs to run a policy on a robot."""

    name: str
    period_ns: int
    layout: SensorLayout
    vector_dim: int
    gravity: slice
    last_action: slice
    inputs: tuple[ObservationLayout, ...]
    phases: tuple[PhaseLayout, ...]
    action: ActionLayout
    joints: JointTable
    needs_imu: bool
    needs_odometry: bool
    needs_command: bool
    command_lower: FloatArray
    """Least velocity command, shape (3,); -inf where the spec gives none."""
    command_upper: FloatArray
