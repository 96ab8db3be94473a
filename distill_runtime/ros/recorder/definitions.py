# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Metadata of a flight recording: topics, policy and parameters of the node."""

from __future__ import annotations

from dataclasses import asdict, replace
import hashlib
import json
import os

from distill_runtime.core.runner import PolicyRunner
from distill_runtime.data.flight_recorder.records import TopicFrame
from distill_runtime.policy.model import LoadedPolicy
from distill_runtime.policy.versions import versions
from distill_runtime.ros.loop.tick_topics import action_labels, observation_labels
from distill_runtime.ros.node_config import StudentNodeConfig
from distill_runtime.spec.mapping import to_mapping
from distill_runtime.spec.robots import is_urdf_text
from distill_runtime.spec.spec import PolicySpec
from distill_runtime.wire.layouts import ARRAYS
from distill_runtime.wire.prepared_message import PreparedMessage
import numpy as np

_TIMING_FIELDS = ('latency_ns', 'missed_deadlines')


def frames(
    node_name: str, labels: tuple[str, ...], joints: tuple[str, ...], spec: PolicySpec
) -> dict[tuple[bool, bool], tuple[TopicFrame, ...]]:
    """Return the topics of each kind of tick: by whether the policy ran, and whether it sends.

    A tick records ~/tick and ~/timing; one that sends, then ~/command; and one in which the policy
    ran, then ~/target, ~/observation and ~/action. The labels are those of ~/tick, the joints are
    in the order of the commands.
    """

    def array(topic: str, dtype: str, *labels: tuple[str, int]) -> TopicFrame:
        return _array(f'{node_name}/{topic}', dtype, labels)

    each_joint = [(name, 1) for name in joints]
    always = (
        array('tick', '<i8', *((name, 1) for name in labels)),
        array('timing', '<i8', *((name, 1) for name in _TIMING_FIELDS)),
    )
    sent = (array('command', '<f8', *each_joint),)
    computed = (
        array('target', '<f8', *each_joint),
        array('observation', '<f4', *observation_labels(spec)),
        array('action', '<f4', *action_labels(spec)),
    )
    return {
        (False, False): always,
        (False, True): always + sent,
        (True, False): always + computed,
        (True, True): always + sent + computed,
    }


def model_facts(
    policy: LoadedPolicy, config: StudentNodeConfig, runner: PolicyRunner
) -> dict[str, str]:
    """Return what a replay needs to know, as text; what is no plain text is JSON."""
    checks = {
        f'checks.{name}.{key}': value
        for name, check in runner.config.checks.items()
        for key, value in asdict(check).items()
    }
    robot = config.robot_description
    if is_urdf_text(robot):  # too long; its limits are in the spec
        robot = f'URDF text, sha256 {hashlib.sha256(robot.encode()).hexdigest()}'
    settings = {
        'spec': to_mapping(replace(policy.spec, golden=None)),
        'parameters': {**asdict(config), 'robot_description': robot, **checks},
        'robot_joints': runner.compiled.layout.joints,
        'command_joints': runner.compiled.joints.names,
        'versions': versions('distill_runtime', 'numpy', 'onnxruntime'),
    }
    return {
        'model': policy.path.name,
        'policy': policy.spec.name,
        'model_sha256': policy.sha256,
        'model_path': str(policy.path.resolve()),
        'ros_distro': os.environ.get('ROS_DISTRO', ''),
        **{name: json.dumps(value) for name, value in settings.items()},
    }


def _array(topic: str, dtype: str, labels: tuple[tuple[str, int], ...]) -> TopicFrame:
    """Describe an array message of which a record holds the numbers only."""
    count = sum(size for _, size in labels)
    size = count * np.dtype(dtype).itemsize
    message = PreparedMessage().segments(*labels).array(dtype, count).message()
    kind = next(name for name, numbers in ARRAYS.items() if numbers == dtype)
    return TopicFrame(topic, kind, message[: len(message) - size], size)
