# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Find the topic of a recording that corresponds to a topic of student_node.

The rule: the topic that the user names; else the only one of that type that has messages; else,
of several, the only one whose name ends like the topic of student_node (/joint_states); of several
of those, the one in the namespace of the node, if known. Anything else is ambiguous and an error.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from distill_runtime.errors import ConfigError, RecordingError
from distill_runtime.spec.terms import External

from .bag import Bag, Topic

TYPES: Mapping[str, tuple[str, ...]] = {
    'joint_states': ('sensor_msgs/msg/JointState',),
    'imu': ('sensor_msgs/msg/Imu',),
    'odom': ('nav_msgs/msg/Odometry',),
    'cmd_vel': ('geometry_msgs/msg/Twist', 'geometry_msgs/msg/TwistStamped'),
    'joint_command': (
        'sensor_msgs/msg/JointState',
        'trajectory_msgs/msg/JointTrajectory',
        'std_msgs/msg/Float64MultiArray',
    ),
}
"""Message types of each topic of student_node."""
_EXTERNAL = {
    'Float32MultiArray': 'std_msgs/msg/Float32MultiArray',
    'PoseStamped': 'geometry_msgs/msg/PoseStamped',
}


def check_names(given: Mapping[str, str], externals: Collection[str] = ()) -> None:
    """Raise a ConfigError if a given name is no topic of student_node or of the externals."""
    for name in given:
        if name not in TYPES and name not in externals:
            known = [*sorted(TYPES), *externals]
            raise ConfigError(f'topic {name!r} is unknown, expected one of {known}')


def find_topic(bag: Bag, name: str, given: Mapping[str, str], node: str = '') -> Topic | None:
    """Return the topic of a recording for a topic of student_node; None: it has none.

    The user has given some topics of the recording by topic of student_node. The full name of the
    node is '' if it is not known.

    Raises:
        RecordingError: If the named one is missing or of another type, or several qualify.
    """
    if name in given:
        return _named(bag, name, given[name], TYPES[name])
    candidates = [
        topic for topic in bag.topics if topic.type in TYPES[name] and topic.num_messages
    ]
    same_name = [topic for topic in candidates if topic.name.rpartition('/')[2] == name]
    if name == 'joint_command' or len(same_name) == 1:
        candidates = same_name
    in_namespace = [topic for topic in candidates if node and topic.name == resolved(name, node)]
    if len(candidates) > 1 and len(in_namespace) == 1:
        candidates = in_namespace
    if len(candidates) > 1:
        raise RecordingError(
            f'{bag.path} has {len(candidates)} topics that may be {name}: '
            f'{[topic.name for topic in candidates]}: name one with --topic {name}:=TOPIC'
        )
    return candidates[0] if candidates else None


def need_topic(bag: Bag, name: str, given: Mapping[str, str], node: str = '') -> Topic:
    """Return what find_topic returns; raise a RecordingError if it finds none, too."""
    topic = find_topic(bag, name, given, node)
    if topic is None:
        raise RecordingError(
            f'{bag.path} has no {" or ".join(TYPES[name])} for {name}, it has '
            f'{[f"{topic.name} ({topic.type})" for topic in bag.topics]}'
        )
    return topic


def find_external(bag: Bag, term: External, given: Mapping[str, str], node: str = '') -> Topic:
    """Return the topic of a recording that an external term reads.

    It is the topic that the user names, else the one that the name resolves to in the node.

    Raises:
        RecordingError: If it is missing or of another type.
    """
    wanted = given.get(term.topic) or resolved(term.topic, node or '/student_node')
    return _named(bag, term.topic, wanted, (_EXTERNAL.get(term.message, term.message),))


def has_external(bag: Bag, term: External, given: Mapping[str, str], node: str = '') -> bool:
    """Whether find_external would find a topic; another type still counts."""
    wanted = given.get(term.topic) or resolved(term.topic, node or '/student_node')
    return any(topic.name == '/' + wanted.lstrip('/') for topic in bag.topics)


def resolved(name: str, node: str) -> str:
    """Return the full name that a node resolves a topic to, without remappings."""
    if name.startswith('/'):
        return name
    if name.startswith('~'):
        return f'{node}/{name[1:].lstrip("/")}'
    return f'{node.rpartition("/")[0]}/{name}'


def _named(bag: Bag, name: str, wanted: str, types: tuple[str, ...]) -> Topic:
    full = '/' + wanted.lstrip('/')
    found = [topic for topic in bag.topics if topic.name == full]
    if not found:
        raise RecordingError(
            f'{bag.path} has no topic {full!r}, expected one for {name}: it has '
            f'{[topic.name for topic in bag.topics]}, name one with --topic {name}:=TOPIC'
        )
    for topic in found:
        if topic.type in types:
            return topic
    raise RecordingError(
        f'{full} is of type {found[0].type}, expected {" or ".join(types)} for {name}'
    )
