# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Runs over DDS in real time, recorded and replayed: the same commands, bit for bit."""

from __future__ import annotations

import threading

from distill_runtime.core.modes import Mode
from distill_runtime.data.recording.policy_recording import read_policy_recording
from distill_runtime.data.replay.config import replay_config
from distill_runtime.data.replay.replay import replay
from distill_runtime.policy.model import load_policy
from distill_runtime.share import share_path
from distill_runtime.wire.tick_fields import ACTION_NUMBERS, TICK_FIELDS
from geometry_msgs.msg import PoseStamped, Twist
from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState
import numpy as np
import pytest
import rclpy
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from sensor_msgs.msg import Imu, JointState
from std_msgs.msg import Float32MultiArray
from std_srvs.srv import Trigger
from support.dds_recorder import DdsRecorder, recording_context, TYPES
from support.real_policies import real_words
from support.ros_harness import wait_for
from support.ros_messages import imu_message, joint_message, stamped, twist_message
from support.ros_policies import TERMS, write_policy
from support.ros_program import program, start
from support.specs import DEFAULT

# a machine that is busy with other tests makes the robot fall, which must not end the run
RUNNER = {
    'fault_action': 'hold',
    'stop_timeout': 0.5,
    'max_input_age': 5.0,
    'tilt_limit': 0.0,
    'start_tilt_limit': 0.0,
    'start_pose_limit': 0.0,
    'checks.missed_deadlines.action': 'warn',
}
SENSORS = ('/joint_states', '/imu', '/odom', '/cmd_vel')
PARAMETERS = {'autostart': True, 'start_in': 'policy', 'publish_internals': True, **RUNNER}


class Caller:
    """Calls services of nodes."""

    def __init__(self, context):
        self._node = Node('caller', context=context)
        self._executor = SingleThreadedExecutor(context=context)
        self._executor.add_node(self._node)

    def trigger(self, service):
        answer = self._call(Trigger, f'/student_node/{service}', Trigger.Request())
        assert answer.success, answer.message

    def change(self, nodes, transition):
        request = ChangeState.Request(transition=Transition(id=transition))
        for name in nodes:
            assert self._call(ChangeState, f'/{name}/change_state', request).success

    def _call(self, kind, name, request):
        client = self._node.create_client(kind, name)
        assert client.wait_for_service(20.0)
        future = client.call_async(request)
        self._executor.spin_until_future_complete(future, timeout_sec=20.0)
        return future.result()

    def close(self):
        self._executor.shutdown()
        self._node.destroy_node()


def record(path, model, robot='', scene='', commands=150, during=(), others=(), spec=''):
    """Let a policy walk; return the recording.

    DDS may take seconds until a new subscription gets the messages of a new publisher, longer than
    until the node gets them. So the node pauses until the recorder has received each topic of the
    simulator, and nobody goes before the recorder has everything.

    Args:
        path: Of the recording.
        model, robot, scene, spec: Of the policy.
        commands: How many.
        during: Pairs of a number of commands and the service to call after them.
        others: More nodes as pairs of name and model, in shadow.
    """
    context = recording_context()
    names = ['student_node', *(name for name, _ in others)]
    recorder = DdsRecorder(context, names)
    caller = Caller(context)
    policy = {'model': model, 'robot': robot, 'spec': spec}
    processes = [start('student_node', **policy, **PARAMETERS)]
    processes += [
        start('student_node', '-r', f'__node:={name}', model=other, shadow=True, **PARAMETERS)
        for name, other in others
    ]
    wait_for(
        lambda: recorder.has_received(*(f'/{name}/tick' for name in names)), 'the first ticks'
    )
    caller.change(names, Transition.TRANSITION_DEACTIVATE)
    simulator = start(
        'demo.sim_node', **policy, scene=scene, seconds=0.0, velocity_command='[0.5, 0.0, 0.0]'
    )
    try:
        wait_for(lambda: recorder.has_received(*SENSORS), 'the sensors')
        caller.change(names, Transition.TRANSITION_ACTIVATE)
        for number, service in during:
            wait_for(lambda n=number: recorder.counts['/joint_command'] >= n, f'{service}')
            caller.trigger(service)
        wait_for(lambda: recorder.counts['/joint_command'] >= commands, 'the last command')
        caller.change(names, Transition.TRANSITION_DEACTIVATE)
        simulator.terminate()
        simulator.communicate(timeout=20)
        wait_for(recorder.is_quiet, 'the last message')
    finally:
        simulator.kill()
        for process in processes:
            process.terminate()
        output = [process.communicate(timeout=20)[0] for process in processes]
        caller.close()
        recorder.stop(path)
        rclpy.shutdown(context=context)
    assert [process.returncode for process in processes] == [0] * len(processes), output
    return path


def replayed(path, model, robot='', spec='', parameters=RUNNER, **options):
    policy = load_policy(model, spec, robot)
    source = read_policy_recording(path, policy, **options)
    return replay(source, policy, replay_config(parameters))


def check_equal(result, min_ticks):
    """Every tick is known, and what was recorded of it is what the replay gives."""
    playback = result.playback
    assert playback.is_valid.all(), playback.reasons
    commands = result.run.commands()
    is_sent = np.isfinite(commands).all(axis=1)
    np.testing.assert_array_equal(is_sent, playback.sends)
    assert np.count_nonzero(is_sent) >= min_ticks
    np.testing.assert_array_equal(result.commands[is_sent], commands[is_sent])
    for recorded, own in (
        (result.run.observations(), playback.observation),
        (result.run.actions(), playback.action),
    ):
        np.testing.assert_array_equal(recorded[:][playback.ran], own[:][playback.ran])


@pytest.fixture(scope='module')
def walk(tmp_path_factory):
    """Return the model, and its walk with an estop in between."""
    model = share_path() / 'models' / 'quadruped_student.onnx'
    services = ('estop', 'reset_fault', 'start', 'stop', 'start', 'stop')
    during = zip((50, 65, 80, 120, 130, 145), services, strict=True)
    path, others = tmp_path_factory.mktemp('walk') / 'bag', [('shadowed', model)]
    return model, record(path, model, commands=200, during=during, others=others)


def test_every_command_is_equal_also_across_a_fault_and_requests(walk):
    model, path = walk
    result = replayed(path, model, node='student_node')
    assert set(result.playback.mode.tolist()) == set(Mode)
    check_equal(result, 50)


def test_node_that_only_computed_is_replayed_from_the_same_recording(walk):
    model, path = walk
    result = replayed(path, model, node='shadowed')
    ran = result.playback.ran & result.playback.is_valid
    assert np.count_nonzero(ran) > 50
    np.testing.assert_array_equal(result.run.actions()[:][ran], result.playback.action[ran])


def test_recurrent_policy_is_equal(tmp_path, shared_data):
    name = 'unitree_rl_gym_g1_lstm'
    model, _, spec, _, robot = real_words(name, shared_data)
    scene = shared_data / 'robots' / 'g1_12dof' / 'g1_12dof.xml'
    path = record(tmp_path / 'bag', model, robot=robot, scene=scene, spec=spec)
    check_equal(replayed(path, model, robot, spec), 20)


SCAN = {'term': 'external', 'topic': '/scan', 'width': 4}
GOAL = {'term': 'external', 'topic': 'goal', 'width': 7, 'message': 'PoseStamped'}
ALONE = {
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


def record_alone(path, model):
    """Let a policy run, meet another publisher, stop; return both recordings, the bag first."""
    context = recording_context()
    topics = {**TYPES, 'scan': Float32MultiArray, 'goal': PoseStamped}
    recorder = DdsRecorder(context, topics=topics)
    robot = Robot(context)
    own = path.with_name(f'{path.name}_own')
    options = {'model': model, 'autostart': 'true', 'start_in': 'policy', 'record_to': own}
    options |= {**ALONE, **CONFLICT}
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
def runs(tmp_path_factory):
    """Record a run; return its model, and the recordings by who made them."""
    folder = tmp_path_factory.mktemp('run')
    model = write_policy(folder, *TERMS, SCAN, GOAL)
    whole, own = record_alone(folder / 'bag', model)
    return model, {'recorder': whole, 'node': own}


@pytest.mark.parametrize('recorder', ['recorder', 'node'])
def test_every_command_is_equal_with_external_topics_and_the_action_of_a_check(recorder, runs):
    model, recordings = runs
    result = replayed(recordings[recorder], model, parameters=ALONE)
    check_equal(result, 40)
    assert set(result.source.log.fault_action.tolist()) == {0, ACTION_NUMBERS['stop']}
    observed = result.run.observations()[:][result.playback.ran]
    assert len(np.unique(observed[:, 18:22], axis=0)) > 10
    assert not result.is_approximate
