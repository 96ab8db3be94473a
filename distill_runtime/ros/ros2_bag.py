# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""What the launch files tell `ros2 bag` about student_node: which topics, under which names."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from importlib.util import find_spec
import shutil

from distill_runtime.errors import DistillError
from distill_runtime.policy.model import load_policy
from distill_runtime.spec.compile import compile_spec
from rclpy.expand_topic_name import expand_topic_name

NODE = 'student_node'
INPUTS = ('joint_states', 'imu', 'cmd_vel', 'odom')
"""What a policy may read, besides external topics."""
RECORDED = (
    *INPUTS,
    'estop',
    'joint_command',
    '~/tick',
    '~/model',
    '~/observation',
    '~/action',
    '/diagnostics',
)
"""What an exact replay needs, and what people look at beside it."""
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

    Args:
        model: File.
        spec: Spec file, '' for none.
        robot: Robot profile, '' for none.
    """
    try:
        policy = load_policy(model, spec or None, robot)
    except DistillError:
        return ()
    return tuple(entry.topic for entry in compile_spec(policy.spec).layout.externals)


def resolved(topics: Iterable[str], namespace: str = '') -> list[str]:
    """Return the full names that student_node has for topics.

    Args:
        topics: Names as the node writes them.
        namespace: Of the node, with or without a slash in front.
    """
    full = f'/{namespace.strip("/")}'
    return [expand_topic_name(topic, NODE, full) for topic in topics]


def record_words(folder: str, topics: Iterable[str]) -> list[str]:
    """Return the command line that records topics.

    Args:
        folder: Bag to make.
        topics: Full names.
    """
    return ['ros2', 'bag', 'record', '--storage', 'mcap', '--output', folder, *topics]


def play_words(bag: str, names: Mapping[str, str], rate: str) -> list[str]:
    """Return the command line that plays some topics under other names, with a clock of its own.

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
