# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Run sim_node and student_node as processes, terminated at the end of a block."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
import contextlib
import subprocess
import sys

_SHUTDOWN_TIMEOUT = 10.0
"""Time in [s] for a node to shut down: it may have to complete a recording."""

_MODULES = {'sim_node': 'demo.sim_node', 'student_node': 'student_node'}


@contextlib.contextmanager
def node_processes(
    nodes: Mapping[str, Mapping[str, str]],
) -> Iterator[tuple[subprocess.Popen[bytes], ...]]:
    """Run nodes until the end of the block.

    Args:
        nodes: Parameters by node name; '' omits a parameter, "''" sets the empty string.

    Yields:
        The processes, in order.
    """
    processes: list[subprocess.Popen[bytes]] = []
    try:
        for module, parameters in nodes.items():
            processes.append(_start(module, parameters))
        yield tuple(processes)
    finally:
        for process in processes:
            process.terminate()  # SIGINT during imports would print a traceback
        try:
            for process in processes:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(_SHUTDOWN_TIMEOUT)
        finally:  # a second Ctrl-C skips the wait
            for process in processes:
                process.kill()
                process.wait()


def _start(module: str, parameters: Mapping[str, str]) -> subprocess.Popen[bytes]:
    """Start one node in a new session, so that Ctrl-C reaches this process only."""
    settings = [f'{name}:={value}' for name, value in parameters.items() if value]
    arguments = [word for setting in settings for word in ('-p', setting)]
    return subprocess.Popen(
        [
            sys.executable,
            *('-m', f'distill_runtime.ros.{_MODULES[module]}'),
            *('--ros-args', '--log-level', 'warn', *arguments),
        ],
        start_new_session=True,
    )
