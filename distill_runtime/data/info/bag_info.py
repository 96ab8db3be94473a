# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Facts about a recording and their findings: `bag info`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from distill_runtime.data.bags.bag import Bag
from distill_runtime.data.bags.topics import check_names, find_topic, TYPES
from distill_runtime.data.ticks.exactness import NodeFacts, read_nodes
from distill_runtime.errors import RecordingError
from distill_runtime.spec.findings.finding import Finding
from distill_runtime.spec.findings.registry import sorted_findings
from distill_runtime.spec.robot_description import RobotDescription

from .bag_findings import clock_findings, content_findings, joint_findings, Moment, time_findings
from .imu_stats import ImuStats, read_imu_stats
from .topic_stats import read_topic, TopicStats

SENSORS = ('joint_states', 'imu', 'odom')
"""Inputs without which student_node stops the robot."""


@dataclass(frozen=True, kw_only=True, eq=False)
class BagInfo:
    """Facts about a recording."""

    path: Path
    start_ns: int
    """Receipt of the first message."""
    end_ns: int
    """Receipt of the last message."""
    topics: tuple[TopicStats, ...]
    roles: Mapping[str, str]
    """Input of student_node by topic name, as a replay maps them."""
    imus: tuple[ImuStats, ...]
    nodes: tuple[NodeFacts, ...]
    """Nodes that publish ~/tick."""
    findings: tuple[Finding, ...]
    """The worst first."""

    @property
    def duration(self) -> float:
        """Time between the first and the last message, in [s]."""
        return (self.end_ns - self.start_ns) / 1e9

    @property
    def is_valid(self) -> bool:
        """Whether there is no finding of severity error."""
        return all(finding.severity != 'error' for finding in self.findings)


def read_info(
    path: Path | str,
    topics: Mapping[str, str] | None = None,
    robot: RobotDescription | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> BagInfo:
    """Read a whole recording.

    Args:
        path: See Bag.
        topics: Topic of the recording by input of student_node.
        robot: Robot whose joints are expected.
        progress: Called now and then with the number of messages read and the total.

    Raises:
        ConfigError: If the path does not exist, or a name in topics is unknown.
        RecordingError: If it cannot be opened, or no message can be read.
    """
    given = topics or {}
    check_names(given)
    with Bag(path) as bag:
        return _read(bag, given, robot, progress)


def _read(
    bag: Bag,
    given: Mapping[str, str],
    robot: RobotDescription | None,
    progress: Callable[[int, int], None] | None,
) -> BagInfo:
    findings = [
        Finding(
            code='bag.damaged',
            severity='error',
            message=text,
            hint='all results are about the readable part',
        )
        for text in bag.damage
    ]
    roles, ambiguous = _roles(bag, given)
    findings += ambiguous
    facts: list[TopicStats] = []
    num_read, num_all = 0, sum(topic.num_messages for topic in bag.topics)
    for topic in bag.topics:
        facts.append(read_topic(bag, topic))
        num_read += topic.num_messages
        if progress is not None:
            progress(num_read, num_all)
    read = [entry for entry in facts if len(entry.receive_ns)]
    if not read:
        reasons = [*bag.damage, *(entry.damage for entry in facts if entry.damage)]
        raise RecordingError(f'{bag.path}: no message can be read: {"; ".join(reasons)}')
    start_ns = min(int(entry.receive_ns[0]) for entry in read)
    end_ns = max(int(entry.receive_ns[-1]) for entry in read)

    def moment(time_ns: int) -> str:
        return f'{(time_ns - start_ns) * 1e-9:.3f} s'

    findings += clock_findings(read)
    findings += _topic_findings(facts, roles, robot, moment)
    whole = [entry for entry in facts if not entry.damage]
    imus = [
        found
        for entry in whole
        if entry.topic.type in TYPES['imu']
        and (found := read_imu_stats(bag, entry.topic)) is not None
    ]
    findings += [finding for imu in imus for finding in imu.findings]
    nodes: tuple[NodeFacts, ...] = ()
    try:
        nodes = read_nodes(bag, given, {entry.topic.name: entry for entry in facts})
    except RecordingError as error:
        findings.append(
            Finding(
                code='bag.ticks',
                severity='warning',
                message=str(error),
                hint='a replay follows the stamps of the joint states: it is not exact',
            )
        )
    return BagInfo(
        path=bag.path,
        start_ns=start_ns,
        end_ns=end_ns,
        topics=tuple(facts),
        roles=roles,
        imus=tuple(imus),
        nodes=nodes,
        findings=sorted_findings(findings),
    )


def _roles(bag: Bag, given: Mapping[str, str]) -> tuple[dict[str, str], list[Finding]]:
    """Map topics to inputs as a replay does; report ambiguous inputs."""
    roles: dict[str, str] = {}
    findings = []
    for name in TYPES:
        try:
            topic = find_topic(bag, name, given)
        except RecordingError as error:
            if name in given:
                raise
            findings.append(
                Finding(
                    code='bag.ambiguous',
                    severity='info',
                    message=str(error),
                    hint='if the recording has ~/tick, the topics of its node are used',
                )
            )
            continue
        if topic is not None:
            roles[topic.name] = name
    return roles, findings


def _topic_findings(
    facts: list[TopicStats],
    roles: Mapping[str, str],
    robot: RobotDescription | None,
    moment: Moment,
) -> Iterator[Finding]:
    for entry in facts:
        role = roles.get(entry.topic.name, '')
        yield from content_findings(entry, moment)
        yield from time_findings(entry, role in SENSORS, moment)
        if robot is not None and role == 'joint_states':
            yield from joint_findings(entry, robot)
    if not any(entry.topic.type in TYPES['joint_states'] for entry in facts):
        yield Finding(
            code='bag.no_joint_states',
            severity='warning',
            message=f'no topic is joint_states, expected {" or ".join(TYPES["joint_states"])}',
            hint='a replay needs it: name one with --topic joint_states:=TOPIC, or record it',
        )
