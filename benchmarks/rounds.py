# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Time the candidates in interleaved rounds, so that noise affects all of them equally."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
import contextlib
import os
import time

from candidates import BareInference, Candidate, OurTick, STAGES, TextbookTick
from distill_runtime.errors import ConfigError
from distill_runtime.ros.loop.realtime import GarbagePause, use_fifo
from figures import figures, Times
import numpy as np
from student import PRIORITY

TOLERANCE = 1e-5
"""Largest difference between our observation, action and command and the textbook node's."""
_BLOCKS = 5
_COLLECT_EVERY = 100
_PAUSE = 0.0005
"""Pause between two rounds, in [s]: SCHED_FIFO must not monopolize the core."""


@contextlib.contextmanager
def undisturbed() -> Iterator[str]:
    """Run with SCHED_FIFO, where permitted, and with the garbage collector paused.

    Create everything that starts threads beforehand: new threads would inherit SCHED_FIFO.

    Yields:
        The scheduling policy of this thread.
    """
    try:
        use_fifo(PRIORITY)
        scheduling = f'SCHED_FIFO {PRIORITY}'
    except ConfigError:
        scheduling = 'SCHED_OTHER'
    try:
        with GarbagePause():
            yield scheduling
    finally:
        os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))


class Rounds:
    """Measures A, B and, where it can run the policy, C."""

    def __init__(self, bare: BareInference, ours: OurTick) -> None:
        """Start with A and B; set ``textbook`` to add C."""
        self._bare = bare
        self._ours = ours
        self.textbook: TextbookTick | None = None

    def measure_warm(self, num_rounds: int) -> dict[str, object]:
        """Time each candidate right after an untimed run of the same candidate: warm caches."""
        return self._measure(_paced(num_rounds, _PAUSE), is_warm=True)

    def measure_paced(self, num_rounds: int, period: float) -> dict[str, object]:
        """Time each candidate after a pause of one policy period, as on a robot: cold caches.

        Args:
            num_rounds: Runs per candidate.
            period: Time between two rounds, in [s].
        """
        return self._measure(_paced(num_rounds, period), is_warm=False)

    def _measure(self, rounds: Iterable[int], is_warm: bool) -> dict[str, object]:
        candidates: dict[str, Candidate] = {'bare': self._bare, 'ours': self._ours}
        if self.textbook is not None:
            candidates['textbook'] = self.textbook
        names = list(candidates)
        times: dict[str, list[int]] = {name: [] for name in names}
        laps = []
        difference = 0.0
        for number in rounds:
            first = number % len(names)
            for name in names[first:] + names[:first]:
                candidate = candidates[name]
                if is_warm:
                    candidate.prepare()
                    candidate.run()
                candidate.prepare()
                times[name].append(candidate.run())
            laps.append(self._ours.laps)
            difference = max(difference, self._difference())
            if number % _COLLECT_EVERY == 0:
                GarbagePause.collect_young()
        return _report(
            {name: np.array(values) for name, values in times.items()},
            np.array(laps),
            difference if self.textbook else None,
        )

    def _difference(self) -> float:
        """Return the largest difference between our result and the textbook node's."""
        if self.textbook is None:
            return 0.0
        assert self._ours.result is not None
        assert self.textbook.result is not None
        worst = 0.0
        for name, ours, theirs in zip(
            self._ours.result._fields, self._ours.result, self.textbook.result, strict=True
        ):
            difference = float(np.abs(ours - theirs).max())
            if not difference <= TOLERANCE:
                raise RuntimeError(
                    f'{name} of the textbook node differs by {difference:g}, expected within '
                    f'{TOLERANCE:g}: the two do not compute the same thing'
                )
            worst = max(worst, difference)
        return worst


def _paced(num_rounds: int, period: float) -> Iterator[int]:
    """Yield round numbers, with a pause before each."""
    for number in range(num_rounds):
        time.sleep(period)
        yield number


def _report(times: dict[str, Times], laps: Times, difference: float | None) -> dict[str, object]:
    report: dict[str, object] = {
        'rounds': len(laps),
        **{name: figures(values, 50, 99) for name, values in times.items()},
        'ours_parts': {
            name: figures(values, 50)['p50_us']
            for name, values in zip(STAGES, laps.T, strict=True)
        },
        'ours_to_bare': _ratio(times['ours'], times['bare']),
    }
    if difference is not None:
        report['textbook_to_ours'] = _ratio(times['textbook'], times['ours'])
        report['largest_difference'] = difference
    return report


def _ratio(above: Times, below: Times) -> dict[str, float]:
    """Return the ratio of medians over all rounds, and its range over blocks of rounds."""
    blocks = [
        float(np.median(a) / np.median(b))
        for a, b in zip(
            np.array_split(above, _BLOCKS), np.array_split(below, _BLOCKS), strict=True
        )
    ]
    return {
        'median': round(float(np.median(above) / np.median(below)), 3),
        'least_block': round(min(blocks), 3),
        'greatest_block': round(max(blocks), 3),
    }
