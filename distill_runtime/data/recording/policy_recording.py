# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Read what a policy needs of a recording, and what its replay can be compared with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from distill_runtime.core.compiled_spec import CompiledSpec
from distill_runtime.data.bags.bag import Bag
from distill_runtime.data.bags.topics import check_names, find_topic, has_external
from distill_runtime.data.ticks.rows import RowSelection
from distill_runtime.errors import ConfigError, RecordingError
from distill_runtime.policy.model import LoadedPolicy
from distill_runtime.spec.compile import compile_spec, external_terms
from distill_runtime.spec.terms import External

from .commands import Commands, read_joint_commands
from .node_info import recorded_node, RecordedNode
from .recording import read_inputs, Recording
from .series import read_vectors, VectorSeries
from .tick_log import read_tick_log, TickLog


@dataclass(frozen=True, kw_only=True, eq=False)
class PolicyRecording:
    """What a recording has for a policy; None: it is not recorded."""

    recording: Recording
    log: TickLog | None
    commands: Commands | None
    observation: VectorSeries | None
    action: VectorSeries | None
    node_info: RecordedNode | None
    """From ~/model; None without ticks."""
    topics: Mapping[str, str]
    """Topic of the recording per topic of student_node, as the user named them."""
    damage: tuple[str, ...]
    """What could not be read of the recording."""

    @property
    def parameters(self) -> Mapping[str, object]:
        """Recorded parameters of the node that a runner has."""
        return {} if self.node_info is None else self.node_info.parameters


def read_policy_recording(
    path: Path | str,
    policy: LoadedPolicy,
    topics: Mapping[str, str] | None = None,
    node: str = '',
    others: Sequence[LoadedPolicy] = (),
) -> PolicyRecording:
    """Read what a policy needs of a recording, and what it can be compared with.

    Args:
        path: See Bag.
        policy: Defines which inputs are needed.
        topics: Topic of the recording per topic of student_node.
        node: See read_tick_log.
        others: Policies whose inputs are read, too, where the recording has them; see
            of_policy. They have the same joints. Recorded observations are not read then.

    Raises:
        ConfigError: If the path does not exist, a name in topics is unknown, or two policies read
            one external topic in different ways.
        RecordingError: If it cannot be used.
    """
    given = topics or {}
    runner = policy.runner()
    compiled = runner.compiled
    needed = external_terms(policy.spec)
    wished: dict[str, External] = {}
    for term in (*needed, *(term for other in others for term in external_terms(other.spec))):
        _check_same(wished.setdefault(term.topic, term), term)
    skip = set(unneeded(compiled)).intersection(
        *(unneeded(compile_spec(other.spec)) for other in others)
    )
    if others:
        skip.discard('cmd_vel')  # rules may read it
    check_names(given, list(wished))
    with Bag(path) as bag:
        log = read_tick_log(bag, node, policy.sha256)
        node = '' if log is None else log.node
        externals = {term.topic: term for term in needed}
        for name, term in wished.items():
            if has_external(bag, term, given, node):
                externals.setdefault(name, term)
        recording = read_inputs(
            bag,
            given,
            joints=compiled.layout.joints,
            skip=skip,
            external_terms=tuple(externals.values()),
            node=node,
            selection=RowSelection(compiled.period_ns, log),
        )
        missing = missing_inputs(recording, compiled)
        if missing:
            raise RecordingError(
                f'{path} has no messages for {missing[0]}, which the policy reads, it has '
                f'{[f"{topic.name} ({topic.type})" for topic in bag.topics]}'
            )
        topic = find_topic(bag, 'joint_command', given, node)
        commands = observation = action = node_info = None
        if topic is not None and topic.num_messages:
            commands = read_joint_commands(bag, topic, compiled.joints)
        if log is not None:
            network = runner.policy
            if not others:
                observation = read_vectors(bag, f'{node}/observation', network.observation.size)
            action = read_vectors(bag, f'{node}/action', network.action.size)
            node_info = recorded_node(bag, node)
        return PolicyRecording(
            recording=recording,
            log=log,
            commands=commands,
            observation=observation,
            action=action,
            node_info=node_info,
            topics=given,
            damage=bag.damage,
        )


def _check_same(term: External, other: External) -> None:
    """Refuse to read one topic in two ways."""
    for name in ('message', 'field', 'width'):
        if getattr(term, name) != getattr(other, name):
            raise ConfigError(
                f'external {term.topic!r} has {name} {getattr(term, name)} for one policy and '
                f'{getattr(other, name)} for another, expected the same'
            )


def of_policy(source: PolicyRecording, policy: LoadedPolicy) -> PolicyRecording:
    """Return what one policy needs of a recording that was read for several."""
    streams = source.recording.externals
    own = {
        term.topic: streams[term.topic]
        for term in external_terms(policy.spec)
        if term.topic in streams
    }
    return replace(source, recording=replace(source.recording, externals=own))


def missing_inputs(recording: Recording, compiled: CompiledSpec) -> list[str]:
    """Return the inputs of a policy of which a recording has no usable message."""
    streams = [
        ('imu', compiled.needs_imu, recording.imu),
        ('odom', compiled.needs_odometry, recording.odometry),
        *(
            (entry.topic, True, recording.externals.get(entry.topic))
            for entry in compiled.layout.externals
        ),
    ]
    return [
        name
        for name, is_needed, stream in streams
        if is_needed and not (stream and stream.num_usable)
    ]


def unneeded(compiled: CompiledSpec) -> list[str]:
    """Return the inputs that a policy does not read."""
    names = ('imu', 'odom', 'cmd_vel')
    needs = (compiled.needs_imu, compiled.needs_odometry, compiled.needs_command)
    return [name for name, is_needed in zip(names, needs, strict=True) if not is_needed]
