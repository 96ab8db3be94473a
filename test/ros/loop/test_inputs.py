# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import math

from geometry_msgs.msg import PoseStamped, Twist, TwistStamped, Vector3
from nav_msgs.msg import Odometry
import numpy as np
import pytest
from rclpy.node import Node
from rclpy.qos import qos_profile_sensor_data, QoSProfile, ReliabilityPolicy
from std_msgs.msg import Float32MultiArray
from support.ros_harness import LOCKSTEP, Ros, student, T0, TICK, values, wait_for
from support.ros_messages import imu_message, joint_message, stamped
from support.ros_policies import JOINT_TERM, write_policy

SHOWN = {**LOCKSTEP, 'publish_internals': True}
SCAN = {'term': 'external', 'topic': '/scan', 'width': 3}
GOAL = {'term': 'external', 'topic': 'goal', 'width': 7, 'message': 'PoseStamped'}


def observation_of(rig, tick):
    """Let a tick pass; return its observation."""
    count = len(rig.robot.observations.messages)
    rig.robot.tick(T0 + tick * TICK)
    wait_for(lambda: len(rig.robot.observations.messages) > count)
    return rig.robot.observations.messages[-1].data


def odometry_message(stamp_ns, velocity):
    message = stamped(Odometry(child_frame_id='base'), stamp_ns)
    linear = message.twist.twist.linear
    linear.x, linear.y, linear.z = velocity
    return message


def test_only_what_the_policy_needs_is_subscribed_to_and_demanded(ros, models):
    model = write_policy(models, JOINT_TERM, name='joints.onnx')
    with student(ros, model, **SHOWN) as rig:
        counts = [rig.node.count_subscribers(t) for t in ('imu', 'odom', 'cmd_vel')]
        assert counts == [0, 0, 0]
        rig.robot.joint_states.publish(joint_message(T0))
        rig.robot.command_at(T0)
        found = values(rig.diagnose())
        assert (found['imu_age_s'], found['odom_age_s']) == ('not used', 'not used')
        assert rig.robot.ticks.messages[0].data[3] == -1


def test_joint_velocities_may_be_absent_where_no_term_reads_them(ros, models):
    model = write_policy(models, JOINT_TERM, name='joints.onnx')
    with student(ros, model, **SHOWN) as rig:
        rig.robot.joint_states.publish(joint_message(T0, velocity=[]))
        rig.robot.command_at(T0)
        assert rig.diagnose_settled().level == b'\x00'


def test_base_velocity_comes_from_the_odometry_which_must_be_there(ros, models):
    term = {'term': 'base_linear_velocity'}
    model = write_policy(models, term, JOINT_TERM, name='odom.onnx')
    with student(ros, model, **SHOWN) as rig:
        rig.robot.joint_states.publish(joint_message(T0 - TICK))
        rig.until_reason('odom.missing: no sample yet')
        rig.robot.odom.publish(odometry_message(T0, (0.5, -0.25, 0.125)))
        assert observation_of(rig, 0)[:3].tolist() == [0.5, -0.25, 0.125]
        assert rig.robot.ticks.messages[-1].data[5] == T0
        for tick in range(1, 7):
            rig.robot.tick(T0 + tick * TICK)
        assert 'odom.stale: newest sample is 0.120 s old' in rig.diagnose().message


def test_external_array_must_be_there_and_of_its_width(ros, models):
    model = write_policy(models, JOINT_TERM, SCAN, name='scan.onnx')
    with student(ros, model, **SHOWN) as rig:
        scan = rig.robot.node.create_publisher(Float32MultiArray, '/scan', 10)
        rig.robot.joint_states.publish(joint_message(T0 - 2 * TICK))
        rig.until_reason('/scan.missing: no sample yet')
        scan.publish(Float32MultiArray(data=[1.0, 2.0]))
        rig.robot.joint_states.publish(joint_message(T0 - TICK))
        rig.until_reason('/scan.width: 2 values, expected 3')
        scan.publish(Float32MultiArray(data=[1.0, 2.0, 3.0]))
        assert observation_of(rig, 0)[3:].tolist() == [1.0, 2.0, 3.0]
        # a sample that may be of any age stays until the next one
        assert observation_of(rig, 1000)[3:].tolist() == [1.0, 2.0, 3.0]
        scan.publish(Float32MultiArray(data=[1.0, float('nan'), 3.0]))
        rig.robot.tick(T0 + 1001 * TICK)
        rig.until_reason('/scan.not_finite: element 1 is nan, the last valid sample is kept')


@pytest.mark.parametrize('topic', ['/scan', 'cmd_vel_limits'])
def test_refused_velocity_command_hides_no_unusable_external_topic(ros, models, topic):
    scan = {**SCAN, 'topic': topic}
    model = write_policy(models, JOINT_TERM, {'term': 'velocity_command'}, scan, name='two.onnx')
    with student(ros, model, **SHOWN) as rig:
        publisher = rig.robot.node.create_publisher(Float32MultiArray, topic, 10)
        publisher.publish(Float32MultiArray(data=[1.0, 2.0, 3.0]))
        assert observation_of(rig, 0)[6:].tolist() == [1.0, 2.0, 3.0]
        rig.robot.cmd_vel.publish(Twist(linear=Vector3(x=math.nan)))
        rig.robot.tick(T0 + TICK)
        rig.until_reason('cmd_vel.not_finite: velocity command is [nan, 0.0, 0.0]')
        publisher.publish(Float32MultiArray(data=[1.0, 2.0]))
        for tick in range(2, 7):
            rig.robot.tick(T0 + tick * TICK)
        status = rig.until_reason(f'{topic}.width: 2 values, expected 3')
        assert values(status)['mode'] == 'fault'


def test_goal_pose_is_seven_numbers_on_a_relative_topic(ros, models):
    model = write_policy(models, JOINT_TERM, GOAL, name='goal.onnx')
    with student(ros, model, **SHOWN) as rig:
        goal = rig.robot.node.create_publisher(PoseStamped, 'goal', 10)
        message = stamped(PoseStamped(), T0)
        point, turn = message.pose.position, message.pose.orientation
        point.x, point.y, point.z = 1.0, 2.0, 3.0
        turn.x, turn.y, turn.z, turn.w = 0.5, -0.5, 0.25, 0.75
        goal.publish(message)
        expected = [1.0, 2.0, 3.0, 0.5, -0.5, 0.25, 0.75]
        assert observation_of(rig, 0)[3:].tolist() == expected


def test_goal_from_before_the_activation_counts(ros, models):
    model = write_policy(models, JOINT_TERM, GOAL, name='goal.onnx')
    for trigger in ('joint_states', 'timer'):
        options = {**SHOWN, 'trigger': trigger, 'is_active': False}
        with student(ros, model, **options) as rig:
            rig.configure()
            goal = rig.robot.node.create_publisher(PoseStamped, 'goal', 10)
            goal.publish(stamped(PoseStamped(), T0))
            rig.activate()
            rig.robot.joint_states.publish(joint_message(rig.node.get_clock().now().nanoseconds))
            wait_for(lambda rig=rig: rig.robot.commands.messages)


def test_stamped_velocity_command_is_read_and_timed_by_its_header(ros, model):
    options = {**SHOWN, 'enable_stamped_cmd_vel': True, 'cmd_vel_timeout': 0.5}
    with student(ros, model, is_active=False, **options) as rig:
        rig.robot.node.destroy_publisher(rig.robot.cmd_vel)
        wait_for(lambda: not rig.node.count_publishers('cmd_vel'))
        rig.configure()
        rig.activate()
        cmd_vel = rig.robot.node.create_publisher(TwistStamped, 'cmd_vel', 10)
        message = stamped(TwistStamped(), T0)
        linear, angular = message.twist.linear, message.twist.angular
        linear.x, linear.y, angular.z = 0.5, 0.25, -0.75
        cmd_vel.publish(message)
        assert observation_of(rig, 0)[6:9].tolist() == [0.5, 0.25, -0.75]
        assert rig.robot.ticks.messages[-1].data[4] == T0
        cmd_vel.publish(stamped(message, T0 - 10**9))
        assert observation_of(rig, 1)[6:9].tolist() == [0.0, 0.0, 0.0]
        assert 'cmd_vel.stale: the velocity command is 1.020 s old' in rig.diagnose().message


def test_joints_come_in_any_order_with_others_between_them(ros, model):
    with student(ros, model, **SHOWN) as rig:
        rig.robot.imu.publish(imu_message(T0))
        names = ('wheel', 'ankle', 'hip', 'arm', 'knee')
        rig.robot.joint_states.publish(
            joint_message(T0, (9.0, -0.4, 0.2, 9.0, 0.7), (9.0, 3.0, 1.0, 9.0, 2.0), names)
        )
        command = rig.robot.command_at(T0)
        assert command.name == ['hip', 'knee', 'ankle']
        data = wait_for(lambda: rig.robot.observations.messages)[0].data
        np.testing.assert_allclose(data[9:12], [0.1, 0.1, 0.1], atol=1e-6)
        np.testing.assert_allclose(data[12:15], [0.05, 0.1, 0.15], atol=1e-6)


@pytest.mark.parametrize('topic', ['/scan', 'scan', '~/scan'])
def test_qos_of_an_input_can_be_overridden(ros, models, topic):
    model = write_policy(models, JOINT_TERM, {**SCAN, 'topic': topic}, name='qos.onnx')
    full = {'/scan': '/scan', 'scan': '/q/scan', '~/scan': '/q/student_node/scan'}[topic]
    override = {f'qos_overrides.{full}.subscription.reliability': 'best_effort'}
    with student(ros, model, namespace='/q', **LOCKSTEP, **override) as rig:
        (info,) = rig.node.get_subscriptions_info_by_topic(full)
        assert info.qos_profile.reliability.name == 'BEST_EFFORT'
        (info,) = rig.node.get_subscriptions_info_by_topic('joint_states')
        assert info.qos_profile.reliability.name == 'RELIABLE'


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
