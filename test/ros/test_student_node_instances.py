# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Names, namespaces, remapping, and several nodes in one process."""

from __future__ import annotations

import gc

from geometry_msgs.msg import Twist
from sensor_msgs.msg import Imu, JointState
from support.ros_harness import Inbox, LOCKSTEP, student, T0, TICK, values, wait_for
from support.ros_messages import imu_message, joint_message, nanoseconds


def test_topics_and_services_lie_in_the_namespace(ros, model):
    with student(ros, model, namespace='/left/leg', node_name='brain', **LOCKSTEP) as rig:
        topics = dict(rig.node.get_topic_names_and_types())
        for topic in ('joint_states', 'imu', 'cmd_vel', 'joint_command', 'brain/tick'):
            assert f'/left/leg/{topic}' in topics
        services = dict(rig.node.get_service_names_and_types())
        for service in ('start', 'stop', 'estop', 'reset_fault'):
            assert services[f'/left/leg/brain/{service}'] == ['std_srvs/srv/Trigger']
        rig.robot.tick(T0)
        assert rig.diagnose().name == '/left/leg/brain: control'


def test_every_topic_can_be_remapped(ros, model):
    rules = {
        'joint_states': '/dog/joints',
        'imu': '/dog/imu/data',
        'cmd_vel': 'teleop',
        'joint_command': '/dog/command',
    }
    arguments = ['--ros-args']
    for name, target in rules.items():
        arguments += ['-r', f'{name}:={target}']
    options = {'cli_args': arguments, 'use_global_arguments': False}
    with student(ros, model, namespace='/re', node_options=options, **LOCKSTEP) as rig:
        node = rig.robot.node
        commands = Inbox(node, JointState, '/dog/command')
        joints = node.create_publisher(JointState, '/dog/joints', 10)
        imu = node.create_publisher(Imu, '/dog/imu/data', 10)
        cmd_vel = node.create_publisher(Twist, '/re/teleop', 10)
        assert cmd_vel.get_subscription_count() == 1
        imu.publish(imu_message(T0))
        joints.publish(joint_message(T0))
        assert nanoseconds(wait_for(lambda: commands.messages)[0]) == T0
        assert rig.node.count_subscribers('/re/joint_states') == 0


def test_two_nodes_in_one_process_do_not_disturb_each_other(ros, model):
    with student(ros, model, **LOCKSTEP) as left, student(ros, model, **LOCKSTEP) as right:
        for tick in range(5):
            pose = (0.1 * tick, 0.0, 0.0)
            one = left.robot.tick(T0 + tick * TICK, position=pose)
            other = right.robot.tick(T0 + tick * TICK, position=pose)
            assert one.position == other.position
        assert left.robot.call('estop')[0]
        left.robot.tick(T0 + 5 * TICK)
        right.robot.tick(T0 + 5 * TICK)
        assert values(left.diagnose())['mode'] == 'fault'
        assert values(right.diagnose())['mode'] == 'policy'
        left.node.trigger_deactivate()
        assert not gc.isenabled()
        right.robot.tick(T0 + 6 * TICK)
        assert len(left.robot.ticks.messages) == 6
        right.node.trigger_deactivate()
        assert gc.isenabled()


def test_node_can_be_destroyed_while_it_is_active(ros, model):
    for _ in range(3):
        with student(ros, model, **LOCKSTEP) as rig:
            rig.robot.tick(T0, position=(0.3, 0.2, 0.1))
            loop = rig.node._loop
        assert not loop._thread.is_alive()
    assert gc.isenabled()


def test_last_command_of_a_destroyed_node_is_the_fault_action(ros, model):
    with student(ros, model, **LOCKSTEP) as rig:
        rig.robot.tick(T0, position=(0.3, 0.2, 0.1))
        rig.node._stop_loop()
        pose = [0.3, 0.2, 0.1]
        wait_for(lambda: rig.robot.commands.messages[-1].position.tolist() == pose)
