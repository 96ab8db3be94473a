# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""What the launch files share: arguments, and the end with one of the processes.

A launch ends once, with a reason, and non-zero after a failure.

An error that an event handler raises is the one thing that makes the exit status of `ros2 launch`
1; it shuts everything down in order, as the action Shutdown does, whose exit status is 0.
"""

from __future__ import annotations

import signal

from launch import LaunchContext, LaunchDescriptionEntity, SomeSubstitutionsType
from launch.actions import DeclareLaunchArgument, Shutdown
from launch.events.process import ProcessExited


def arguments(
    *rows: tuple[str, SomeSubstitutionsType | None, str], **choices: list[str]
) -> list[DeclareLaunchArgument]:
    """Declare arguments.

    Args:
        rows: Name, default and description of each; without a default it must be given.
        choices: What some of them may be.
    """
    return [
        DeclareLaunchArgument(
            name, default_value=default, description=text, choices=choices.get(name)
        )
        for name, default, text in rows
    ]


def end_launch(event: ProcessExited, context: LaunchContext) -> list[LaunchDescriptionEntity]:
    """End the launch with a process that it needs.

    Raises:
        RuntimeError: If it failed.
    """
    return _end(event, context, event.returncode != 0, 'its last lines above say why')


def end_with_recorder(
    event: ProcessExited, context: LaunchContext
) -> list[LaunchDescriptionEntity]:
    """End the launch with the recorder, which is to record as long as the node runs.

    Raises:
        RuntimeError: Always, unless the launch is ending already.
    """
    return _end(event, context, True, 'the run would not be recorded, its last lines say why')


def _end(
    event: ProcessExited, context: LaunchContext, has_failed: bool, what: str
) -> list[LaunchDescriptionEntity]:
    if context.is_shutdown:
        return []  # Ctrl-C or another process has ended all already
    reason = f'{event.process_name} {_how(event.returncode)}'
    if has_failed:
        raise RuntimeError(f'{reason}: {what}')
    return [Shutdown(reason=reason)]


def _how(returncode: int) -> str:
    """Return how a process ended."""
    if returncode < 0:
        return f'was ended by {signal.Signals(-returncode).name}'
    return f'ended with exit status {returncode}'
