# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from contextlib import contextmanager
import hashlib
import json

from distill_runtime.ros import robot_description
from distill_runtime.ros.robot_description import is_topic
import pytest
from rclpy.lifecycle import TransitionCallbackReturn
from rclpy.node import Node
from rclpy.parameter import Parameter
from rclpy.qos import DurabilityPolicy, QoSProfile
from std_msgs.msg import String
from support.ros_harness import student
from support.ros_policies import write_policy
from support.swaps import write_other

FAILURE = TransitionCallbackReturn.FAILURE
LATCHED = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
JOINT = (
    '<joint name="{}" type="revolute">'
    '<limit lower="-1" upper="1.5" effort="9" velocity="9"/></joint>'
)
JOINTS = ''.join(JOINT.format(name) for name in ('hip', 'knee', 'ankle'))
URDF = f'<?xml version="1.0"?><robot name="leg">{JOINTS}</robot>'


@pytest.fixture(scope='module')
def model(models):
    """Return a model that says nothing of the robot's limits."""
    return write_policy(models, name='unlimited.onnx', limits={})


@contextmanager
def publishing(ros, topic, text):
    """Publish a text as robot_state_publisher does its robot_description."""
    with ros.node(Node, 'robot_state_publisher') as node:
        node.create_publisher(String, topic, LATCHED).publish(String(data=text))
        yield


def limits(rig):
    return rig.node.loop_context.registry.active.policy.spec.limits.position


def test_topic_is_what_is_neither_file_nor_text(tmp_path):
    (tmp_path / 'leg').touch()
    for value in ('robot_description', '/robot_description', '~/description', f'{tmp_path}/arm'):
        assert is_topic(value)
    for value in ('', URDF, '/no/such.urdf', 'leg.xml', '~/leg.urdf', f'{tmp_path}/leg', 'spot'):
        assert not is_topic(value)


def test_limits_come_from_xml_text(ros, model):
    with student(ros, model, is_active=False, robot_description=URDF) as rig:
        rig.configure()
        assert limits(rig) == ((-1.0, 1.5),) * 3
        facts = json.loads(rig.node.loop_context.registry.active.facts['parameters'])
        sha256 = hashlib.sha256(URDF.encode()).hexdigest()
        assert facts['robot_description'] == f'URDF text, sha256 {sha256}'


def test_limits_come_from_a_topic_of_the_namespace_and_stay_until_the_next_configure(
    ros, model, models
):
    other = write_other(models / 'other_unlimited.onnx', limits={})
    with student(ros, model, is_active=False, robot_description='robot_description') as rig:
        topic = f'{rig.node.get_namespace()}/robot_description'
        with publishing(ros, topic, URDF):
            rig.configure()
        assert limits(rig) == ((-1.0, 1.5),) * 3
        assert not rig.node.get_subscriptions_info_by_topic(topic)
        # nobody publishes it any more: a swap needs no topic
        assert rig.node.get_parameter('robot_description').value == 'robot_description'
        (result,) = rig.node.set_parameters([Parameter('model', value=str(other))])
        assert result.successful, result.reason
        assert limits(rig) == ((-1.0, 1.5),) * 3


@pytest.mark.parametrize(
    ('topic', 'text', 'reason'),
    [
        (
            '/nobody',
            None,
            "robot_description is '/nobody': no such file, and no std_msgs/String (transient "
            'local) on topic /nobody within 0.2 s, expected a URDF file, XML text, or a topic '
            'that has it: is robot_state_publisher running?',
        ),
        ('/described', 'leg', "robot_description on topic /described is 'leg', expected XML"),
        (
            '/described',
            '<sdf/>',
            'URDF text: the root element is <sdf>, expected <robot>: is it a URDF?',
        ),
        ('/no such robot', None, "topic '/no such robot' cannot be subscribed to"),
    ],
)
def test_topic_without_a_urdf_refuses_the_configure(ros, model, monkeypatch, topic, text, reason):
    if text is None:
        monkeypatch.setattr(robot_description, '_PATIENCE', 0.2)
    with (
        publishing(ros, '/described', text or ''),
        student(ros, model, is_active=False, robot_description=topic) as rig,
    ):
        assert rig.node.trigger_configure() == FAILURE
        assert rig.node.refusal.startswith(reason)


def test_signal_ends_the_wait(ros, model, monkeypatch):
    monkeypatch.setattr(robot_description, '_PATIENCE', 1e9)
    monkeypatch.setattr(robot_description, 'is_ending', lambda: True)
    with student(ros, model, is_active=False, robot_description='/nobody') as rig:
        assert rig.node.trigger_configure() == FAILURE
        assert rig.node.refusal == 'robot_description: ended while waiting for topic /nobody'
