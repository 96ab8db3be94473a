# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""The collector of DAgger: a pool of processes, each with a simulator of its own."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
import multiprocessing
from types import TracebackType

from .episodes import Episode
from .sim_rollout import Rollout, RolloutConfig

_rollout: list[Rollout] = []
"""The simulator of this worker process."""


class SimCollect:
    """Makes the episodes of a round; the same ones whatever the number of workers."""

    def __init__(self, config: RolloutConfig, seed: int, workers: int) -> None:
        """Start the pool.

        Args:
            config: What a worker needs.
            seed: Of all episodes.
            workers: Number of processes.
        """
        self._seed = seed
        self._pool = ProcessPoolExecutor(
            workers,
            mp_context=multiprocessing.get_context('spawn'),
            initializer=_start,
            initargs=(config,),
        )

    def __call__(self, student: bytes, beta: float, count: int, first: int) -> Sequence[Episode]:
        """Run episodes; see dagger.Collect."""
        seeds = [(self._seed, first + number) for number in range(count)]
        return list(self._pool.map(partial(_run, student, beta), seeds))

    def __enter__(self) -> SimCollect:
        """Return itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """End the processes."""
        self._pool.shutdown(cancel_futures=True)


def _start(config: RolloutConfig) -> None:
    _rollout.append(Rollout(config))


def _run(student: bytes, beta: float, seed: tuple[int, ...]) -> Episode:
    return _rollout[0].run(student, beta, seed)
