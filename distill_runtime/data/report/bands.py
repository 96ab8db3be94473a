# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Modes, faults and ticks that are not valid, as stretches of time to draw."""

from __future__ import annotations

from typing import NamedTuple

from distill_runtime.core.arrays import FloatArray
from distill_runtime.core.modes import Mode
from distill_runtime.data.replay.replay import Replay
import numpy as np

MAX_BANDS = 200
"""Bands that are drawn into a plot at most."""
LOOKS = {
    'policy': '#57ab5a',
    'standby': '#8fb8de',
    'stopping': '#b9a6dd',
    'not valid': '#d0d4da',
    'fault': '#d9534f',
}
"""Colour per kind; of kinds that would share a pixel the last one is shown."""
_KINDS = tuple(LOOKS)


class Band(NamedTuple):
    """A stretch of time, from its first tick to that behind its last one, in [s]."""

    begin: float
    end: float
    kind: str
    """A key of LOOKS."""


def bands(replay: Replay, seconds: FloatArray) -> list[Band]:
    """Return what each tick was, as bands that cover all of the time; few enough to draw.

    Args:
        replay: Of a policy.
        seconds: Times of its ticks, ascending but where the clock was set.
    """
    playback = replay.playback
    kinds = np.full(len(seconds), _KINDS.index('policy'))
    kinds[playback.mode == Mode.STANDBY] = _KINDS.index('standby')
    kinds[playback.mode == Mode.STOPPING] = _KINDS.index('stopping')
    kinds[~playback.is_valid] = _KINDS.index('not valid')
    kinds[playback.mode == Mode.FAULT] = _KINDS.index('fault')
    starts = np.arange(len(kinds))
    if np.count_nonzero(np.diff(kinds)) >= MAX_BANDS:
        starts = np.linspace(0, len(kinds), MAX_BANDS, endpoint=False).astype(np.intp)
        kinds = np.maximum.reduceat(kinds, starts)
    first = np.flatnonzero(np.diff(kinds, prepend=-1))
    begins = starts[first]
    ends = np.append(begins[1:], len(seconds) - 1)
    return [
        Band(float(seconds[begin]), float(seconds[end]), _KINDS[kind])
        for begin, end, kind in zip(begins, ends, kinds[first], strict=True)
    ]
