# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Nodes as programs."""

from __future__ import annotations

from contextlib import contextmanager
import os
import subprocess
import sys


def start(module, *arguments, within=(), environment=None, **parameters):
    """Start a node as a process group, as a terminal does.

    Args:
        module: Below distill_runtime.ros.
        arguments: Of ROS.
        within: Command that the program is started by.
        environment: Changes of the environment.
        parameters: Of the node; those that are '' are left out.
    """
    words = [f'{name}:={value}' for name, value in parameters.items() if value != '']
    settings = [part for word in words for part in ('-p', word)]
    command = [sys.executable, '-m', f'distill_runtime.ros.{module}', '--ros-args']
    return subprocess.Popen(
        [*within, *command, *arguments, *settings],
        env={**os.environ, **(environment or {})},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


@contextmanager
def program(*arguments, module='student_node', **options):
    """Run a node until the end of the block; see start."""
    with start(module, *arguments, **options) as process:
        try:
            yield process
        finally:
            process.kill()
