# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Observations of many policy steps at once, equal bit for bit to those of PolicyInstance.

A row is one policy step. History, gait clock and last action restart at the first row of an
episode:

    row            0  1  2  3  4        depth 3, fill first
    starts         x        x
    frames seen  000 001 012 333 334
"""

from __future__ import annotations

import math

from distill_runtime.core.arrays import as_float32, BoolArray, Float32Array, FloatArray, StampArray
from distill_runtime.core.compiled_spec import (
    ActionLayout,
    CompiledSpec,
    ObservationLayout,
    PhaseLayout,
)
from distill_runtime.core.rotations import NORM_TOLERANCE
from distill_runtime.core.sensors import NEVER
import numpy as np


class BatchObservations:
    """Computes the observations of consecutive policy steps, chunk by chunk.

    Attributes:
        width: Number of elements of one observation, obs_dim.
    """

    def __init__(self, compiled: CompiledSpec) -> None:
        """Prepare for the first chunk, which starts an episode.

        Args:
            compiled: What the policy reads.
        """
        self._compiled = compiled
        self._inputs = tuple(_BatchInput(entry) for entry in compiled.inputs)
        self._clocks = tuple(_BatchClock(entry) for entry in compiled.phases)
        self.width = sum(len(entry.layout) for entry in compiled.inputs)
        self._is_first = True

    def compute(
        self, sensors: FloatArray, last_action: FloatArray, starts: BoolArray
    ) -> Float32Array:
        """Return the observations of the next rows.

        The rows of a latent are zero: the encoder writes them.

        Args:
            sensors: Valid samples with the command in use, see SensorLayout; (n, layout.size).
            last_action: What each step reads as last action, shape (n, act_dim); rows that start
                an episode read zero instead.
            starts: Which rows start an episode, shape (n,).

        Returns:
            All inputs one after another, shape (n, obs_dim).
        """
        starts = np.array(starts)
        if self._is_first and len(starts):
            starts[0] = True
            self._is_first = False
        vectors = self._vectors(sensors, last_action, starts)
        observation = np.empty((len(vectors), self.width), np.float32)
        end = 0
        for entry in self._inputs:
            begin, end = end, end + entry.width
            entry.write(vectors, starts, observation[:, begin:end])
        return observation

    def _vectors(
        self, sensors: FloatArray, last_action: FloatArray, starts: BoolArray
    ) -> FloatArray:
        """Return the vector of the policy at each row, see compiled_spec; (n, vector_dim)."""
        compiled, layout = self._compiled, self._compiled.layout
        vectors = np.zeros((len(sensors), compiled.vector_dim))
        vectors[:, : layout.size] = sensors
        if compiled.needs_imu:
            vectors[:, compiled.gravity] = gravity_rows(sensors[:, layout.quat_base_to_world])
        command = vectors[:, layout.velocity_command]
        if compiled.needs_command:
            _clip_commands(command, compiled)
        vectors[:, compiled.last_action] = last_action
        vectors[starts, compiled.last_action] = 0.0
        for clock in self._clocks:
            clock.write(command, starts, vectors)
        return vectors


def gravity_rows(quat_base_to_world: FloatArray) -> FloatArray:
    """Return the unit vector of gravity in the base frame, NaN for what is no rotation; (n, 3).

    Args:
        quat_base_to_world: (w, x, y, z), shape (n, 4).
    """
    w, x, y, z = quat_base_to_world.T
    squared_norm = w * w + x * x + y * y + z * z
    is_rotation = np.abs(squared_norm - 1.0) <= NORM_TOLERANCE
    squared_norm = np.where(is_rotation, squared_norm, np.nan)
    gravity = np.empty((len(w), 3))
    gravity[:, 0] = 2.0 * (w * y - x * z) / squared_norm
    gravity[:, 1] = -2.0 * (y * z + w * x) / squared_norm
    gravity[:, 2] = -(w * w - x * x - y * y + z * z) / squared_norm
    return gravity


def zero_old_commands(
    commands: FloatArray, sample_ns: StampArray, stamp_ns: StampArray, max_age_ns: int
) -> None:
    """Zero the velocity commands that are missing or out of date, in place.

    Args:
        commands: Shape (n, 3).
        sample_ns: Stamp of each, NEVER for none.
        stamp_ns: Time of each tick.
        max_age_ns: Greatest age, inclusive; 0: any.
    """
    commands[sample_ns == NEVER] = 0.0
    if max_age_ns:
        commands[np.abs(stamp_ns - sample_ns) > max_age_ns] = 0.0


def clipped_actions(action: ActionLayout, outputs: Float32Array) -> FloatArray:
    """Return network outputs as the next step reads them as last action, shape (n, act_dim).

    Args:
        action: Has the clip.
        outputs: Raw network outputs, shape (n, act_dim).
    """
    clipped = outputs.astype(np.float64)
    if action.clip is not None:
        np.maximum(clipped, action.clip[0], out=clipped)
        np.minimum(clipped, action.clip[1], out=clipped)
    return clipped


def _clip_commands(commands: FloatArray, compiled: CompiledSpec) -> None:
    """Clip commands to the trained range in place; a command to stand remains."""
    lower, upper = compiled.command_lower, compiled.command_upper
    is_outside = ~((commands >= lower) & (commands <= upper)).all(axis=1)
    rows = np.flatnonzero(is_outside & (commands != 0.0).any(axis=1))
    if len(rows):
        commands[rows] = np.minimum(np.maximum(commands[rows], lower), upper)


class _BatchClock:
    """Phases of one gait_phase term."""

    def __init__(self, compiled: PhaseLayout) -> None:
        self._compiled = compiled
        self._count = compiled.first

    def write(self, commands: FloatArray, starts: BoolArray, vectors: FloatArray) -> None:
        """Write the phases of the next rows.

        Not numpy's cosine: its last bit can differ from that of the step.
        """
        compiled = self._compiled
        below = compiled.standing_below
        stands = np.zeros(len(vectors), np.bool_)
        if below is not None:
            stands[:] = (np.abs(commands) < below).all(axis=1)
        turns = self._counts(starts, stands) * compiled.step
        phases = compiled.offsets + turns[:, np.newaxis]
        phases[stands] = compiled.standing_phase
        angles = phases.reshape(-1).tolist()
        waves = []
        for component in compiled.components:
            function = math.cos if component == 'cos' else math.sin
            wave = np.fromiter(map(function, angles), np.float64, len(angles))
            waves.append(wave.reshape(phases.shape))
        vectors[:, compiled.slot] = np.concatenate(waves, axis=1)

    def _counts(self, starts: BoolArray, stands: BoolArray) -> StampArray:
        """Return the count of steps at each row, and keep that of the next one."""
        restart = self._compiled.restart
        rows = np.arange(len(starts) + 1)
        counts = np.full(len(rows), -1, np.int64)
        counts[0] = self._count
        if restart is not None:
            counts[1:][stands] = restart
        counts[:-1][starts] = self._compiled.first
        known = np.maximum.accumulate(np.where(counts >= 0, rows, 0))
        counts = counts[known] + rows - known
        self._count = int(counts[-1])
        return counts[:-1]


class _BatchInput:
    """Frames and history of one network input."""

    def __init__(self, compiled: ObservationLayout) -> None:
        self._compiled = compiled
        self.width = len(compiled.layout)
        self._offset = compiled.offset if np.any(compiled.offset) else None
        self._clip_before = as_float32(compiled.clip_before)
        self._scale = compiled.scale.astype(np.float32) if np.any(compiled.scale != 1.0) else None
        self._clip_after = as_float32(compiled.clip_after)
        frame_dim = len(compiled.index)
        self._lags = compiled.depth - 1 - compiled.layout // frame_dim
        self._columns = compiled.layout % frame_dim
        self._past = np.zeros((compiled.depth - 1, frame_dim), np.float32)
        self._num_before = 0
        """Rows of the present episode before the next row, at most depth - 1."""

    def write(self, vectors: FloatArray, starts: BoolArray, out: Float32Array) -> None:
        """Write the tensors of the next rows.

        Args:
            vectors: Shape (n, vector_dim).
            starts: Which rows start an episode.
            out: Shape (n, width).
        """
        compiled, frames = self._compiled, self._frames(vectors)
        num_rows, frame_dim = frames.shape
        past = compiled.depth - 1
        if past == 0:
            out[:] = frames[:, compiled.layout]
            return
        frames = np.concatenate((self._past, frames))
        windows = np.lib.stride_tricks.sliding_window_view(
            frames.reshape(-1), compiled.depth * frame_dim
        )[::frame_dim]
        out[:] = windows[:, compiled.layout]  # take would copy all windows first
        num_before = self._steps_before(starts)
        rows = np.flatnonzero(num_before[:-1] < past)
        if len(rows):
            known = np.minimum(self._lags, num_before[rows, np.newaxis])
            filled = frames[rows[:, np.newaxis] + past - known, self._columns]
            if not compiled.fill_first:
                filled[known < self._lags] = 0.0
            out[rows] = filled
        self._num_before = min(int(num_before[num_rows]), past)
        self._past = frames[num_rows:].copy()

    def _steps_before(self, starts: BoolArray) -> StampArray:
        """Return how many rows of its episode lie before each row and before the next."""
        rows = np.arange(len(starts) + 1)
        first = np.full(len(rows), -self._num_before)
        first[:-1][starts] = rows[:-1][starts]
        return rows - np.maximum.accumulate(first)

    def _frames(self, vectors: FloatArray) -> Float32Array:
        gathered = vectors.take(self._compiled.index, axis=1)
        if self._offset is not None:
            np.subtract(gathered, self._offset, gathered)
        frames = gathered.astype(np.float32)
        if self._clip_before is not None:
            np.maximum(frames, self._clip_before[0], out=frames)
            np.minimum(frames, self._clip_before[1], out=frames)
        if self._scale is not None:
            np.multiply(frames, self._scale, frames)
        if self._clip_after is not None:
            np.maximum(frames, self._clip_after[0], out=frames)
            np.minimum(frames, self._clip_after[1], out=frames)
        return frames
