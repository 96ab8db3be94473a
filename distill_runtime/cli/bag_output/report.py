# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""JSON report of `bag info`."""

from __future__ import annotations

from distill_runtime.data.info.bag_info import BagInfo
from distill_runtime.data.info.topic_stats import RateStats, TopicStats
from distill_runtime.data.ticks.exactness import NodeFacts


def bag_report(found: BagInfo) -> dict[str, object]:
    """Return the report; times are in [s], those of events since the first message."""
    return {
        'path': str(found.path),
        'is_sound': found.is_valid,
        'start_ns': found.start_ns,
        'duration': found.duration,
        'messages': sum(len(entry.receive_ns) for entry in found.topics),
        'topics': [_topic(found, entry) for entry in found.topics],
        'imus': [
            {
                'topic': imu.topic,
                'norm': [imu.norm_min, imu.norm_max],
                'rest': imu.rest,
                'gravity_z': imu.gravity_z,
                'acceleration': imu.acceleration,
            }
            for imu in found.imus
        ],
        'nodes': [_node(node) for node in found.nodes],
        'findings': [vars(finding) for finding in found.findings],
    }


def _topic(found: BagInfo, entry: TopicStats) -> dict[str, object]:
    lost = entry.undecodable_ns
    latency = entry.latency
    return {
        'name': entry.topic.name,
        'type': entry.topic.type,
        'taken_for': found.roles.get(entry.topic.name),
        'messages': len(entry.receive_ns),
        'expected_messages': entry.topic.num_messages,
        'damage': entry.damage,
        **_rate(entry.received, found.start_ns),
        'stamps': None
        if entry.stamped is None or entry.stamp_ns is None
        else {'first_ns': int(entry.stamp_ns[0]), **_rate(entry.stamped, entry.stamp_ns[0])},
        'latency': None
        if latency is None
        else {**vars(latency), 'is_of_one_clock': latency.is_known},
        'undecodable': {
            'count': len(lost),
            'first_at': (int(lost[0]) - found.start_ns) / 1e9 if len(lost) else None,
            'last_at': (int(lost[-1]) - found.start_ns) / 1e9 if len(lost) else None,
        },
        'joints': entry.joints,
    }


def _rate(times: RateStats | None, start_ns: int) -> dict[str, object]:
    if times is None:
        return {}
    back_ns = times.first_back_ns
    return {
        'rate': times.rate,
        'period': times.period,
        'jitter': times.jitter,
        'longest_gap': times.longest_gap,
        'longest_gap_at': (times.longest_gap_at_ns - int(start_ns)) / 1e9,
        'gaps': times.num_gaps,
        'times_back': times.num_back,
        'first_back_at': None if back_ns is None else (back_ns - int(start_ns)) / 1e9,
    }


def _node(node: NodeFacts) -> dict[str, object]:
    return {
        'node': node.node,
        'ticks': node.num_ticks,
        'interruptions': node.num_interruptions,
        'models': node.models,
        'samples': {
            name: {'topic': entry.topic, 'named': entry.num_named, 'found': entry.num_found}
            for name, entry in node.samples.items()
        },
        'joint_command': node.joint_command,
        'parameters': node.has_parameters,
        'observation': node.has_observation,
        'action': node.has_action,
        'missing': node.missing,
    }
