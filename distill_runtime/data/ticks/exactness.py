# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Check whether a recording suffices for an exact replay: ticks, samples, commands, parameters."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from distill_runtime.core.arrays import StampArray
from distill_runtime.data.bags.bag import Bag
from distill_runtime.data.bags.topics import find_topic, resolved
from distill_runtime.data.info.topic_stats import TopicStats
from distill_runtime.data.recording.node_info import recorded_node
from distill_runtime.data.recording.tick_log import (
    find_tick_topics,
    inputs,
    is_interrupted,
    read_tick_log,
)
from distill_runtime.errors import RecordingError
import numpy as np

_INPUTS = ('joint_states', 'imu', 'odom', 'cmd_vel')
"""As tick_log.inputs returns them."""


@dataclass(frozen=True, kw_only=True)
class Samples:
    """The samples of one input that ticks name."""

    topic: str
    """'' if it is not recorded."""
    num_named: int
    num_found: int | None
    """Of those, found in the recording; None: they have no stamps."""


@dataclass(frozen=True, kw_only=True)
class NodeFacts:
    """What a recording has of one student_node."""

    node: str
    num_ticks: int
    num_interruptions: int
    """How often ticks are missing, not counting those before the recording began."""
    models: tuple[str, ...]
    """First digits of their sha256, in the order in which they were active."""
    samples: Mapping[str, Samples]
    """By input, if any sample of it was used."""
    joint_command: str
    """Topic of the commands, '' without any."""
    has_parameters: bool
    """Whether ~/model has them."""
    has_observation: bool
    has_action: bool

    @property
    def missing(self) -> tuple[str, ...]:
        """What prevents an exact replay of all ticks."""
        return tuple(self._missing())

    def _missing(self) -> Iterator[str]:
        if self.num_interruptions:
            yield f'ticks are missing {self.num_interruptions} times'
        for name, entry in self.samples.items():
            if not entry.topic:
                yield f'{name}: {entry.num_named} samples were used and none is recorded'
            elif entry.num_found is not None and entry.num_found < entry.num_named:
                yield (
                    f'{entry.topic}: {entry.num_named - entry.num_found} of {entry.num_named} '
                    'samples that were used are not recorded'
                )
        if not self.joint_command:
            yield 'no commands are recorded'
        if not self.has_parameters:
            yield (
                f'{self.node}/model is not recorded: give the parameters with --params-file or -p'
            )


def read_nodes(
    bag: Bag, given: Mapping[str, str], facts: Mapping[str, TopicStats]
) -> tuple[NodeFacts, ...]:
    """Return what the recording has of each node that publishes ~/tick.

    Args:
        bag: The recording.
        given: See find_topic.
        facts: Statistics of its topics, by name.

    Raises:
        RecordingError: If a topic is damaged.
    """
    found = []
    for topic in find_tick_topics(bag):
        log = read_tick_log(bag, topic.name.removesuffix('/tick'))
        assert log is not None, 'the topic was found'
        topics = {entry.name for entry in bag.topics if entry.num_messages}
        used = {}
        for name, named_ns in (*zip(_INPUTS, inputs(log), strict=True), *log.externals.items()):
            if name in _INPUTS:
                source = _topic(bag, name, given, log.node)
            else:
                source = given.get(name) or resolved(name, log.node)
            if np.any(named_ns >= 0):
                used[name] = _samples(named_ns, facts.get(source if source in topics else ''))
        order = np.sort(np.unique(log.model, return_index=True)[1])
        found.append(
            NodeFacts(
                node=log.node,
                num_ticks=len(log.tick),
                num_interruptions=int(np.count_nonzero(is_interrupted(log)[1:])),
                models=tuple(f'{number:015x}' for number in log.model[order].tolist()),
                samples=used,
                joint_command=_topic(bag, 'joint_command', given, log.node),
                has_parameters=bool(recorded_node(bag, log.node).parameters),
                has_observation=f'{log.node}/observation' in topics,
                has_action=f'{log.node}/action' in topics,
            )
        )
    return tuple(found)


def _samples(named_ns: StampArray, facts: TopicStats | None) -> Samples:
    """Count the samples that ticks name; facts: of their topic, None if it is not recorded."""
    named = np.unique(named_ns[named_ns >= 0])
    num_found = None
    if facts is not None and facts.stamp_ns is not None:
        num_found = int(np.count_nonzero(np.isin(named, facts.stamp_ns)))
    topic = '' if facts is None else facts.topic.name
    return Samples(topic=topic, num_named=len(named), num_found=num_found)


def _topic(bag: Bag, name: str, given: Mapping[str, str], node: str) -> str:
    """Return the topic that a replay would use; '': there is none, or it is ambiguous."""
    try:
        topic = find_topic(bag, name, given, node)
    except RecordingError:
        return ''
    return topic.name if topic is not None and topic.num_messages else ''
