# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""student_node as a program."""

from __future__ import annotations

from contextlib import contextmanager
import subprocess
import sys


@contextmanager
def program(*arguments, within=()):
    """Start student_node as a process group, as a terminal does.

    Args:
        arguments: Of ROS.
        within: Command that the program is started by.
    """
    command = [sys.executable, '-m', 'distill_runtime.ros.student_node', '--ros-args', *arguments]
    with subprocess.Popen(
        [*within, *command],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def parameters(**values):
    """Return the arguments that set parameters."""
    words = [['-p', f'{name}:={value}'] for name, value in values.items()]
    return [word for pair in words for word in pair]
