# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from geometry_msgs.msg import TwistStamped
import pytest
from rclpy.node import Node
from rclpy.qos import qos_profile_sensor_data, QoSProfile, ReliabilityPolicy
from support.ros_harness import LOCKSTEP, Ros, student, T0, wait_for

BEST_EFFORT = QoSProfile(depth=10, reliability=ReliabilityPolicy.BEST_EFFORT)


def test_best_effort_sensors_are_received_with_trigger_timer(ros, model):
    options = {'qos': qos_profile_sensor_data, 'max_input_age': 5.0}
    with student(ros, model, **options) as rig, rig.robot.feeding():
        wait_for(lambda: rig.robot.commands.messages)
        rig.diagnose()
        assert '.qos' not in rig.diagnose().message


def test_best_effort_sensors_in_lock_step_are_reported(ros, model):
    with student(ros, model, qos=BEST_EFFORT, **LOCKSTEP) as rig:
        rig.robot.publish(T0)
        topic = rig.node.resolve_topic_name('joint_states')
        status = rig.until_reason(
            f'joint_states.qos: robot publishes {topic} BEST_EFFORT, expected RELIABLE with '
            "trigger 'joint_states': change the publisher, or set "
            f'qos_overrides.{topic}.subscription.reliability to best_effort'
        )
        assert 'imu.qos: robot publishes' in status.message
        assert status.level == b'\x01'
        assert not rig.robot.commands.messages


def test_best_effort_sensors_in_lock_step_are_received_with_the_override(ros, model):
    override = {
        f'qos_overrides./quiet/{topic}.subscription.reliability': 'best_effort'
        for topic in ('joint_states', 'imu', 'cmd_vel')
    }
    with student(ros, model, qos=BEST_EFFORT, namespace='/quiet', **LOCKSTEP, **override) as rig:
        rig.robot.tick(T0)
        assert rig.diagnose_settled().level == b'\x00'


def test_nothing_is_reported_where_one_of_two_publishers_matches(ros, model):
    with student(ros, model, qos=BEST_EFFORT, **LOCKSTEP) as rig:
        for publisher in (rig.robot.joint_states, rig.robot.imu, rig.robot.cmd_vel):
            rig.robot.node.create_publisher(publisher.msg_type, publisher.topic, 10)
        wait_for(lambda: rig.diagnose().message.endswith('is its publisher running?'))


@pytest.mark.parametrize('trigger', ['timer', 'joint_states'])
def test_velocity_command_of_another_type_is_reported_with_the_remedy(ros, model, trigger):
    with student(ros, model, is_active=False, **{**LOCKSTEP, 'trigger': trigger}) as rig:
        rig.configure()
        rig.activate()
        rig.robot.node.destroy_publisher(rig.robot.cmd_vel)
        topic = rig.node.resolve_topic_name('cmd_vel')
        other = Ros()  # one participant cannot have two types on a topic
        try:
            with other.node(Node, 'teleop') as teleop:
                teleop.create_publisher(TwistStamped, topic, 10)
                rig.until_reason(
                    f'cmd_vel.type: teleop publishes geometry_msgs/msg/TwistStamped on {topic}, '
                    'expected geometry_msgs/msg/Twist: set enable_stamped_cmd_vel'
                )
        finally:
            other.close()
