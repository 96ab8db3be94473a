# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json

from diagnostic_msgs.msg import DiagnosticStatus
from distill_runtime.ros.models.topic import MODEL_QOS
import pytest
from rclpy.node import Node
from support.ros_harness import Inbox, values, wait_for
from support.swaps import sha256, walking, write_other


@pytest.fixture(scope='module')
def other(models):
    return write_other(models / 'other.onnx')


def test_late_subscriber_gets_the_active_model_since_when_and_why(ros, model, other):
    with walking(ros, model) as (remote, walker):
        rig = remote.rig
        assert remote.set(model=other, blend_time=0.1) == (True, '')
        name = rig.node.get_fully_qualified_name()
        with ros.node(Node, 'late', namespace=rig.node.get_namespace()) as late:
            inbox = Inbox(late, DiagnosticStatus, f'{name}/model', MODEL_QOS)
            (status,) = wait_for(lambda: inbox.messages, '~/model')
        stamps = walker.stamps
        assert (status.level, status.name, status.hardware_id) == (b'\x00', f'{name}: model', name)
        assert status.message == 'other.onnx'
        found = values(status)
        assert found['why'] == 'parameter model was set'
        assert int(found['since_ns']) in stamps
        assert int(found['history_since_ns']) == stamps[0]
        assert found['blend_time'] == '0.1'
        assert (found['previous'], found['previous_sha256']) == (model.name, sha256(model))
        assert (found['model'], found['model_sha256']) == (other.name, sha256(other))
        assert found['summary'] == (
            "policy 'small', 3 joints, 50 Hz, 0 recurrent states, inputs obs: "
            'base_angular_velocity projected_gravity velocity_command joint_position '
            'joint_velocity last_action'
        )
        assert json.loads(found['parameters'])['model'] == str(other)


def test_model_of_the_configuration_is_published(ros, model):
    with walking(ros, model) as (remote, _):
        found = remote.until_model('configured')
        assert (found['model'], found['model_sha256']) == (model.name, sha256(model))
        assert int(found['since_ns']) > 0
        assert 'previous' not in found


def test_refusal_is_a_warning_that_leaves_the_rest_as_it_was(ros, model, other):
    with walking(ros, model) as (remote, _):
        assert remote.set(model=other) == (True, '')
        before = remote.until_model('was set')
        assert remote.set(model=model, shadow_time=100.0, max_divergence=1e-4) == (True, '')
        after = remote.until_problem('is rejected: shadow.divergence: target of ')
        assert remote.model()[0] == b'\x01'
        assert after == before
