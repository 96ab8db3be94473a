# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""What is odd about a recording: how often, since when, and what it means for the ticks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from distill_runtime.core.runner import PolicyRunner
from distill_runtime.data.bags.chunk import BoolArray
from distill_runtime.data.bags.dropped import LeftOut
from distill_runtime.data.recording.joint_series import JointStream
from distill_runtime.data.recording.policy_recording import PolicyRecording
from distill_runtime.data.recording.tick_log import is_interrupted
from distill_runtime.data.ticks.by_stamp import Ticks
import numpy as np

from .step_loop import gap_times


@dataclass(frozen=True)
class Anomaly:
    """One oddity."""

    code: str
    """TOPIC.what: left_out, backwards, gap, missing."""
    count: int
    first: float
    """When it was first, in [s] since the first tick."""
    text: str


def find_anomalies(
    source: PolicyRecording, ticks: Ticks, runner: PolicyRunner
) -> tuple[Anomaly, ...]:
    """Return what is odd about a recording.

    Args:
        source: What it holds.
        ticks: Of the policy.
        runner: Of the policy, with the parameters of the node.
    """
    return (
        *_left_out(source),
        *_jumps(source, ticks),
        *_gaps(source, ticks, runner.config.max_input_age),
        *_missing(source, runner),
    )


def _left_out(source: PolicyRecording) -> Iterator[Anomaly]:
    """Name messages that cannot be used."""
    recording = source.recording
    begin_ns = _begin_ns(source)
    streams: dict[str, tuple[str, LeftOut]] = {}
    for name, stream in (
        *recording.inputs(),
        *recording.externals.items(),
        ('joint_command', source.commands),
        ('tick', source.log),
    ):
        if stream is not None:
            streams[name] = stream.topic.name, stream.left_out
    for name, labelled in (('observation', source.observation), ('action', source.action)):
        if labelled is not None and source.log is not None:
            streams[name] = f'{source.log.node}/{name}', labelled.left_out
    for name, (topic, left_out) in streams.items():
        for why, times in left_out.items():
            first = (int(times[0]) - begin_ns) * 1e-9
            yield Anomaly(
                f'{name}.left_out',
                len(times),
                first,
                f'{topic}: {_messages(len(times))} that {why}, first at {first:.3f} s',
            )


def _jumps(source: PolicyRecording, ticks: Ticks) -> Iterator[Anomaly]:
    """Name where the time of the ticks jumps back."""
    topic = source.recording.joints.topic if source.log is None else source.log.topic
    yield from _steps(
        'joint_states.backwards' if source.log is None else 'tick.backwards',
        np.diff(ticks.stamp_ns, prepend=ticks.stamp_ns[0]) < 0,
        ticks,
        f'{topic.name}: time jumps back',
        'was a clock set, did a simulation start over?',
    )


def _gaps(source: PolicyRecording, ticks: Ticks, max_age: float) -> Iterator[Anomaly]:
    """Name where ticks, or the samples that give them, are missing."""
    if source.log is not None:
        is_gap = is_interrupted(source.log)
        is_gap[0] = False
        yield from _steps(
            'tick.gap', is_gap, ticks, f'{source.log.topic.name}: ticks are missing',
            'did the recorder keep up?',
        )  # fmt: skip
        return
    times = gap_times(source.recording, ticks)
    times[0] = 0.0
    yield from _steps(
        'joint_states.gap',
        times > max_age,
        ticks,
        f'{source.recording.joints.topic.name}: nothing for longer than {max_age:g} s, '
        f'{times.max():.3f} s at most',
        'did the driver stop, did the recorder keep up?',
    )


def _steps(
    code: str, is_odd: BoolArray, ticks: Ticks, what: str, question: str
) -> Iterator[Anomaly]:
    places = np.flatnonzero(is_odd)
    if len(places):
        first = int(ticks.stamp_ns[places[0]] - ticks.stamp_ns[0]) * 1e-9
        often = 'once' if len(places) == 1 else f'{len(places)} times'
        text = f'{what}, {often}, first before tick {places[0]} at {first:.3f} s: {question}'
        yield Anomaly(code, len(places), first, text)


def _missing(source: PolicyRecording, runner: PolicyRunner) -> Iterator[Anomaly]:
    """Name what the policy reads and can do without."""
    command = source.recording.command
    if runner.compiled.needs_command and command is None:
        yield Anomaly(
            'cmd_vel.missing',
            1,
            0.0,
            'no velocity command is recorded, it counts as zero: name the topic with '
            '--topic cmd_vel:=TOPIC if there is one',
        )
    joints = source.recording.joints
    if joints.velocity is None and _reads_velocity(runner):
        yield Anomaly(
            'joint_states.velocity',
            1,
            0.0,
            f'{joints.topic.name}: messages without velocities, which the policy reads: they '
            'count as zero',
        )


def _reads_velocity(runner: PolicyRunner) -> bool:
    velocity = runner.compiled.layout.joint_velocity
    wanted = range(velocity.start, velocity.stop)
    return any(np.isin(entry.index, wanted).any() for entry in runner.compiled.inputs)


def _begin_ns(source: PolicyRecording) -> int:
    """Return when the first tick was received."""
    if source.log is not None:
        return int(source.log.receive_ns[0])
    joints: JointStream = source.recording.joints
    return int(joints.receive_ns[0])


def _messages(number: int) -> str:
    return '1 message' if number == 1 else f'{number} messages'
