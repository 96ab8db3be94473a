# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""A run over DDS with external topics and a fault that no input explains: equal bit for bit."""

from __future__ import annotations

import threading

from distill_runtime.core.modes import Mode
from distill_runtime.data.recording.policy_recording import read_policy_recording
from distill_runtime.data.replay.config import replay_config
from distill_runtime.data.replay.replay import replay
from distill_runtime.policy.model import load_policy
from distill_runtime.wire.tick_fields import ACTION_NUMBERS, TICK_FIELDS
from geometry_msgs.msg import PoseStamped, Twist
import numpy as np
import pytest
import rclpy
from rclpy.node import Node
from sensor_msgs.msg import Imu, JointState
from std_msgs.msg import Float32MultiArray
from support.dds_recorder import DdsRecorder, recording_context, TYPES
from support.ros_harness import wait_for
from support.ros_messages import imu_message, joint_message, stamped, twist_message
from support.ros_policies import TERMS, write_policy
from support.ros_program import program
from support.specs import DEFAULT

SCAN = {'term': 'external', 'topic': '/scan', 'width': 4}
GOAL = {'term': 'external', 'topic': 'goal', 'width': 7, 'message': 'PoseStamped'}
RUNNER = {
    'fault_action': 'hold',
    'max_input_age': 5.0,
    'start_pose_limit': 0.0,
    'ramp_time': 0.4,
    'checks.missed_deadlines.action': 'warn',
    'checks.inference_time.action': 'warn',
    'checks.action_saturation.action': 'ignore',
}
CONFLICT = {'checks.command_conflict.action': 'stop', 'checks.command_conflict.debounce': 0.1}


class Robot:
    """Publishes all inputs from another thread, each at a different rate."""

    def __init__(self, context):
        self.node = Node('robot', context=context)
        kinds = {'joint_states': JointState, 'imu': Imu, 'cmd_vel': Twist}
        kinds |= {'scan': Float32MultiArray, 'goal': PoseStamped}
        publishers = {
            name: self.node.create_publisher(kind, name, 1000) for name, kind in kinds.items()
        }
        self._publishers = publishers.values()
        self._publish = {name: publisher.publish for name, publisher in publishers.items()}
        self._stops = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def begin(self):
        """Begin once the node and the recorder listen."""
        wait_for(lambda: all(p.get_subscription_count() > 1 for p in self._publishers))
        self._thread.start()

    def _run(self):
        for step in range(10_000):
            if self._stops.wait(0.005):
                return
            now_ns = self.node.get_clock().now().nanoseconds
            swing = 0.2 * np.sin(0.05 * step + np.arange(3))
            self._publish['joint_states'](joint_message(now_ns, (DEFAULT + swing).tolist()))
            half = 0.1 * np.sin(0.03 * step)
            turn = (float(np.sin(half)), 0.0, 0.0, float(np.cos(half)))
            self._publish['imu'](imu_message(now_ns, turn, (0.1 * np.sin(step), 0.0, 0.2)))
            if step % 7 == 0:
                values = np.sin(step + np.arange(4)).tolist()
                self._publish['scan'](Float32MultiArray(data=values))
                self._publish['cmd_vel'](twist_message(0.1 * np.sin(step)))
            if step % 31 == 0:
                message = stamped(PoseStamped(), now_ns)
                message.pose.position.x, message.pose.orientation.w = 0.01 * step, 1.0
                self._publish['goal'](message)

    def close(self):
        self._stops.set()
        self._thread.join()
        self.node.destroy_node()


def record(path, model):
    """Let a policy run, meet another publisher, stop; return both recordings, the bag first."""
    context = recording_context()
    topics = {**TYPES, 'scan': Float32MultiArray, 'goal': PoseStamped}
    recorder = DdsRecorder(context, topics=topics)
    robot = Robot(context)
    own = path.with_name(f'{path.name}_own')
    options = {'model': model, 'autostart': 'true', 'start_in': 'policy', 'record_to': own}
    options |= {**RUNNER, **CONFLICT}
    with program(publish_internals=True, **options) as process:
        wait_for(lambda: recorder.has_received('/student_node/tick'), 'the first tick')
        robot.begin()
        wait_for(lambda: recorder.counts['/joint_command'] >= 80, 'the commands')
        other_publisher = robot.node.create_publisher(JointState, 'joint_command', 10)
        wait_for(lambda: in_fault(recorder), 'the fault')
        ticks = recorder.counts['/student_node/tick']
        wait_for(lambda: recorder.counts['/student_node/tick'] >= ticks + 20, 'more ticks')
        process.terminate()
        output = process.communicate(timeout=20)[0]
    robot.node.destroy_publisher(other_publisher)
    robot.close()
    wait_for(recorder.is_quiet, 'the last message')
    recorder.stop(path)
    rclpy.shutdown(context=context)
    assert process.returncode == 0, output
    (bag,) = own.iterdir()
    return path, bag


def in_fault(recorder):
    """Return whether the newest tick was in fault."""
    return recorder.newest('/student_node/tick').data[TICK_FIELDS.index('mode')] == Mode.FAULT


@pytest.fixture(scope='module')
def results(tmp_path_factory):
    """Record a run; return what the replay gives, by who recorded."""
    folder = tmp_path_factory.mktemp('run')
    model = write_policy(folder, *TERMS, SCAN, GOAL)
    policy = load_policy(model)
    whole, own = (
        replay(read_policy_recording(path, policy), policy, replay_config(RUNNER))
        for path in record(folder / 'bag', model)
    )
    return {'recorder': whole, 'node': own}


@pytest.mark.parametrize('recorder', ['recorder', 'node'])
def test_every_command_is_equal_with_external_topics_and_the_action_of_a_check(recorder, results):
    result = results[recorder]
    assert result.playback.is_valid.all(), result.playback.reasons
    playback, log = result.playback, result.source.log
    assert set(log.fault_action.tolist()) == {0, ACTION_NUMBERS['stop']}
    commands = result.recorded_commands()
    is_sent = np.isfinite(commands).all(axis=1)
    np.testing.assert_array_equal(is_sent, playback.sends)
    assert np.count_nonzero(is_sent) > 40
    np.testing.assert_array_equal(result.commands[is_sent], commands[is_sent])
    ran, observed = playback.ran, result.recorded_observations()[:]
    np.testing.assert_array_equal(observed[ran], playback.observation[:][ran])
    assert len(np.unique(observed[ran][:, 18:22], axis=0)) > 10
    assert not result.is_approximate
