# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Assemble one network input from the vector of a policy, with its history; the gait clock.

Sensors are float64, networks are trained in float32: the default position is subtracted in
float64, the result is rounded once, and clip and scale are float32 as in training.

Each frame is written twice into a ring of ``2 depth`` frames, ``depth`` frames apart. So the
newest ``depth`` frames are always one contiguous window, oldest first, and the layout is a
constant gather:

    depth 3, frames a b c d pushed in turn
    ring   d b c | d b c      window of d: b c d
"""

from __future__ import annotations

import math

from distill_runtime.core.arrays import as_float32, Float32Array, FloatArray, writable_indices
from distill_runtime.core.compiled_spec import ObservationLayout, PhaseLayout
import numpy as np


class Observation:
    """Writes one input tensor, in place, once per policy step."""

    def __init__(self, compiled: ObservationLayout, tensor: Float32Array) -> None:
        """Make all buffers; push writes tensor, shape (len(compiled.layout),)."""
        frame_dim = len(compiled.index)
        self._index = writable_indices(compiled.index)
        self._offset = compiled.offset if np.any(compiled.offset) else None
        self._clip_before = as_float32(compiled.clip_before)
        self._scale = compiled.scale.astype(np.float32) if np.any(compiled.scale != 1.0) else None
        self._clip_after = as_float32(compiled.clip_after)
        self._fill_first = compiled.fill_first
        self._depth = compiled.depth
        self._layout = writable_indices(compiled.layout)
        self._tensor = tensor
        self._gathered = np.zeros(frame_dim)
        self.frame: Float32Array = np.zeros(frame_dim, dtype=np.float32)
        """The newest frame, shape (frame_dim,)."""
        self._ring = np.zeros((2 * compiled.depth, frame_dim), dtype=np.float32)
        flat = self._ring.reshape(-1)
        both = self._ring.reshape(2, compiled.depth, frame_dim)
        self._rows = tuple(both[:, slot] for slot in range(compiled.depth))
        self._windows = tuple(
            flat[(slot + 1) * frame_dim : (slot + 1 + compiled.depth) * frame_dim]
            for slot in range(compiled.depth)
        )
        self._is_plain = compiled.depth == 1 and bool(
            np.all(compiled.layout == np.arange(frame_dim))
        )
        self._slot = 0
        self._is_empty = True

    def reset(self) -> None:
        """Forget the history."""
        self._ring.fill(0.0)
        self._slot = 0
        self._is_empty = True

    def push(self, vector: FloatArray) -> None:
        """Compute the frame of this tick and write the tensor.

        Args:
            vector: Vector of the policy, shape (vector_dim,).
        """
        gathered, frame = self._gathered, self.frame
        vector.take(self._index, None, gathered, 'clip')
        if self._offset is not None:
            np.subtract(gathered, self._offset, gathered)
        frame[:] = gathered
        if self._clip_before is not None:
            np.maximum(frame, self._clip_before[0], out=frame)
            np.minimum(frame, self._clip_before[1], out=frame)
        if self._scale is not None:
            np.multiply(frame, self._scale, frame)
        if self._clip_after is not None:
            np.maximum(frame, self._clip_after[0], out=frame)
            np.minimum(frame, self._clip_after[1], out=frame)
        if self._is_plain:
            self._tensor[:] = frame
            return
        slot = self._slot
        if self._is_empty and self._fill_first:
            self._ring[:] = frame
        else:
            self._rows[slot][:] = frame
        self._is_empty = False
        self._windows[slot].take(self._layout, None, self._tensor, 'clip')
        self._slot = slot + 1 if slot + 1 < self._depth else 0


class GaitClock:
    """Writes the phases of one gait_phase term into the runner's vector, once per policy step.

    The phase of step k is ``offset + k * step``, with k from ``first``. It is computed from the
    count, never summed up, so that it does not drift. While the command is to stand, every phase
    is the standing phase.
    """

    def __init__(self, compiled: PhaseLayout, vector: FloatArray) -> None:
        """Reset the clock."""
        self._compiled = compiled
        self._out = vector[compiled.slot]
        self.reset()

    def reset(self, elapsed: int = 0) -> None:
        """Restart the clock, some steps after its start."""
        self._count = self._compiled.first + elapsed

    @property
    def elapsed(self) -> int:
        """Steps since the clock started; -1: the next one is at the offsets, the first was not."""
        return self._count - self._compiled.first

    def advance(self, command: FloatArray) -> None:
        """Write the phases of this step, and count it.

        Args:
            command: Velocity command as the policy sees it, shape (3,).
        """
        compiled = self._compiled
        below = compiled.standing_below
        stands = below is not None and all(abs(value) < below for value in command.tolist())
        turn = self._count * compiled.step
        index = 0
        for component in compiled.components:
            function = math.cos if component == 'cos' else math.sin
            for offset in compiled.offsets.tolist():
                self._out[index] = function(compiled.standing_phase if stands else offset + turn)
                index += 1
        if stands and compiled.restart is not None:
            self._count = compiled.restart
        else:
            self._count += 1
