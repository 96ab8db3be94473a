# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""sim_node and student_node as processes, ended whatever happens."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
import contextlib
import subprocess
import sys

_PATIENCE = 10.0
"""Time in [s] that a node has to end by itself: it may have a recording to complete."""

_MODULES = {'sim_node': 'demo.sim_node', 'student_node': 'student_node'}


@contextlib.contextmanager
def node_processes(
    nodes: Mapping[str, Mapping[str, str]],
) -> Iterator[tuple[subprocess.Popen[bytes], ...]]:
    """Run nodes until the end of the block.

    Args:
        nodes: Parameters by the name of the node, a module of distill_runtime.ros; those that are
            '' are left out, "''" sets the empty string.

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
            process.terminate()  # SIGINT would show a traceback of imports
        try:
            for process in processes:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(_PATIENCE)
        finally:  # a second Ctrl-C waits no longer
            for process in processes:
                process.kill()
                process.wait()


def _start(module: str, parameters: Mapping[str, str]) -> subprocess.Popen[bytes]:
    """Start one node in a session of its own: what a Ctrl-C means is for us to say."""
    settings = [f'{name}:={value}' for name, value in parameters.items() if value]
    arguments = [part for setting in settings for part in ('-p', setting)]
    return subprocess.Popen(
        [
            sys.executable,
            *('-m', f'distill_runtime.ros.{_MODULES[module]}'),
            *('--ros-args', '--log-level', 'warn', *arguments),
        ],
        start_new_session=True,
    )
