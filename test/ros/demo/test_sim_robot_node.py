# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from contextlib import contextmanager

from distill_runtime.core.config import RunnerConfig
from distill_runtime.core.sensors import NEVER, Sensors
from distill_runtime.errors import DistillError
from distill_runtime.policy.model import load_policy
from distill_runtime.ros.demo.sim_robot_node import SimNode
from distill_runtime.sim.disturb import DisturbConfig, NoiseConfig
from distill_runtime.sim.loop import CommandSchedule, simulate
from distill_runtime.sim.robot import SimRobot
from distill_runtime.sim.scene import load_scene, SceneConfig
from geometry_msgs.msg import Twist
from nav_msgs.msg import Odometry
import numpy as np
import pytest
from rclpy.node import Node
from rclpy.parameter import Parameter
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import Imu, JointState
from support.ros_harness import Inbox, wait_for
from support.ros_messages import nanoseconds

COMMAND = (0.4, -0.1, 0.2)


@contextmanager
def sim_node(ros, files, **parameters):
    values = {'model': str(files[0]), 'spec': str(files[1]), **parameters}
    overrides = [Parameter(name, value=value) for name, value in values.items()]
    node = SimNode(context=ros.context, parameter_overrides=overrides)
    try:
        yield node
    finally:
        node.destroy()


class PolicyNode(Node):
    """Ticks on joint_states, as simply as rclpy allows; can ignore the first messages.

    An executor may serve a JointState before the Imu that was sent ahead of it: the tick waits.
    """

    def __init__(self, files, ignored=0, **options):
        super().__init__('policy', **options)
        policy = load_policy(*files)
        self.runner = policy.runner(RunnerConfig(start_in='policy'))
        self.sensors = Sensors(self.runner.compiled.layout)
        self.commands = []
        self.ignored = ignored
        self.last_stamp_ns = NEVER
        self.waiting = None
        self.publisher = self.create_publisher(JointState, 'joint_command', 10)
        for message_type, topic, callback in (
            (Imu, 'imu', self.take_imu),
            (Twist, 'cmd_vel', self.take_command),
            (JointState, 'joint_states', self.take_joints),
        ):
            self.create_subscription(message_type, topic, callback, 10)

    def take_imu(self, message):
        rate, turn = message.angular_velocity, message.orientation
        self.sensors.angular_velocity[:] = [rate.x, rate.y, rate.z]
        self.sensors.quat_base_to_world[:] = [turn.w, turn.x, turn.y, turn.z]
        self.sensors.imu_stamp_ns = nanoseconds(message)
        self.tick_if_complete()

    def take_command(self, message):
        self.sensors.velocity_command[:] = [
            message.linear.x, message.linear.y, message.angular.z
        ]  # fmt: skip
        self.sensors.command_stamp_ns = 0
        self.tick_if_complete()

    def take_joints(self, message):
        if self.ignored:
            self.ignored -= 1
            return
        self.waiting = message
        self.tick_if_complete()

    def tick_if_complete(self):
        message, sensors = self.waiting, self.sensors
        if message is None or sensors.command_stamp_ns == NEVER:
            return
        if sensors.imu_stamp_ns == nanoseconds(message):
            self.waiting = None
            self.tick(message)

    def tick(self, message):
        stamp_ns = nanoseconds(message)
        if stamp_ns != self.last_stamp_ns:
            self.last_stamp_ns = stamp_ns
            indices = [message.name.index(name) for name in self.sensors.layout.joints]
            self.sensors.joint_position[:] = np.array(message.position)[indices]
            self.sensors.joint_velocity[:] = np.array(message.velocity)[indices]
            self.sensors.joint_stamp_ns = self.sensors.command_stamp_ns = stamp_ns
            step = self.runner.step(self.sensors, stamp_ns)
            self.commands.append(step.command.copy())
        answer = JointState(name=self.runner.compiled.joints.names, position=self.commands[-1])
        answer.header.stamp = message.header.stamp
        self.publisher.publish(answer)


def without_ros(files, seconds, disturb=None):
    """Return command stream hash and end position of the same run in the loop without ROS."""
    policy = load_policy(*files)
    scene = load_scene(SceneConfig(), policy.spec)
    runner = policy.runner(RunnerConfig(start_in='policy'), scene.joint_names)
    robot = SimRobot(scene, runner.compiled.layout)
    schedule = CommandSchedule(commands=(COMMAND,))
    result = simulate(runner, robot, schedule, seconds, disturb)
    return result.commands_sha256, robot.data.qpos.copy()


LOCKSTEP = {
    'lockstep': True,
    'real_time_factor': 0.0,
    'velocity_command': list(COMMAND),
    'resend_after': 0.2,
}


@pytest.mark.parametrize(
    ('seconds', 'ignored', 'options'),
    [
        (1.0, 0, {}),
        (0.6, 0, {'push_speed': 0.3, 'push_interval': 0.2, 'latency': 1, 'seed': 7}),
        (0.2, 2, {}),
    ],
    ids=['plain', 'disturbed', 'late answer'],
)
def test_lockstep_run_equals_the_run_without_ros_bit_for_bit(
    ros, files, seconds, ignored, options
):
    disturb, parameters = None, {}
    if options:
        disturb = DisturbConfig(noise=NoiseConfig.playground(0.5), **options)
        parameters = {'noise': 0.5, **options}
    sha256, position = without_ros(files, seconds, disturb)
    with (
        ros.node(PolicyNode, files, ignored) as policy,
        sim_node(ros, files, seconds=seconds, **parameters, **LOCKSTEP) as node,
    ):
        node.run()
        assert len(policy.commands) == node.ticks == round(seconds / 0.02)
        assert node.commands_sha256 == sha256
        np.testing.assert_array_equal(node.robot.data.qpos, position)


def publish_once(ros, files, **parameters):
    """Return the messages of one tick in real time, by topic."""
    topics = {'joint_states': JointState, 'imu': Imu, 'odom': Odometry}
    if parameters.get('publish_clock'):
        topics['/clock'] = Clock
    with (
        ros.node(Node, 'listener') as listener,
        sim_node(ros, files, seconds=0.02, sensor_rate=50.0, **parameters) as node,
    ):
        inboxes = {topic: Inbox(listener, kind, topic) for topic, kind in topics.items()}
        wait_for(lambda: listener.count_publishers('odom'))
        wait_for(node.has_subscriber)
        node.run()
        for inbox in inboxes.values():
            wait_for(lambda inbox=inbox: inbox.messages)
        return {topic: inbox.messages[0] for topic, inbox in inboxes.items()}, node


def test_sensor_messages_hold_what_the_robot_measures(ros, files):
    messages, node = publish_once(ros, files)
    joints, imu, odom = messages['joint_states'], messages['imu'], messages['odom']
    assert joints.name == list(node.robot.layout.joints)
    np.testing.assert_allclose(joints.position[:3], [0.1, 0.9, -1.8])
    assert len(joints.velocity) == len(joints.effort) == 12
    assert (imu.orientation.w, imu.orientation.x) == (1.0, 0.0)
    assert imu.linear_acceleration.z == pytest.approx(9.81)
    assert odom.child_frame_id == 'base_link'
    assert odom.pose.pose.position.z == pytest.approx(0.294, abs=2e-3)
    assert nanoseconds(joints) == nanoseconds(imu) == nanoseconds(odom) > 1e18


def test_clock_starts_at_one_second_and_covariances_are_those_of_the_noise(ros, files):
    messages, _ = publish_once(ros, files, publish_clock=True, noise=1.0)
    assert (messages['/clock'].clock.sec, messages['/clock'].clock.nanosec) == (1, 0)
    assert nanoseconds(messages['imu']) == 1_000_000_000
    assert messages['imu'].angular_velocity_covariance[4] == pytest.approx(0.2**2 / 3)
    assert messages['odom'].twist.covariance[7] == pytest.approx(0.1**2 / 3)


def test_time_runs_at_the_wanted_pace_and_the_robot_hangs_still_until_its_first_command(
    ros, files
):
    with sim_node(ros, files, seconds=0.2, real_time_factor=4.0) as node:
        assert node.period_ns == 4_000_000, "a multiple of the policy's rate, below 250 Hz"
        start, pose = node.node.get_clock().now(), node.robot.position.copy()
        node.run()
        wall = (node.node.get_clock().now() - start).nanoseconds / 1e9
    assert 0.04 < wall < 1.0
    assert node.ticks * node.period_ns == 200_000_000
    assert node.robot.stamp_ns == 0
    assert node.robot.position.tolist() == pose.tolist()


@pytest.mark.parametrize(
    ('parameters', 'message'),
    [
        ({'model': ''}, "model is '', expected the path"),
        ({'model': 'no.onnx'}, r'no\.onnx'),
        ({'scene': 'no.xml'}, r'scene no\.xml is not a file'),
        ({'command_type': 'pwm'}, "command_type is 'pwm', expected one of"),
        ({'sensor_rate': 333.0}, 'expected a multiple of the physics step'),
        ({'real_time_factor': 0.0}, 'real_time_factor is 0, expected above 0 without lockstep'),
        ({'lockstep': True, 'drop': 0.1}, r'drop is 0\.1, expected 0 with lockstep'),
        ({'lockstep': True, 'command_type': 'position_array'}, 'expected a message with a stamp'),
        ({'robot': 'spot', 'robot_description': 'spot.urdf'}, 'robot and robot_description are b'),
        ({'robot_description': 'no.urdf'}, r'no\.urdf cannot be read'),
        ({'velocity_command': [1.0]}, r'velocity_command is \[1\.0\], expected vx, vy'),
        ({'seconds': 'one'}, "seconds is 'one', expected float"),
        ({'velocity_command': ['a', 'b', 'c']}, r"velocity_command is \['a', 'b', 'c'\], exp"),
        ({'resend_after': 0.0}, r'resend_after is 0\.0 s, expected above 0 s'),
        ({'decimation': 2}, 'decimation is 2, expected 1 without lockstep'),
    ],
)
def test_wrong_parameter_is_refused(ros, files, parameters, message):
    with pytest.raises(DistillError, match=message), sim_node(ros, files, **parameters):
        pass


def test_whole_numbers_stand_for_floats(ros, files):
    options = {'seconds': 1, 'velocity_command': [1, 0, 0], 'lockstep': True}
    with sim_node(ros, files, **options) as node:
        assert node.config.seconds == 1.0
        assert node.config.velocity_command == (1.0, 0.0, 0.0)
        assert node.period_ns == 20_000_000, "the policy's"


def test_command_drives_the_joints_in_real_time(ros, files):
    with (
        ros.node(PolicyNode, files) as policy,
        sim_node(ros, files, seconds=0.5, velocity_command=list(COMMAND)) as node,
    ):
        node.run()
        assert len(policy.commands) > 10
        np.testing.assert_allclose(node.robot.data.ctrl, policy.commands[-1], atol=0.05)
        assert not np.array_equal(node.robot.data.ctrl, node.robot.default_command)
