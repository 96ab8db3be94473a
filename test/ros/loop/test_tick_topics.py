# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import hashlib
import itertools

from distill_runtime.ros.loop.tick_topics import action_labels, observation_labels
from distill_runtime.wire.tick_fields import ACTION_NUMBERS, tick_labels
from geometry_msgs.msg import PoseStamped
import numpy as np
import pytest
from rclpy.lifecycle import TransitionCallbackReturn
from rclpy.parameter import Parameter
from std_msgs.msg import Float32MultiArray
from support.ros_harness import LOCKSTEP, student, T0, TICK, values, wait_for
from support.ros_messages import joint_message, stamped, twist_message
from support.ros_policies import JOINT_TERM, TERMS, write_policy
from support.specs import DEFAULT, make_spec
from support.swaps import walking

POSE = (0.3, 0.2, -0.1)


def test_tick_names_the_samples_in_use_mode_and_model(ros, model):
    with student(ros, model, **LOCKSTEP) as rig:
        rig.robot.tick(T0)
        before = rig.node.get_clock().now().nanoseconds
        rig.robot.cmd_vel.publish(twist_message(0.1))
        rig.robot.tick(T0 + TICK)
        rig.robot.joint_states.publish(joint_message(T0 + 2 * TICK))
        rig.robot.command_at(T0 + 2 * TICK)
        wait_for(lambda: len(rig.robot.ticks.messages) == 3)
        first, second, third = (
            dict(zip(tick_labels(()), message.data, strict=True))
            for message in rig.robot.ticks.messages
        )
        dimensions = rig.robot.ticks.messages[0].layout.dim
    assert [dimension.label for dimension in dimensions] == [
        'tick', 'stamp_ns', 'joint_states_ns', 'imu_ns', 'cmd_vel_ns', 'odom_ns', 'mode', 'model',
        'lateness_ns', 'fault_action',
    ]  # fmt: skip
    assert {(dimension.size, dimension.stride) for dimension in dimensions} == {(1, 1)}
    sha256 = int(hashlib.sha256(model.read_bytes()).hexdigest()[:15], 16)
    assert first == {
        'tick': 0, 'stamp_ns': T0, 'joint_states_ns': T0, 'imu_ns': T0, 'cmd_vel_ns': -1,
        'odom_ns': -1, 'mode': 2, 'model': sha256, 'lateness_ns': 0,
        'fault_action': 0,
    }  # fmt: skip
    assert before <= second['cmd_vel_ns'] <= before + 20 * 10**9
    assert third['cmd_vel_ns'] == second['cmd_vel_ns']
    assert (third['joint_states_ns'], third['imu_ns']) == (T0 + 2 * TICK, T0 + TICK)


def test_tick_names_the_sample_of_each_external_topic(ros, models):
    scan = {'term': 'external', 'topic': '/scan', 'width': 3}
    goal = {'term': 'external', 'topic': 'goal', 'width': 7, 'message': 'PoseStamped'}
    with student(
        ros, write_policy(models, JOINT_TERM, scan, goal, name='topics.onnx'), **LOCKSTEP
    ) as rig:
        scans = rig.robot.node.create_publisher(Float32MultiArray, '/scan', 10)
        goals = rig.robot.node.create_publisher(PoseStamped, 'goal', 10)
        wait_for(lambda: scans.get_subscription_count() and goals.get_subscription_count())
        rig.robot.publish(T0)
        wait_for(lambda: rig.robot.ticks.messages)
        message = stamped(PoseStamped(), T0 - 5)
        message.pose.orientation.w = 1.0
        before = rig.node.get_clock().now().nanoseconds
        goals.publish(message)
        scans.publish(Float32MultiArray(data=[1.0, 2.0, 3.0]))
        rig.robot.tick(T0 + TICK)
        wait_for(lambda: len(rig.robot.ticks.messages) == 2)
        first, second = (message.data[-2:].tolist() for message in rig.robot.ticks.messages)
        dimensions = rig.robot.ticks.messages[0].layout.dim
    assert [part.label for part in dimensions][-3:] == ['fault_action', '/scan_ns', 'goal_ns']
    assert first == [-1, -1]
    assert before <= second[0] <= before + 20 * 10**9
    assert second[1] == T0 - 5


@pytest.mark.parametrize('action', ['hold', 'damp', 'stop'])
def test_tick_names_the_fault_action_in_force(action, ros, model):
    options = {**LOCKSTEP, 'fault_action': 'default_pose', 'checks.tilt.action': action}
    with student(ros, model, **options, **{'checks.tilt.debounce': 0.0}) as rig:
        rig.robot.tick(T0)
        rig.robot.publish(T0 + TICK, quaternion=(0.0, 1.0, 0.0, 0.0))
        wait_for(lambda: len(rig.robot.ticks.messages) == 2)
        found = [message.data[9] for message in rig.robot.ticks.messages]
    assert found == [0, ACTION_NUMBERS[action]]


def test_observation_and_action_are_those_of_the_step_with_labels(ros, model):
    with student(ros, model, **LOCKSTEP, publish_internals=True) as rig:
        rig.robot.tick(T0, position=POSE, velocity=(1.0, 2.0, 3.0), rate=(0.4, 0.8, 1.2))
        rig.robot.tick(T0 + TICK)
        first = wait_for(lambda: rig.robot.observations.messages)[0]
        wait_for(lambda: len(rig.robot.actions.messages) == 2)
        action = rig.robot.actions.messages[0]
        second = rig.robot.observations.messages[1]
    expected = [0.1, 0.2, 0.3, 0.0, 0.0, -1.0, 0.0, 0.0, 0.0]
    expected += [*(np.array(POSE) - DEFAULT), 0.05, 0.1, 0.15, 0.0, 0.0, 0.0]
    np.testing.assert_allclose(first.data, expected, atol=1e-6)
    assert second.data[-3:].tolist() == action.data.tolist()
    assert [(part.label, part.size, part.stride) for part in first.layout.dim] == [
        ('base_angular_velocity', 3, 3),
        ('projected_gravity', 3, 3),
        ('velocity_command', 3, 3),
        ('joint_position', 3, 3),
        ('joint_velocity', 3, 3),
        ('last_action', 3, 3),
    ]
    assert [part.label for part in action.layout.dim] == ['hip', 'knee', 'ankle']
    weights = np.random.default_rng(0).normal(0.0, 0.3, (18, 3)).astype(np.float32)
    np.testing.assert_allclose(action.data, first.data @ weights, atol=1e-6)


def switch(rig, is_on):
    """Set publish_internals, and wait until everybody knows which topics there are."""
    (result,) = rig.node.set_parameters([Parameter('publish_internals', value=is_on)])
    assert result.successful, result.reason
    wait_for(lambda: advertised(rig) == [is_on, is_on])


def advertised(rig):
    """Return how often ~/observation and ~/action are advertised, as the robot sees it."""
    return [
        rig.robot.node.count_publishers(f'{rig.robot.student}/{topic}')
        for topic in ('observation', 'action')
    ]


def test_observation_and_action_exist_only_while_they_are_published(ros, model):
    with student(ros, model, is_active=False, **LOCKSTEP) as rig:
        rig.configure()
        assert advertised(rig) == [0, 0]
        switch(rig, True)
        rig.activate()
        # bug: what was set while the node was inactive was forgotten
        robot, stamps = rig.robot, itertools.count(T0, TICK)
        wait_for(lambda: robot.tick(next(stamps)) and robot.observations.messages)
        counts = [len(inbox.messages) for inbox in (robot.observations, robot.actions)]
        for _ in range(3):
            robot.tick(next(stamps))
        for count, inbox in zip(counts, (robot.observations, robot.actions), strict=True):
            wait_for(lambda count=count, inbox=inbox: len(inbox.messages) == count + 3)
        switch(rig, False)
        switch(rig, True)
        assert rig.node.trigger_deactivate() == TransitionCallbackReturn.SUCCESS
        assert rig.node.trigger_cleanup() == TransitionCallbackReturn.SUCCESS
        wait_for(lambda: advertised(rig) == [0, 0])


def test_internals_can_be_switched_at_any_moment_of_a_tick(ros, model):
    with walking(ros, model) as (remote, walker):
        for number in range(60):
            (result,) = remote.rig.node.set_parameters(
                [Parameter('publish_internals', value=number % 2 == 0)]
            )
            assert result.successful, result.reason
        walker.steps(3)
        found = values(remote.rig.diagnose())
        assert (found['mode'], found['reasons']) == ('policy', '')
        wait_for(lambda: advertised(remote.rig) == [0, 0])


def test_standby_has_ticks_but_no_observation(ros, model):
    options = {**LOCKSTEP, 'start_in': 'standby', 'publish_internals': True}
    with student(ros, model, **options) as rig:
        rig.robot.tick(T0)
        assert wait_for(lambda: rig.robot.ticks.messages)[0].data[6] == 1
        assert not rig.robot.observations.messages


@pytest.mark.parametrize(
    ('history', 'labels'),
    [
        ({'length': 1}, [('velocity_command', 3), ('joint_position', 3)]),
        (
            {'length': 2, 'major': 'term', 'order': 'oldest_first', 'fill': 'first'},
            [('velocity_command', 6), ('joint_position', 6)],
        ),
        (
            {'length': 2, 'major': 'frame', 'order': 'oldest_first', 'fill': 'first'},
            [('velocity_command', 3), ('joint_position', 3)] * 2,
        ),
    ],
)
def test_labels_follow_the_history(history, labels):
    spec = make_spec({'term': 'velocity_command'}, JOINT_TERM, history=history)
    assert list(observation_labels(spec)) == labels
    assert sum(size for _, size in labels) == spec.input_dim(spec.inputs[0])


def test_discrete_actions_are_labeled_by_choice():
    action = {'choices': [[0.0] * 3, [0.1] * 3], 'scale': None, 'offset': None}
    assert action_labels(make_spec(JOINT_TERM, action=action)) == (
        ('choice_0', 1),
        ('choice_1', 1),
    )


def test_actions_on_some_joints_are_labeled_by_those():
    action = {'joints': ['ankle', 'hip']}
    assert action_labels(make_spec(*TERMS, action=action)) == (('ankle', 1), ('hip', 1))
