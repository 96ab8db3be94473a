# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Decoding of sensor_msgs/JointState by joint name, with the index of every joint cached."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .cdr import BODY, DecodeError, find_joint_state, FRAME_ID, LITTLE_ENDIAN

FloatArray = npt.NDArray[np.float64]
_MAX_LAYOUTS = 32
# puts float64 of the message, which are aligned to its body, onto multiples of eight
_SHIFT = 8 - BODY


@dataclass(frozen=True)
class _Layout:
    """Where one arrangement of names has its numbers; arrays view the decoder's buffer."""

    end: int
    numbers: FloatArray
    """Positions, then where there are velocities: their count, and they."""
    order: npt.NDArray[np.intp]
    """Which numbers go to the values of the decoder."""
    values: FloatArray
    count_at: int
    count: bytes
    """Number of velocities, as it stands in the message at count_at."""


class JointStateDecoder:
    """Writes positions and velocities of the wanted joints into one given array.

    Names may come in any order, and other joints are ignored. A message that lacks a wanted
    joint, or its position, is rejected. Velocities may be absent only where nothing needs them;
    they then stay what they were.
    """

    def __init__(
        self,
        joints: tuple[str, ...],
        values: FloatArray,
        needs_velocity: bool,
    ) -> None:
        """Prepare the buffer.

        Args:
            joints: Wanted names.
            values: Receives positions in [rad] in the order of joints, then velocities in
                [rad]/[s], shape (2 * len(joints),).
            needs_velocity: Whether a message without velocities is refused.
        """
        self._joints = joints
        self._values = values
        self._needs_velocity = needs_velocity
        self._layouts: dict[bytes, _Layout] = {}
        self._prefix_end = 0
        self._resize(1024)

    def _resize(self, size: int) -> None:
        """Make room for messages of up to size bytes; cached views become void."""
        self._buffer = np.zeros(size + _SHIFT, dtype=np.uint8)
        self._room = memoryview(self._buffer)[_SHIFT:]  # type: ignore[arg-type]
        self._layouts.clear()

    def decode(self, data: bytes) -> None:
        """Take over one message.

        Raises:
            DecodeError: If it is damaged or lacks what is needed; nothing is written then.
        """
        size = len(data)
        layout = self._layouts.get(data[FRAME_ID : self._prefix_end])
        if (
            layout is None
            or not layout.end <= size <= len(self._room)
            or data[layout.count_at : layout.count_at + 4] != layout.count
            or data[:2] != LITTLE_ENDIAN
        ):
            layout = self._learn(data)
        self._room[:size] = data
        layout.numbers.take(layout.order, None, layout.values, 'clip')

    def _learn(self, data: bytes) -> _Layout:
        """Find the numbers of a message whose names are new."""
        names, (positions, velocities), end = find_joint_state(data, 2)
        if len(data) > len(self._room):
            self._resize(2 * len(data))
        indices = {name: index for index, name in enumerate(names)}
        missing = [name for name in self._joints if name not in indices]
        if missing:
            raise DecodeError(f'names: {missing} are not in it, which has {list(names)}')
        if positions.length != len(names):
            raise DecodeError(f'position: {positions.length} values for {len(names)} names')
        if velocities.length not in (0, len(names)):
            raise DecodeError(f'velocity: {velocities.length} values for {len(names)} names')
        if not velocities.length and self._needs_velocity:
            raise DecodeError(
                f'velocity: none, expected {len(names)} values: the policy reads joint velocities'
            )
        order = [indices[name] for name in self._joints]
        velocities_from = (velocities.start - positions.start) // 8
        if velocities.length:
            order += [velocities_from + index for index in order]
        num_numbers = velocities_from + velocities.length
        layout = _Layout(
            end=end,
            numbers=self._buffer[positions.start + _SHIFT :][: 8 * num_numbers].view(np.float64),
            order=np.array(order, dtype=np.intp),
            values=self._values[: len(order)],
            count_at=velocities.count_at,
            count=data[velocities.count_at : velocities.count_at + 4],
        )
        self._prefix_end = positions.start
        if len(self._layouts) >= _MAX_LAYOUTS:
            self._layouts.clear()
        self._layouts[data[FRAME_ID : positions.start]] = layout
        return layout
