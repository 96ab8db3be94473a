# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Page that `bag info` prints."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timezone
import math

from distill_runtime.cli.terminal.page import findings_sections, Section
from distill_runtime.cli.terminal.tables import fact_lines, table_lines
from distill_runtime.data.info.bag_info import BagInfo
from distill_runtime.data.info.topic_stats import TopicStats
from distill_runtime.data.ticks.exactness import NodeFacts
from distill_runtime.spec.robot_description import RobotDescription

_EARLIEST_DATE = 10**9
"""Earlier times in [s] are simulation time and have no date."""


def bag_page(found: BagInfo, robot: RobotDescription | None) -> list[Section]:
    """Return the sections of the page."""
    return [
        Section(title='recording', lines=fact_lines(_facts(found))),
        _topics(found),
        *_joints(found, robot),
        *_imus(found),
        _replay(found),
        *findings_sections(found.findings, 'valid', 'NOT valid'),
    ]


def _facts(found: BagInfo) -> list[tuple[str, str]]:
    seconds = found.start_ns / 1e9
    begin = f'{seconds:.3f} s'
    if seconds >= _EARLIEST_DATE:
        begin = f'{datetime.fromtimestamp(seconds, timezone.utc):%Y-%m-%d %H:%M:%S} UTC'
    return [
        ('path', str(found.path)),
        ('begin', begin),
        ('duration', f'{found.duration:.3f} s'),
        ('messages', str(sum(len(entry.receive_ns) for entry in found.topics))),
    ]


def _topics(found: BagInfo) -> Section:
    headings = (
        'topic', 'taken for', 'type', 'messages', 'rate', 'jitter', 'gap', 'at', 'latency', 'lost',
    )  # fmt: skip
    rows = [
        (
            entry.topic.name,
            found.roles.get(entry.topic.name, ''),
            entry.topic.type.rpartition('/')[2],
            str(len(entry.receive_ns)),
            *_received(found, entry),
            _latency(entry),
            str(len(entry.undecodable_ns) or ''),
        )
        for entry in found.topics
    ]
    right = {*headings} - {'topic', 'taken for', 'type'}
    return Section(title='topics', lines=table_lines(headings, rows, right))


def _received(found: BagInfo, entry: TopicStats) -> tuple[str, str, str, str]:
    times = entry.received
    if times is None:
        return '', '', '', ''
    at = (times.longest_gap_at_ns - found.start_ns) * 1e-9
    return (
        f'{times.rate:.1f} Hz' if times.rate else '',
        _milliseconds(times.jitter),
        _milliseconds(times.longest_gap),
        f'{at:.1f} s',
    )


def _latency(entry: TopicStats) -> str:
    latency = entry.latency
    if latency is None:
        return ''
    if not latency.is_known:
        return 'other clock'
    return f'{latency.median * 1e3:.1f} / {latency.p99 * 1e3:.1f} ms'


def _milliseconds(seconds: float) -> str:
    return f'{seconds * 1e3:.1f} ms' if seconds < 1.0 else f'{seconds:.2f} s'


def _joints(found: BagInfo, robot: RobotDescription | None) -> Iterator[Section]:
    rows = []
    for entry in found.topics:
        for names in entry.joints:
            known = ''
            if robot is not None:
                known = f'{sum(name in names for name in robot.joints)} of {len(robot.joints)}'
            rows.append((entry.topic.name, str(len(names)), known, ', '.join(names)))
    headings = ('topic', 'joints', f'of {robot.name}' if robot else '', 'names')
    if rows:
        lines = table_lines(headings, rows, {'joints', headings[2]})
        yield Section(title='joints', lines=lines)


def _imus(found: BagInfo) -> Iterator[Section]:
    headings = ('topic', 'norm', 'at rest', 'gravity z', 'acceleration in the world')
    rows = [
        (
            imu.topic,
            '' if math.isnan(imu.norm_min) else f'{imu.norm_min:.4g} .. {imu.norm_max:.4g}',
            f'{imu.rest:.0%}',
            _signed(imu.gravity_z),
            ', '.join(map(_signed, imu.acceleration))
            if not math.isnan(imu.acceleration[0])
            else 'none',
        )
        for imu in found.imus
    ]
    if rows:
        lines = table_lines(headings, rows)
        lines.append('expected: norm 1, gravity z -1 at rest (upright), acceleration 0, 0, +9.81')
        yield Section(title='imu', lines=lines)


def _signed(value: float) -> str:
    return '' if math.isnan(value) else f'{value:+.2f}'


def _replay(found: BagInfo) -> Section:
    """Return whether an exact replay is possible, and what is missing."""
    if not found.nodes:
        return Section(
            title='exact replay',
            lines=['no: without ~/tick of student_node, ticks follow the stamps of joint_states'],
        )
    rows = [row for node in found.nodes for row in _node_rows(node)]
    return Section(title='exact replay', lines=table_lines(('', ' ', '  '), rows)[1:])


def _node_rows(node: NodeFacts) -> Iterator[tuple[str, str, str]]:
    yield node.node, 'ticks', str(node.num_ticks)
    yield '', 'models', ', '.join(f'{text[:12]}...' for text in node.models)
    for name, entry in node.samples.items():
        state = 'not recorded' if not entry.topic else 'by receive time'
        if entry.num_found is not None:
            state = f'{entry.num_found} of {entry.num_named} used samples'
        yield '', name, state
    has = {
        node.joint_command: bool(node.joint_command),
        '~/observation': node.has_observation,
        '~/action': node.has_action,
        '~/model': node.has_parameters,
    }
    recorded = ', '.join(name for name, is_present in has.items() if is_present)
    yield '', 'recorded', recorded or 'nothing else'
    for index, text in enumerate(node.missing or ('nothing: a replay is exact',)):
        yield '', '' if index else 'missing', text
