# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Run units of work as tasks of a Ray cluster; see run_units."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
import logging
import os
import socket
from typing import Any

from distill_runtime.errors import WorkerError
import ray

from .workers import attempt_remotely, ATTEMPTS, ONE_THREAD, Result, Unit

_CONNECT_TIMEOUT = 5.0
"""In [s]."""


def run_on_ray(
    function: Callable[[Unit], Result],
    units: Sequence[Unit],
    order: list[int],
    address: str,
    workers: int,
) -> Generator[tuple[int, Result | Exception], None, None]:
    """Yield the index of each unit and its result, or its exception, as completed.

    The function lies once in the object store, with the values that it binds.

    Args:
        function: See run_units, as for units, address and workers.
        units: The units.
        order: Indices of the units, in the order of their start.
        address: Of the cluster.
        workers: Cores of a cluster that is started here.

    Raises:
        WorkerError: If there is no cluster at the address.
    """
    is_connected = ray.is_initialized()
    if not is_connected:
        _connect(address, workers)
    pending: dict[Any, int] = {}
    try:
        shared = ray.put(function)
        task = ray.remote(num_cpus=1, max_retries=ATTEMPTS - 1)(attempt_remotely)
        pending = {task.remote(shared, units[index]): index for index in order}
        while pending:
            (done,), _ = ray.wait(list(pending), num_returns=1)
            index = pending.pop(done)
            try:
                result = ray.get(done)
            except ray.exceptions.RayError as error:
                result = WorkerError(
                    f'its Ray task failed, {ATTEMPTS} times: {_first_line(error)}'
                )
            yield index, result
    finally:
        for task_result in pending:
            ray.cancel(task_result, force=True)
        if not is_connected:
            ray.shutdown()


def _connect(address: str, workers: int) -> None:
    """Connect to a cluster, or start one on this machine that no other machine can reach."""
    os.environ.setdefault('RAY_USAGE_STATS_ENABLED', '0')
    options: dict[str, Any] = (
        {'num_cpus': workers, 'include_dashboard': False} if address == 'local' else {}
    )
    host, _, port = address.rpartition(':')
    try:
        if host and port.isdecimal():  # Ray itself waits for minutes, then ends the process
            socket.create_connection((host, int(port)), timeout=_CONNECT_TIMEOUT).close()
        ray.init(
            address,
            log_to_driver=False,
            logging_level=logging.ERROR,
            runtime_env={'env_vars': ONE_THREAD},
            **options,
        )
    except (OSError, ValueError, RuntimeError) as error:
        raise WorkerError(
            f'Ray at {address!r} cannot be used: {_first_line(error)}: expected the address of a '
            "cluster such as 10.0.0.1:6379, 'auto' or 'local'"
        ) from error


def _first_line(error: Exception) -> str:
    return str(error).strip().partition('\n')[0]
