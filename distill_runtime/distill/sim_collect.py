# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Collect episodes for DAgger in a pool of simulator processes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
import contextlib
from functools import partial
import multiprocessing
import signal
from types import TracebackType

from .episodes import Episode
from .sim_rollout import Rollout, RolloutConfig

_rollout: list[Rollout] = []
"""The simulator of this worker process."""


class SimCollect:
    """Collects the episodes of a round; they do not depend on the number of workers."""

    def __init__(self, config: RolloutConfig, seed: int, workers: int) -> None:
        """Start the pool; call it in the main thread, since it blocks signals.

        Args:
            config: Configuration of the workers.
            seed: Seed of all episodes.
            workers: Number of processes.
        """
        self._seed = seed
        self._pool = ProcessPoolExecutor(
            workers,
            mp_context=multiprocessing.get_context('spawn'),
            initializer=_start,
            initargs=(config,),
        )
        with _blocked_interrupts():
            for _ in range(workers):
                self._pool.submit(int)  # starts a worker, as none is idle yet

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


@contextlib.contextmanager
def _blocked_interrupts() -> Iterator[None]:
    """Delay Ctrl-C to the end of the block, and block it in processes that are started within.

    A process inherits the signal mask of the thread that starts it. Other threads of this process
    lack the mask: a signal that they receive is raised at the end.
    """
    noted: list[int] = []
    handler = signal.signal(signal.SIGINT, lambda number, frame: noted.append(number))
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, handler)
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
    if noted:
        signal.raise_signal(signal.SIGINT)


def _start(config: RolloutConfig) -> None:
    _rollout.append(Rollout(config))


def _run(student: bytes, beta: float, seed: tuple[int, ...]) -> Episode:
    return _rollout[0].run(student, beta, seed)
