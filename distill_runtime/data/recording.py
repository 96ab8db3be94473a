# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""What a policy and its robot left in a recording, as arrays."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
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
        streams = {}
        for name, read in (
            ('imu', read_imu),
            ('odom', read_odometry),
            ('cmd_vel', read_command),
        ):
            topic = find_topic(bag, name, given)
            stream = None if topic is None else read(bag, topic)
            streams[name] = stream if stream is not None and len(stream.values) else None
        return Recording(
            path=Path(path),
            joints=read_joints(bag, need_topic(bag, 'joint_states', given)),
            imu=streams['imu'],
            odometry=streams['odom'],
            command=streams['cmd_vel'],
            joint_command=_joint_command(bag, given, policy_joints),
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
