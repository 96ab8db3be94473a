# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""What student_node says of its ticks: ~/tick of a recording as arrays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from distill_runtime.core.arrays import IndexArray
from distill_runtime.data.bags.bag import Bag, Topic
from distill_runtime.data.bags.chunk import StampArray
from distill_runtime.data.bags.columns import array_parts
from distill_runtime.data.bags.dropped import (
    count,
    DroppedCounter,
    LeftOut,
    OTHER_LABELS,
    UNDECODABLE,
)
from distill_runtime.errors import ConfigError, RecordingError
from distill_runtime.wire.tick_fields import (
    external_topics,
    FAULT_ACTION,
    model_number,
    sample_label,
    TICK_FIELDS,
)
import numpy as np
import numpy.typing as npt

TICK_TYPE = 'std_msgs/msg/Int64MultiArray'
UNTOLD = -1
"""What a tick says that does not say it; of a sample it is the same as none."""


@dataclass(frozen=True, kw_only=True, eq=False)
class TickLog:
    """Ticks of one node, one row each, in order of receipt; every array has shape (T,)."""

    topic: Topic
    node: str
    """Full name of the node, such as /robot/student_node."""
    receive_ns: StampArray
    tick: StampArray
    """Number of the tick since the node was configured."""
    stamp_ns: StampArray
    joint_states_ns: StampArray
    """Which sample the tick used: its header stamp, -1 for none; imu_ns, odom_ns alike."""
    imu_ns: StampArray
    cmd_vel_ns: StampArray
    """LayoutGroup; of a Twist its source timestamp."""
    odom_ns: StampArray
    mode: StampArray
    model: StampArray
    """First 60 bits of the model's sha256."""
    lateness_ns: StampArray
    fault_action: StampArray
    """A number of ACTION_NUMBERS, UNTOLD where the node did not say it."""
    externals: Mapping[str, StampArray] = field(default_factory=dict)
    """Which sample of each external topic a tick used, UNTOLD where it did not read the topic."""
    left_out: LeftOut = field(default_factory=dict)
    """Messages that could not be used."""

    @property
    def num_skipped(self) -> int:
        """How many messages could not be used."""
        return count(self.left_out)

    @property
    def namespace(self) -> str:
        """Of the node, with a slash at its end."""
        return self.node.rpartition('/')[0] + '/'


def find_tick_topics(bag: Bag) -> list[Topic]:
    """Return the topics that are ~/tick of some node."""
    return [
        topic
        for topic in bag.topics
        if topic.type == TICK_TYPE and topic.name.endswith('/tick') and topic.num_messages
    ]


def read_tick_log(bag: Bag, node: str = '', sha256: str = '') -> TickLog | None:
    """Read the ticks of one node; None: no node said any.

    Args:
        bag: The recording.
        node: Name of the node, with or without namespace; '' for the only one, or the only one
            that ran the model.
        sha256: Of the model; '' for any.

    Raises:
        RecordingError: If there is no such node, or several may be meant.
    """
    topics = find_tick_topics(bag)
    names = [topic.name.removesuffix('/tick') for topic in topics]
    if node:
        full = [name for name in names if name == node or name.endswith('/' + node.strip('/'))]
        if len(full) != 1:
            raise RecordingError(
                f'--node is {node!r}, expected one of the nodes of {bag.path} that say ~/tick: '
                f'{names}'
            )
        return _read(bag, topics[names.index(full[0])])
    if len(topics) < 2:
        return _read(bag, topics[0]) if topics else None
    logs = [_read(bag, topic) for topic in topics]
    ran = [log for log in logs if sha256 and np.any(log.model == model_number(sha256))]
    if len(ran) != 1:
        what = 'ran this model' if ran else 'ran another model'
        raise RecordingError(
            f'{bag.path} has {len(logs)} nodes that say ~/tick, {[log.node for log in logs]}, '
            f'and {len(ran) or len(logs)} of them {what}: name one with --node NAME'
        )
    return ran[0]


def _read(bag: Bag, topic: Topic) -> TickLog:
    leaving_out = DroppedCounter()
    numbers: list[IndexArray] = []
    received: list[StampArray] = []
    parts: list[tuple[tuple[str, ...], StampArray]] = []
    before = 0
    for chunk in bag.chunks(topic):
        alike, undecodable = array_parts(bag, topic, chunk)
        leaving_out.add(UNDECODABLE, chunk.receive_ns[undecodable])
        for part in alike:
            if set(TICK_FIELDS) <= set(part.names) and part.counts == (len(part.names),):
                numbers.append(before + part.places)
                received.append(chunk.receive_ns[part.places])
                parts.append((part.names, part.numbers()))
            else:
                leaving_out.add(OTHER_LABELS, chunk.receive_ns[part.places])
        before += len(chunk.sizes)
    if not parts:
        raise RecordingError(
            f'{topic.name} has no message whose elements are labelled {list(TICK_FIELDS)}: was it '
            'recorded from student_node?'
        )
    order = np.argsort(np.concatenate(numbers))

    def column(name: str, first: int = 0) -> StampArray:
        """Return what stands under a label from some place on, UNTOLD where it is not there."""
        found = [
            values[:, labels.index(name, first)]
            if name in labels[first:]
            else np.full(len(values), UNTOLD, np.int64)
            for labels, values in parts
        ]
        return np.concatenate(found)[order]

    topics = dict.fromkeys(name for labels, _ in parts for name in external_topics(labels))
    return TickLog(
        topic=topic,
        node=topic.name.removesuffix('/tick'),
        receive_ns=np.concatenate(received)[order],
        fault_action=column(FAULT_ACTION),
        externals={name: column(sample_label(name), len(TICK_FIELDS)) for name in topics},
        left_out=leaving_out.found(),
        **{name: column(name) for name in TICK_FIELDS},
    )


def started_anew(log: TickLog) -> npt.NDArray[np.bool_]:
    """Return at which ticks all is known of a node: it was just activated, or had no sample yet.

    It counts from 0 again, or an input of which it had samples has none.
    """
    anew = log.tick == 0
    for samples in inputs(log):
        anew[1:] |= (samples[1:] < 0) & (samples[:-1] >= 0)
    return anew | (_jumps(log) & (log.joint_states_ns < 0))


def is_interrupted(log: TickLog) -> npt.NDArray[np.bool_]:
    """Return before which ticks the recording lacks some: the first, and where the count jumps."""
    return _jumps(log) & ~started_anew(log)


def _jumps(log: TickLog) -> npt.NDArray[np.bool_]:
    jumps = np.ones(len(log.tick), np.bool_)
    jumps[1:] = np.diff(log.tick) != 1
    return jumps


def inputs(log: TickLog) -> Sequence[StampArray]:
    """Return which samples the ticks used: of joint_states, imu, odom, cmd_vel."""
    return (log.joint_states_ns, log.imu_ns, log.odom_ns, log.cmd_vel_ns)


def ticks_in_period(log: TickLog | None, period_ns: int, control_rate: float) -> tuple[int, str]:
    """Return the number of control ticks per policy step, and why it is no whole number.

    Args:
        log: The ticks; None: nobody logged any.
        period_ns: Of the policy.
        control_rate: What the node was set to, in [Hz]; 0: what the ticks say.

    Raises:
        ConfigError: If a rate is given and there are no ticks that it could be of.
    """
    if log is None:
        if control_rate and round(control_rate * period_ns * 1e-9) != 1:
            raise ConfigError(
                f"control_rate is {control_rate} Hz, expected the policy's rate: the recording "
                'has no ~/tick'
            )
        return 1, ''
    ticks = control_rate * period_ns * 1e-9
    if not control_rate:
        between_ns = float(np.median(np.diff(log.stamp_ns))) if len(log.tick) > 1 else period_ns
        ticks = period_ns / max(between_ns, 1.0)
    if round(ticks) >= 1 and abs(ticks - round(ticks)) <= 0.1 * ticks:
        return round(ticks), ''
    return 1, (
        f'period: {log.topic.name} has {ticks:.3g} ticks in a period of the policy, '
        f'{period_ns * 1e-9:g} s, expected a whole number: is the period of the spec right?'
    )
