# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Read ~/tick of a recording as arrays: what student_node published of each tick."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

from distill_runtime.core.arrays import BoolArray, StampArray
from distill_runtime.data.bags.bag import Bag, Topic
from distill_runtime.data.bags.dropped import OTHER_LABELS
from distill_runtime.data.bags.topic_reader import TopicReader
from distill_runtime.errors import ConfigError, RecordingError
from distill_runtime.wire.rows import Columns
from distill_runtime.wire.tick_fields import (
    external_topics,
    FAULT_ACTION,
    model_number,
    sample_label,
    TICK_FIELDS,
)
import numpy as np

from .series import Series

TICK_TYPE = 'std_msgs/msg/Int64MultiArray'
NOT_LOGGED = -1
"""Value of an element that a tick lacks; of a sample the same as none."""


@dataclass(frozen=True, kw_only=True, eq=False)
class TickLog(Series):
    """Ticks of one node, one row each, in order of receipt; every array has shape (T,)."""

    node: str
    """Full name of the node, such as /robot/student_node."""
    tick: StampArray
    """Number of the tick since the node was configured."""
    stamp_ns: StampArray
    joint_states_ns: StampArray
    """Header stamp of the sample that the tick used, of a Twist its source timestamp; -1: none."""
    imu_ns: StampArray
    cmd_vel_ns: StampArray
    odom_ns: StampArray
    mode: StampArray
    model: StampArray
    """First 60 bits of the model's sha256."""
    lateness_ns: StampArray
    fault_action: StampArray
    """A number of ACTION_NUMBERS, NOT_LOGGED where the node did not publish it."""
    externals: Mapping[str, StampArray] = field(default_factory=dict)
    """Sample of each external topic that a tick used, NOT_LOGGED where it read none."""


def find_tick_topics(bag: Bag) -> list[Topic]:
    """Return the topics that are ~/tick of some node."""
    return [
        topic
        for topic in bag.topics
        if topic.type == TICK_TYPE and topic.name.endswith('/tick') and topic.num_messages
    ]


def read_tick_log(bag: Bag, node: str = '', sha256: str = '') -> TickLog | None:
    """Read the ticks of one node; None: none are recorded.

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
                f'--node is {node!r}, expected one of the nodes of {bag.path} that publish '
                f'~/tick: {names}'
            )
        return _read(bag, topics[names.index(full[0])])
    if len(topics) < 2:
        return _read(bag, topics[0]) if topics else None
    logs = [_read(bag, topic) for topic in topics]
    ran = [log for log in logs if sha256 and np.any(log.model == model_number(sha256))]
    if len(ran) != 1:
        what = 'ran this model' if ran else 'ran another model'
        raise RecordingError(
            f'{bag.path} has {len(logs)} nodes that publish ~/tick, {[log.node for log in logs]}, '
            f'and {len(ran) or len(logs)} of them {what}: name one with --node NAME'
        )
    return ran[0]


def _read(bag: Bag, topic: Topic) -> TickLog:
    def select(group: Columns) -> Columns | str:
        is_tick = set(TICK_FIELDS) <= set(group.names) and group.counts == (len(group.names),)
        return group if is_tick else OTHER_LABELS

    reader = TopicReader(bag, topic, select)
    chunks = []
    topics: dict[str, None] = {}  # in the order in which they are found
    for rows in reader:
        for group in rows.groups:
            topics.update(dict.fromkeys(external_topics(group.names)))
        labels = [*TICK_FIELDS, FAULT_ACTION, *map(sample_label, topics)]
        chunks.append(rows.gather(len(labels), partial(_by_label, labels=labels), np.int64))
    if not reader.num_usable:
        raise RecordingError(
            f'{topic.name} has no message whose elements are labeled {list(TICK_FIELDS)}: was it '
            'recorded from student_node?'
        )
    num_standard = len(TICK_FIELDS) + 1
    values = np.full((reader.num_usable, num_standard + len(topics)), NOT_LOGGED, np.int64)
    end = 0
    for chunk in chunks:
        end += len(chunk)
        values[end - len(chunk) : end, : chunk.shape[1]] = chunk
    columns = [*values.T.copy()]
    return TickLog(
        topic=topic,
        node=topic.name.removesuffix('/tick'),
        receive_ns=reader.receive_ns,
        fault_action=columns[len(TICK_FIELDS)],
        externals=dict(zip(topics, columns[num_standard:], strict=True)),
        dropped=reader.dropped,
        **dict(zip(TICK_FIELDS, columns, strict=False)),
    )


def _by_label(group: Columns, chosen: BoolArray, labels: Sequence[str]) -> StampArray:
    """Return the elements with some labels, NOT_LOGGED where a label is absent."""
    values = group.numbers(0, chosen)
    found = np.full((len(values), len(labels)), NOT_LOGGED, np.int64)
    for column, label in enumerate(labels):
        # an external topic may be named so that its label equals one of TICK_FIELDS
        first = len(TICK_FIELDS) if column > len(TICK_FIELDS) else 0
        if label in group.names[first:]:
            found[:, column] = values[:, group.names.index(label, first)]
    return found


def is_restart(log: TickLog) -> BoolArray:
    """Return at which ticks the state of the node is known: just activated, or without a sample.

    Its ticks count from 0 again, or an input that had samples has none.
    """
    is_start = log.tick == 0
    for samples in inputs(log):
        is_start[1:] |= (samples[1:] < 0) & (samples[:-1] >= 0)
    return is_start | (_jumps(log) & (log.joint_states_ns < 0))


def is_interrupted(log: TickLog) -> BoolArray:
    """Return before which ticks some are missing: the first, and where the count jumps."""
    return _jumps(log) & ~is_restart(log)


def _jumps(log: TickLog) -> BoolArray:
    jumps = np.ones(len(log.tick), np.bool_)
    jumps[1:] = np.diff(log.tick) != 1
    return jumps


def inputs(log: TickLog) -> Sequence[StampArray]:
    """Return which samples the ticks used: of joint_states, imu, odom, cmd_vel."""
    return (log.joint_states_ns, log.imu_ns, log.odom_ns, log.cmd_vel_ns)


def ticks_in_period(log: TickLog | None, period_ns: int, control_rate: float) -> tuple[int, str]:
    """Return the number of control ticks per policy step, and why it is no whole number.

    The period is that of the policy. A control rate of the node, in [Hz], of 0 is measured.

    Raises:
        ConfigError: If a rate is given and no ticks are recorded.
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
