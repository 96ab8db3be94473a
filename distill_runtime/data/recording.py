# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""What a policy and its robot left in a recording, as arrays."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from distill_runtime.errors import RecordingError

from .bags import Bag
from .streams import JointStream, read_command, read_imu, read_joints, read_odometry, Stream
from .topics import check_names, find_topic, need_topic


@dataclass(frozen=True, kw_only=True, eq=False)
class Recording:
    """The topics of student_node in one recording; None: it has no such topic."""

    path: Path
    joints: JointStream
    """Measured, in the order of the message with the most names."""
    imu: Stream | None
    """Orientation (w, x, y, z) and angular velocity, see read_imu."""
    odometry: Stream | None
    command: Stream | None
    joint_command: JointStream | None
    """What was sent to the joints."""


def read_recording(
    path: Path | str,
    topics: Mapping[str, str] | None = None,
    policy_joints: tuple[str, ...] | None = None,
) -> Recording:
    """Read a recording.

    Args:
        path: See Bag.
        topics: Topic of the recording per topic of student_node, where the rule of topics.py
            does not find it.
        policy_joints: Order of a joint_command without names; None: such a one is left out.

    Raises:
        ConfigError: If nothing is there, or a name in topics is unknown.
        RecordingError: If it cannot be used, or several topics may be the one needed.
    """
    given = topics or {}
    check_names(given)
    with Bag(path) as bag:
        recording = read_inputs(bag, given)
        return replace(recording, joint_command=_joint_command(bag, given, policy_joints))


def read_inputs(
    bag: Bag,
    topics: Mapping[str, str],
    joints: tuple[str, ...] | None = None,
    namespace: str = '',
    but: Collection[str] = (),
) -> Recording:
    """Read what a policy sees, without what was sent to the joints.

    Args:
        bag: The recording.
        topics: As for read_recording.
        joints: Those that are wanted, in the wanted order; None: those of the message with the
            most names.
        namespace: Of the node whose topics are preferred where there are several, with a slash at
            its end; '' for none.
        but: Topics of student_node that are not wanted.

    Raises:
        RecordingError: If it cannot be used, or several topics may be the one needed.
    """
    streams = {}
    for name, read in (('imu', read_imu), ('odom', read_odometry), ('cmd_vel', read_command)):
        topic = None if name in but else find_topic(bag, name, topics, namespace)
        stream = None if topic is None else read(bag, topic)
        streams[name] = stream if stream is not None and len(stream.values) else None
    return Recording(
        path=bag.path,
        joints=read_joints(bag, need_topic(bag, 'joint_states', topics, namespace), joints),
        imu=streams['imu'],
        odometry=streams['odom'],
        command=streams['cmd_vel'],
        joint_command=None,
    )


def _joint_command(
    bag: Bag, given: Mapping[str, str], joints: tuple[str, ...] | None
) -> JointStream | None:
    """Read the commands, which a recording may lack or hold in a form that says no positions."""
    topic = find_topic(bag, 'joint_command', given)
    if topic is None:
        return None
    names = joints if topic.type.endswith('MultiArray') else None
    try:
        return read_joints(bag, topic, names)
    except RecordingError:
        if 'joint_command' in given:
            raise
        return None
