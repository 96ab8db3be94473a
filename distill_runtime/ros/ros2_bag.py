# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""What the launch files say to `ros2 bag` of student_node: topics, their names, the recording."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from importlib.util import find_spec
from pathlib import Path
import shutil

from distill_runtime.data.flight_recorder.folders import expanded, free_path, make_folder
from distill_runtime.data.flight_recorder.records import dotted
from distill_runtime.errors import ConfigError, DistillError
from distill_runtime.policy.model import load_policy
from distill_runtime.spec.compile import compile_spec
from rclpy.expand_topic_name import expand_topic_name

from .robot_description import is_topic

NODE = 'student_node'
INPUTS = ('joint_states', 'imu', 'cmd_vel', 'odom')
"""What a policy may read, besides external topics."""
REMAPPED = (*INPUTS, 'estop', 'joint_command')
"""Topics that have a launch argument of their name."""
RECORDED = (
    *REMAPPED,
    '~/tick',
    '~/model',
    '~/observation',
    '~/action',
    '/diagnostics',
)
"""What an exact replay needs, and what people look at besides."""
CLOCK_RATE = 500.0
"""Of /clock in [Hz]: ticks of the node are as exact as that."""

DELAY = 3.0
"""Time in [s] in which the node and the player find each other, before the first message."""


def is_there() -> bool:
    """Whether this machine has `ros2 bag`."""
    return shutil.which('ros2') is not None and find_spec('ros2bag') is not None


def external_topics(model: str, spec: str = '', robot: str = '') -> tuple[str, ...]:
    """Return the external topics that a policy reads, as its spec names them.

    None of a model that is refused: student_node says why.
    """
    try:
        # a robot on a topic is not waited for: its limits change no topic
        policy = load_policy(model, spec or None, '' if is_topic(robot) else robot)
    except DistillError:
        return ()
    return tuple(entry.topic for entry in compile_spec(policy.spec).layout.externals)


def resolved(topics: Iterable[str], namespace: str = '') -> list[str]:
    """Return the full names that student_node has for topics in a namespace."""
    full = f'/{namespace.strip("/")}'
    return [expand_topic_name(topic, NODE, full) for topic in topics]


def recordings_folder(record_to: str) -> str:
    """Make the folder that recordings go to, as student_node does; return its path.

    Raises:
        ConfigError: If it is ''.
        RecordingError: If nothing can be written there.
    """
    if not record_to:
        raise ConfigError("record_to is '', expected a folder where record is true")
    folder = expanded(record_to)
    make_folder(folder, 'record_to')
    return str(folder)


def new_recording(folder: str, namespace: str = '') -> str:
    """Return where a recording that begins now goes: time and node name it."""
    (node,) = resolved(['~'], namespace)
    return str(free_path(Path(folder), dotted(node)))


def record_words(bag: str, topics: Iterable[str]) -> list[str]:
    """Return the command line that records topics in a folder that does not exist yet."""
    return ['ros2', 'bag', 'record', '--storage', 'mcap', '--output', bag, *topics]


def play_words(bag: str, names: Mapping[str, str], rate: str) -> list[str]:
    """Return the command line that plays some topics under other names, with a clock.

    Args:
        bag: Recording.
        names: Name to publish under, by the name in the recording; no other topic is played.
        rate: Multiple of real time.
    """
    remaps = [f'{recorded}:={name}' for recorded, name in names.items()]
    played = [recorded for recorded in names if recorded != '/clock']
    return [
        *('ros2', 'bag', 'play', bag, '--rate', rate, '--clock', f'{CLOCK_RATE:g}'),
        *('--delay', f'{DELAY:g}', '--disable-keyboard-controls'),
        *('--topics', *played),
        *('--remap', *remaps),
    ]
