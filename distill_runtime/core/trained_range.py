# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Frames of a network input against what the spec says was seen in training."""

from __future__ import annotations

import numpy as np

from .arrays import Float32Array, write_excess
from .checks import Finding
from .plan import InputPlan


class TrainedRange:
    """Finds elements of the newest frame that training has not covered."""

    def __init__(self, plan: InputPlan, frame: Float32Array, margin: float) -> None:
        """Prepare all buffers.

        Args:
            plan: Has a trained range.
            frame: Newest frame, shape (frame_dim,), updated by others.
            margin: How far outside is still well, as a share of the range's width.
        """
        assert plan.trained_range is not None, 'the spec gives a range'
        lower, upper = plan.trained_range
        width = upper - lower
        room = margin * np.where(np.isfinite(width), width, 0.0)
        self._name = plan.name
        self._frame = frame
        self._lower = (lower - room).astype(np.float32)
        self._upper = (upper + room).astype(np.float32)
        self._excess = np.zeros_like(frame)

    def find(self) -> tuple[Finding, ...]:
        """Return the element that is furthest out, if one is."""
        excess = self._excess
        if not write_excess(self._frame, self._lower, self._upper, excess):
            return ()
        place = int(np.abs(excess).argmax())
        return (
            Finding(
                'observation_range',
                f'observation.range: element {place} of a frame of {self._name!r} is '
                f'{self._frame[place]:.4g}, expected {self._lower[place]:.4g} to '
                f'{self._upper[place]:.4g}, as in training',
            ),
        )
