# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Findings about topics and joints that a recording lacks, rates and gaps."""

from __future__ import annotations

from collections.abc import Iterator

from distill_runtime.core.arrays import StampArray
from distill_runtime.data.info.topic_stats import LONG_GAP, rate_stats
from distill_runtime.data.recording.series import Stream
from distill_runtime.spec.compile import compile_spec
from distill_runtime.spec.findings.finding import Finding

from .bag_case import BagCase, received


def missing_topics(case: BagCase) -> Iterator[Finding]:
    """Find topics that the policy reads and the recording lacks."""
    for name, stream in _base_streams(case):
        if stream is None:
            yield Finding(
                code=f'bag.{name}_missing',
                severity='warning',
                message=f'the policy reads {name}, and the recording has no such topic: the '
                'policy cannot be run',
                hint=f'record it too, or name it with --topic {name}:=TOPIC',
            )
    missing = missing_externals(case)
    if missing:
        yield Finding(
            code='bag.externals',
            severity='info',
            message=f'the recording has no {", ".join(missing)}: the policy is not run over it',
            hint='record it too, or name it with --topic; the sensors are checked all the same',
        )


def missing_externals(case: BagCase) -> list[str]:
    """Return the external topics that the policy reads and the recording lacks."""
    externals = case.recording.externals
    return [
        entry.topic
        for entry in compile_spec(case.spec).layout.externals
        if entry.topic not in externals or not externals[entry.topic].num_usable
    ]


def missing_joints(case: BagCase) -> Iterator[Finding]:
    """Find joints of the policy that the robot does not publish."""
    missing = [name for name in case.spec.joints if name not in case.names]
    if missing:
        yield Finding(
            code='bag.joints_missing',
            severity='error',
            message=f'{case.recording.joints.topic.name} has no joints {missing}, it has '
            f'{list(case.recording.joints.joints)}',
            hint='joints are found by name: correct joints in the spec, or rename them in the '
            'driver',
        )


def missing_velocity(case: BagCase) -> Iterator[Finding]:
    """Find missing joint velocities if the policy reads them."""
    reads = any(term.kind == 'joint_velocity' for i in case.spec.inputs for term in i.terms)
    if reads and case.velocity is None:
        yield Finding(
            code='bag.velocity_missing',
            severity='error',
            message=f'{case.recording.joints.topic.name} has no joint velocities, and the policy '
            'reads them',
            hint='make the driver fill velocity; the node rejects such messages',
        )


def rates(case: BagCase) -> Iterator[Finding]:
    """Find samples slower than the policy, gaps, and stamps that go back."""
    for name, stamp_ns in _stamps(case):
        stats = rate_stats(stamp_ns)
        if stats is None or len(stamp_ns) < 3:
            continue
        if stats.period > 1.1 * case.spec.period:
            yield Finding(
                code='bag.rate',
                severity='warning',
                message=f'{name} comes every {stats.period * 1e3:.1f} ms, the policy steps every '
                f'{case.spec.period * 1e3:g} ms',
                hint='is period right? Else raise the rate of the driver: the policy would see '
                'the same sample several times',
            )
        if stats.num_gaps:
            yield Finding(
                code='bag.gaps',
                severity='warning',
                message=f'{name} has {stats.num_gaps} gaps above {LONG_GAP:g} s, the longest is '
                f'{stats.longest_gap:.3f} s',
                hint='the node stops the robot there (max_input_age); were messages lost on the '
                'robot or by the recorder?',
            )
        if stats.num_back:
            yield Finding(
                code='bag.stamps_back',
                severity='warning',
                message=f'stamps of {name} go back {stats.num_back} times',
                hint='two publishers on one topic, or was the clock set?',
            )


def _stamps(case: BagCase) -> Iterator[tuple[str, StampArray]]:
    """Yield name and stamps of the streams that the policy reads."""
    for name, stream in (('joint_states', case.recording.joints), *_base_streams(case)):
        if stream is not None and stream.stamp_ns is not None:
            yield stream.topic.name, received(case.windows, name, stream).stamp_ns


def _base_streams(case: BagCase) -> Iterator[tuple[str, Stream | None]]:
    """Yield the streams about the base that the policy reads."""
    compiled = compile_spec(case.spec)
    if compiled.needs_imu:
        yield 'imu', case.recording.imu
    if compiled.needs_odometry:
        yield 'odom', case.recording.odometry


CHECKS = (missing_topics, missing_joints, missing_velocity, rates)
