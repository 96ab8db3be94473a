# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json

from distill_runtime.spec.mapping import read_dataclass
from distill_runtime.spec.spec import PolicySpec
import pytest
from rclpy.serialization import deserialize_message
import std_msgs.msg
from support.ros_harness import student


@pytest.fixture(scope='module')
def context(ros, model):
    with student(ros, model, is_active=False, control_rate=100.0) as rig:
        rig.configure()
        yield rig.node._loop_context


def test_header_and_numbers_make_a_message_that_ros_reads(context):
    for frame in context.registry.active.frames.values():
        for part in frame:
            kind = getattr(std_msgs.msg, part.type.rpartition('/')[2])
            message = deserialize_message(part.prefix + bytes(part.size), kind)
            assert len(message.data) * message.data.itemsize == part.size
            assert sum(dim.size for dim in message.layout.dim) == len(message.data)


def test_facts_have_what_a_replay_needs(context):
    facts, policy = context.registry.active.facts, context.registry.active.policy
    assert facts['model_sha256'] == policy.sha256
    assert read_dataclass(PolicySpec, json.loads(facts['spec']), '').joints == (policy.spec.joints)
    parameters = json.loads(facts['parameters'])
    assert parameters['control_rate'] == 100.0
    assert parameters['checks.tilt.limit'] == context.runner.config.checks['tilt'].limit
    assert json.loads(facts['robot_joints']) == list(context.runner.compiled.layout.joints)
    assert json.loads(facts['command_joints']) == list(context.runner.compiled.joints.names)
    assert set(json.loads(facts['versions'])) == {'distill_runtime', 'numpy', 'onnxruntime'}
