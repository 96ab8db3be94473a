# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Run units of work, such as bags, in this process, in a pool of processes, or on a Ray cluster.

The results are the same. A unit whose process dies, killed or out of memory, is run once more; the
other units go on.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
import contextlib
from multiprocessing import get_context, parent_process
from multiprocessing.connection import Connection, wait
import os
import pickle
import threading
from typing import Any, TypeVar

from distill_runtime.errors import MissingExtraError, WorkerError

Unit = TypeVar('Unit')
Result = TypeVar('Result')

ATTEMPTS = 2
ONE_THREAD = dict.fromkeys(('OMP_NUM_THREADS', 'OPENBLAS_NUM_THREADS', 'MKL_NUM_THREADS'), '1')
"""Environment of workers: one thread each, or they compete for the cores."""


def run_units(
    function: Callable[[Unit], Result],
    units: Sequence[Unit],
    *,
    workers: int = 1,
    ray: str = '',
    cost: Callable[[Unit], int] = lambda unit: 1,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Iterator[tuple[int, Result | Exception]]:
    """Yield the index of each unit and its result, or the exception that it raised, as completed.

    Args:
        function: Called with each unit. With several workers or Ray, function, units and results
            are pickled: the function is defined at the top level of a module, or a partial of one,
            which may bind large values that all units share.
        units: The units. With several workers or Ray those with the largest cost start first.
        workers: Number of processes; 1: this one. With Ray `local`: its number of cores.
        ray: Address of a Ray cluster, `auto` for the one of this machine, `local` to start one;
            '': none.
        cost: Returns the cost of a unit, in any unit.
        progress: Called with the cost of the completed units and of all units.

    Raises:
        MissingExtraError: If Ray is not installed.
        WorkerError: If there is no cluster at the address. It is also the result of a unit whose
            process died at every attempt.
    """
    costs = [cost(unit) for unit in units]
    order = sorted(range(len(units)), key=lambda index: -costs[index])
    if ray:
        try:
            from .ray_workers import run_on_ray
        except ImportError as error:
            raise MissingExtraError(
                f'{error.name} is not installed, install it with: '
                'pip install "distill_runtime[ray]"'
            ) from error
        results = run_on_ray(function, units, order, ray, workers)
    elif workers > 1 and len(units) > 1:
        results = _run_in_pool(function, units, order, workers)
    else:
        results = ((index, attempt(function, unit)) for index, unit in enumerate(units))
    done, total = 0, sum(costs)
    with contextlib.closing(results):
        for index, result in results:
            done += costs[index]
            progress(done, total)
            yield index, result


def attempt(function: Callable[[Unit], Result], unit: Unit) -> Result | Exception:
    """Return the result of a unit, or the exception that it raised."""
    try:
        return function(unit)
    except Exception as error:  # noqa: BLE001 - the caller decides
        return error


def attempt_remotely(function: Callable[[Unit], Result], unit: Unit) -> Result | Exception:
    """Do the same in another process: an exception that cannot be sent becomes its text."""
    result = attempt(function, unit)
    if isinstance(result, Exception):
        try:
            pickle.loads(pickle.dumps(result))
        except Exception:  # noqa: BLE001 - its constructor may do anything
            return WorkerError(f'{type(result).__name__}: {result}')
    return result


class _Worker:
    """A process that runs one unit at a time.

    Attributes:
        connection: Becomes readable when the unit is done, or the process has died.
        index: Of the unit.
    """

    def __init__(self, function: bytes) -> None:
        """Start the process; see run_units for the function, which is pickled."""
        context = get_context('spawn')
        self.connection, theirs = context.Pipe()
        self.index = -1
        self._process = context.Process(target=_serve, args=(theirs, function), daemon=True)
        with _environment(ONE_THREAD):
            self._process.start()
        theirs.close()  # the process alone holds it: its death reads as the end of file

    def start(self, index: int, unit: object) -> None:
        """Start a unit."""
        self.index = index
        with contextlib.suppress(BrokenPipeError):  # result() reports it
            self.connection.send(unit)

    def result(self) -> Any:  # noqa: ANN401
        """Return the result of the unit.

        Raises:
            WorkerError: If the process has died.
        """
        try:
            return self.connection.recv()
        except (EOFError, OSError):
            self._process.join()
            code = self._process.exitcode or 0
            how = f'signal {-code}' if code < 0 else f'exit status {code}'
            raise WorkerError(
                f'its worker process ended with {how}, {ATTEMPTS} times: is there enough memory?'
            ) from None

    def stop(self) -> None:
        """End the process."""
        self._process.terminate()
        self._process.join()
        self.connection.close()


def _run_in_pool(
    function: Callable[[Unit], Result], units: Sequence[Unit], order: list[int], workers: int
) -> Generator[tuple[int, Result | Exception], None, None]:
    """Run the units in processes; each has its own pipe, so that a death concerns one unit."""
    pickled = pickle.dumps(function)
    waiting = order[::-1]
    attempts = [0] * len(units)
    idle: list[_Worker] = []
    busy: dict[object, _Worker] = {}
    try:
        while waiting or busy:
            while waiting and len(busy) < workers:
                worker = idle.pop() if idle else _Worker(pickled)
                busy[worker.connection] = worker
                index = waiting.pop()
                attempts[index] += 1
                worker.start(index, units[index])
            for connection in wait([worker.connection for worker in busy.values()]):
                worker = busy.pop(connection)
                try:
                    result = worker.result()
                    idle.append(worker)
                except WorkerError as error:
                    worker.stop()
                    if attempts[worker.index] < ATTEMPTS:
                        waiting.append(worker.index)
                        continue
                    result = error
                yield worker.index, result
    finally:
        for worker in (*idle, *busy.values()):
            worker.stop()


def _serve(connection: Connection, pickled: bytes) -> None:
    """Run units until the parent closes the connection."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    with contextlib.suppress(EOFError, KeyboardInterrupt, BrokenPipeError):
        function = pickle.loads(pickled)
        while True:
            connection.send(attempt_remotely(function, connection.recv()))


def _end_with_parent() -> None:
    """End this process when its parent is killed."""
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


@contextlib.contextmanager
def _environment(variables: Mapping[str, str]) -> Iterator[None]:
    """Set environment variables within the block, for processes that it starts."""
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
