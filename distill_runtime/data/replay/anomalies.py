# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Anomalies of a recording: unusable messages, gaps, jumps of the clock, missing inputs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from distill_runtime.core.arrays import BoolArray
from distill_runtime.core.runner import PolicyRunner
from distill_runtime.data.bags.dropped import Dropped
from distill_runtime.data.recording.policy_recording import PolicyRecording
from distill_runtime.data.recording.tick_log import is_interrupted
from distill_runtime.data.ticks.by_stamp import gap_times, Ticks
import numpy as np


@dataclass(frozen=True)
class Anomaly:
    """One kind of anomaly."""

    code: str
    """TOPIC.what: left_out, backwards, gap, missing."""
    count: int
    first: float
    """Time of the first one since the first tick, in [s]."""
    text: str


def find_anomalies(
    source: PolicyRecording, ticks: Ticks, runner: PolicyRunner
) -> tuple[Anomaly, ...]:
    """Return the anomalies of a recording.

    Args:
        source: The recording.
        ticks: Of the policy.
        runner: Runner with the parameters of the node.
    """
    return (
        *_dropped(source),
        *_jumps(source, ticks),
        *_gaps(source, ticks, runner.config.max_input_age),
        *_missing(source, runner),
    )


def _dropped(source: PolicyRecording) -> Iterator[Anomaly]:
    """Report messages that cannot be used."""
    recording = source.recording
    begin_ns = int((source.log or recording.joints).receive_ns[0])
    streams: dict[str, tuple[str, Dropped]] = {}
    for name, stream in (
        *recording.inputs(),
        *recording.externals.items(),
        ('joint_command', source.commands),
        ('tick', source.log),
    ):
        if stream is not None:
            streams[name] = stream.topic.name, stream.dropped
    for name, series in (('observation', source.observation), ('action', source.action)):
        if series is not None and source.log is not None:
            streams[name] = f'{source.log.node}/{name}', series.dropped
    for name, (topic, dropped) in streams.items():
        for why, times in dropped.items():
            first = (int(times[0]) - begin_ns) * 1e-9
            count = '1 message' if len(times) == 1 else f'{len(times)} messages'
            yield Anomaly(
                f'{name}.left_out',
                len(times),
                first,
                f'{topic}: {count} that {why}, first at {first:.3f} s',
            )


def _jumps(source: PolicyRecording, ticks: Ticks) -> Iterator[Anomaly]:
    """Report ticks whose stamp is before that of the previous one."""
    topic = source.recording.joints.topic if source.log is None else source.log.topic
    yield from _at_ticks(
        'joint_states.backwards' if source.log is None else 'tick.backwards',
        np.diff(ticks.stamp_ns, prepend=ticks.stamp_ns[0]) < 0,
        ticks,
        f'{topic.name}: time jumps back',
        'was the clock set, did a simulation restart?',
    )


def _gaps(source: PolicyRecording, ticks: Ticks, max_age: float) -> Iterator[Anomaly]:
    """Report missing ticks, or missing JointStates where ticks are not logged."""
    if source.log is not None:
        is_gap = is_interrupted(source.log)
        is_gap[0] = False
        yield from _at_ticks(
            'tick.gap', is_gap, ticks, f'{source.log.topic.name}: ticks are missing',
            'did the recorder keep up?',
        )  # fmt: skip
        return
    times = gap_times(source.recording, ticks)
    times[0] = 0.0
    yield from _at_ticks(
        'joint_states.gap',
        times > max_age,
        ticks,
        f'{source.recording.joints.topic.name}: nothing for longer than {max_age:g} s, '
        f'{times.max():.3f} s at most',
        'did the driver stop, did the recorder keep up?',
    )


def _at_ticks(
    code: str, is_found: BoolArray, ticks: Ticks, what: str, question: str
) -> Iterator[Anomaly]:
    found = np.flatnonzero(is_found)
    if len(found):
        first = int(ticks.stamp_ns[found[0]] - ticks.stamp_ns[0]) * 1e-9
        count = 'once' if len(found) == 1 else f'{len(found)} times'
        text = f'{what}, {count}, first before tick {found[0]} at {first:.3f} s: {question}'
        yield Anomaly(code, len(found), first, text)


def _missing(source: PolicyRecording, runner: PolicyRunner) -> Iterator[Anomaly]:
    """Report missing inputs that the policy reads as zero."""
    command = source.recording.command
    if runner.compiled.needs_command and command is None:
        yield Anomaly(
            'cmd_vel.missing',
            1,
            0.0,
            'no velocity command is recorded, the policy reads zero: name its topic with '
            '--topic cmd_vel:=TOPIC',
        )
    joints, columns = source.recording.joints, runner.compiled.layout.joint_velocity
    velocity = range(columns.start, columns.stop)
    reads_velocity = any(np.isin(entry.index, velocity).any() for entry in runner.compiled.inputs)
    if joints.velocity is None and reads_velocity:
        yield Anomaly(
            'joint_states.velocity',
            1,
            0.0,
            f'{joints.topic.name}: messages have no velocities, the policy reads zero',
        )
