# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Read the topics of student_node in a recording as arrays."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from distill_runtime.data.bags.bag import Bag
from distill_runtime.data.bags.topic_reader import Choose
from distill_runtime.data.bags.topics import find_external, find_topic, need_topic
from distill_runtime.data.ticks.rows import RowSelection
from distill_runtime.data.ticks.windows import Windows
from distill_runtime.errors import RecordingError
from distill_runtime.spec.terms import External
from distill_runtime.wire.layouts import JOINT_KINDS

from .field_series import read_field
from .series import JointStream, read_imu, read_joints, read_stream, read_velocity_command, Stream


@dataclass(frozen=True, kw_only=True, eq=False)
class Recording:
    """The topics of student_node in one recording; None: not recorded."""

    path: Path
    joints: JointStream
    """Measured, in the order of the message with the most names."""
    imu: Stream | None
    """Orientation (w, x, y, z) and angular velocity, see read_imu."""
    odometry: Stream | None
    command: Stream | None
    joint_command: JointStream | None
    """Commands to the joints."""
    externals: Mapping[str, Stream] = field(default_factory=dict)
    """External topics, by their names in the policy."""

    def inputs(self) -> Iterator[tuple[str, Stream | JointStream]]:
        """Yield the standard inputs that were recorded, by their names in student_node."""
        yield 'joint_states', self.joints
        for name, stream in (
            ('imu', self.imu),
            ('odom', self.odometry),
            ('cmd_vel', self.command),
        ):
            if stream is not None:
                yield name, stream


def read_inputs(
    bag: Bag,
    topics: Mapping[str, str],
    *,
    joints: tuple[str, ...] | None = None,
    skip: Collection[str] = (),
    external_terms: tuple[External, ...] = (),
    node: str = '',
    selection: RowSelection | Windows | None = None,
) -> Recording:
    """Read the inputs of a policy, without the commands to the joints.

    Args:
        bag: The recording.
        topics: Topic of the recording per topic of student_node, where the rule of topics.py
            does not find it.
        joints: In the order of the rows; None: those of the message with the most names.
        skip: Topics of student_node not to read.
        external_terms: External topics to read.
        node: Full name of the node whose topics are preferred if there are several; '': no
            preference.
        selection: Selects the rows that ticks use; None: read all.

    Raises:
        RecordingError: If it cannot be used, or a topic is ambiguous.
    """
    states = read_joints(
        bag,
        need_topic(bag, 'joint_states', topics, node),
        joints,
        None if selection is None else selection.for_joints(),
        JOINT_KINDS if selection is None else selection.kinds,
    )

    def choose(name: str) -> Choose | None:
        return None if selection is None else selection.for_topic(name, states)

    streams: dict[str, Stream] = {}
    for name in ('imu', 'odom', 'cmd_vel'):
        topic = None if name in skip else find_topic(bag, name, topics, node)
        if topic is None:
            continue
        if name == 'cmd_vel':
            stream = read_velocity_command(bag, topic)
        elif name == 'imu':
            stream = read_imu(bag, topic, choose(name))
        else:
            stream = read_stream(bag, topic, choose=choose(name))
        if stream.num_usable:
            streams[name] = stream
    externals = {}
    for term in external_terms:
        topic = find_external(bag, term, topics, node)
        if term.is_offline:
            externals[term.topic] = read_field(bag, topic, term.field, term.width)
            continue
        is_chosen = term.message == 'PoseStamped' or isinstance(selection, Windows)
        chosen = choose(term.topic) if is_chosen else None
        externals[term.topic] = read_stream(bag, topic, term.width, chosen)
    return Recording(
        path=bag.path,
        joints=states,
        imu=streams.get('imu'),
        odometry=streams.get('odom'),
        command=streams.get('cmd_vel'),
        joint_command=None,
        externals=externals,
    )


def read_positions_command(
    bag: Bag,
    given: Mapping[str, str],
    joints: tuple[str, ...] | None,
    choose: Choose | None = None,
) -> JointStream | None:
    """Read the commands; None if there are none, or none with positions."""
    topic = find_topic(bag, 'joint_command', given)
    if topic is None:
        return None
    names = joints if topic.type.endswith('MultiArray') else None
    try:
        return read_joints(bag, topic, names, choose)
    except RecordingError:
        if 'joint_command' in given:
            raise
        return None
