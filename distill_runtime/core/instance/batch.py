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

from collections.abc import Callable
import math

from distill_runtime.core.arrays import (
    as_float32,
    BoolArray,
    Float32Array,
    FloatArray,
    IndexArray,
    StampArray,
)
from distill_runtime.core.compiled_spec import (
    ActionLayout,
    CompiledSpec,
    ObservationLayout,
    PhaseLayout,
)
from distill_runtime.core.rotations import NORM_TOLERANCE
from distill_runtime.core.sensors import NEVER
import numpy as np

from .action import is_equivalent


class BatchObservations:
    """Computes the observations of consecutive policy steps, chunk by chunk.

    Attributes:
        width: Number of elements of one observation, obs_dim.
        reads_action: Whether an observation holds last actions.
    """

    def __init__(self, compiled: CompiledSpec) -> None:
        """Prepare for the first chunk, which starts an episode."""
        self._compiled = compiled
        self.width = sum(len(entry.layout) for entry in compiled.inputs)
        begins = np.cumsum([0, *(len(entry.layout) for entry in compiled.inputs)]).tolist()
        self._inputs = tuple(
            _BatchInput(entry, compiled.last_action, begin, self.width)
            for entry, begin in zip(compiled.inputs, begins, strict=False)
        )
        self.reads_action = any(entry.reads_action for entry in self._inputs)
        self._clocks = tuple(_BatchClock(entry) for entry in compiled.phases)
        self._is_first = True
        self._rows = np.zeros((0, compiled.vector_dim))
        """Vectors of the last chunk."""

    def compute(
        self, sensors: FloatArray, last_action: FloatArray, starts: BoolArray
    ) -> Float32Array:
        """Return the observations of the next rows.

        The elements of a latent are zero: the encoder writes them.

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
        self._rows = self._vectors(sensors, last_action, starts)
        observation = np.empty((len(starts), self.width), np.float32)
        for entry in self._inputs:
            entry.write(self._rows, starts, observation[:, entry.columns])
        return observation

    def complete(
        self, observation: Float32Array, starts: BoolArray, act: Callable[[int], FloatArray]
    ) -> None:
        """Write the last actions of a chunk where only the network knows them.

        Args:
            observation: What compute gave for the chunk, with a last action of zero in all rows
                but the first; changed in place.
            starts: As for compute.
            act: Runs the network on a row, which is complete, by its index; returns what the next
                step reads as last action, shape (act_dim,).
        """
        flat = observation.reshape(-1)
        num_rows = len(observation)
        episode_ends = np.append(np.flatnonzero(starts), num_rows)
        after = np.searchsorted(episode_ends, np.arange(num_rows), side='right')
        ends = np.append(episode_ends, num_rows)[after].tolist()
        last_action = self._rows[:, self._compiled.last_action]
        inputs = [entry for entry in self._inputs if entry.reads_action]
        for row, end in enumerate(ends):
            action = act(row)
            if row + 1 < end:
                last_action[row + 1] = action
                for entry in inputs:
                    entry.write_action(action, row, end - row - 1, flat)
        for entry in inputs:
            entry.correct_past(self._rows)

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


def action_targets(
    action: ActionLayout, actions: FloatArray, default_command: FloatArray
) -> FloatArray:
    """Return the targets of last actions as ActionMap.apply, before limits; (n, num_joints).

    Args:
        action: Scale, offset, joints, target clip or choices.
        actions: What clipped_actions gave, shape (n, act_dim).
        default_command: Targets of joints that the policy does not move, shape (num_joints,).
    """
    targets = np.tile(default_command, (len(actions), 1))
    if action.choices is not None:
        targets[:, action.joints] = action.choices[actions.argmax(axis=1)]
        return targets
    moved = actions * action.scale + action.offset
    if action.target_clip is not None:
        np.maximum(moved, action.target_clip[0], out=moved)
        np.minimum(moved, action.target_clip[1], out=moved)
    targets[:, action.joints] = moved
    return targets


def translated_actions(
    action: ActionLayout, other: ActionLayout, actions: FloatArray, targets: FloatArray
) -> FloatArray:
    """Return the last actions that would have given the targets of another policy.

    As ActionMap.translate, shape (n, action.width): a copy between equivalent layouts; zeros for a
    policy over choices.

    Args:
        action: Layout of the policy that reads the result.
        other: Layout of the policy that acted.
        actions: Its last actions, shape (n, other.width).
        targets: Its targets, or joint commands where only they are known, (n, num_joints).
    """
    if is_equivalent(other, action):
        return actions.copy()
    translated = np.zeros((len(targets), action.width))
    if action.choices is None:
        shifted = targets[:, action.joints] - action.offset
        np.divide(shifted, action.scale, out=translated, where=action.scale != 0.0)
    if action.clip is not None:
        np.maximum(translated, action.clip[0], out=translated)
        np.minimum(translated, action.clip[1], out=translated)
    return translated


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
    """Frames and history of one network input.

    Attributes:
        columns: Those of the observation.
        reads_action: Whether it holds last actions.
    """

    def __init__(
        self, compiled: ObservationLayout, last_action: slice, begin: int, width: int
    ) -> None:
        """Find the elements of the observation that hold last actions, the newest frame first."""
        self._compiled = compiled
        self._width = width
        self.columns = slice(begin, begin + len(compiled.layout))
        frame_dim = len(compiled.index)
        self._frame = _Frame(compiled, np.arange(frame_dim), 0)
        self._lags = compiled.depth - 1 - compiled.layout // frame_dim
        self._frame_columns = compiled.layout % frame_dim
        self._past = np.zeros((compiled.depth - 1, frame_dim), np.float32)
        self._num_before = 0
        """Rows of the present episode before the next row, at most depth - 1."""
        is_action = (compiled.index >= last_action.start) & (compiled.index < last_action.stop)
        self.reads_action = bool(is_action.any())
        self._action_frame = _Frame(compiled, np.flatnonzero(is_action), last_action.start)
        elements = np.flatnonzero(is_action[self._frame_columns])
        elements = elements[np.argsort(self._lags[elements], kind='stable')]
        numbers = np.cumsum(is_action) - 1
        self._action_columns = numbers[self._frame_columns[elements]]
        lags = self._lags[elements]
        self._action_elements = (lags + 1) * width + begin + elements
        self._num_within = np.searchsorted(lags, np.arange(compiled.depth), side='right').tolist()
        """Elements with a lag of at most 0, 1, ..."""

    def write(self, vectors: FloatArray, starts: BoolArray, out: Float32Array) -> None:
        """Write the tensors of the next rows into out, shape (n, width of the tensor)."""
        compiled, frames = self._compiled, self._frame.compute(vectors)
        num_rows, frame_dim = frames.shape
        past = compiled.depth - 1
        if past == 0:
            out[:] = frames[:, compiled.layout]
            return
        frames = np.concatenate((self._past, frames))
        windows = np.lib.stride_tricks.sliding_window_view(
            frames.reshape(-1), compiled.depth * frame_dim
        )[::frame_dim]
        out[:] = windows[:num_rows, compiled.layout]  # take would copy all windows first
        num_before = self._steps_before(starts)
        rows = np.flatnonzero(num_before[:-1] < past)
        if len(rows):
            known = np.minimum(self._lags, num_before[rows, np.newaxis])
            filled = frames[rows[:, np.newaxis] + past - known, self._frame_columns]
            if not compiled.fill_first:
                filled[known < self._lags] = 0.0
            out[rows] = filled
        self._num_before = min(int(num_before[num_rows]), past)
        self._past = frames[num_rows:].copy()

    def write_action(
        self, action: FloatArray, row: int, num_rows: int, observation: Float32Array
    ) -> None:
        """Write the last action of a row into the num_rows of its episode after it, at least 1.

        The observation holds all rows, flattened.
        """
        values = self._action_frame.compute(action)
        count = self._num_within[min(num_rows, self._compiled.depth) - 1]
        elements = self._action_elements[:count] + row * self._width
        observation[elements] = values[self._action_columns[:count]]

    def correct_past(self, vectors: FloatArray) -> None:
        """Compute the frames that later rows see again, from the completed vectors."""
        past = len(self._past)
        if past:
            frames = self._frame.compute(vectors[-past:])
            self._past[past - len(frames) :] = frames

    def _steps_before(self, starts: BoolArray) -> StampArray:
        """Return how many rows of its episode lie before each row and before the next."""
        rows = np.arange(len(starts) + 1)
        first = np.full(len(rows), -self._num_before)
        first[:-1][starts] = rows[:-1][starts]
        return rows - np.maximum.accumulate(first)


class _Frame:
    """Some columns of a frame: gathered, offset, rounded, clipped and scaled as in Observation."""

    def __init__(self, compiled: ObservationLayout, columns: IndexArray, start: int) -> None:
        """Pick columns; start is the element of the vector that comes first in the values."""

        def picked(
            bounds: tuple[FloatArray, FloatArray] | None,
        ) -> tuple[Float32Array, Float32Array] | None:
            return as_float32(bounds and (bounds[0][columns], bounds[1][columns]))

        offset, scale = compiled.offset[columns], compiled.scale[columns]
        self._index = compiled.index[columns] - start
        self._offset = offset if np.any(offset) else None
        self._clip_before = picked(compiled.clip_before)
        self._scale = scale.astype(np.float32) if np.any(scale != 1.0) else None
        self._clip_after = picked(compiled.clip_after)

    def compute(self, values: FloatArray) -> Float32Array:
        """Return the columns, (..., num_columns), of vectors of shape (..., width)."""
        gathered = values.take(self._index, axis=-1)
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
