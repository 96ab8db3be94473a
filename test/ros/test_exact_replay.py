# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""A run over DDS in real time, recorded and replayed: the same commands, bit for bit."""

from __future__ import annotations

from distill_runtime.core.modes import Mode
from distill_runtime.data.recording.policy_recording import read_policy_recording
from distill_runtime.data.replay.config import replay_config
from distill_runtime.data.replay.replay import replay
from distill_runtime.policy.model import load_policy
from distill_runtime.share import share_path
from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState
import numpy as np
import pytest
import rclpy
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from std_srvs.srv import Trigger
from support.dds_recorder import DdsRecorder, recording_context
from support.real_policies import real_words
from support.ros_harness import wait_for
from support.ros_program import start

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


def replayed(path, model, robot='', spec='', **options):
    policy = load_policy(model, spec, robot)
    return replay(read_policy_recording(path, policy, **options), policy, replay_config(RUNNER))


def check_equal(result, min_ticks):
    """Every tick is known, and what was recorded of it is what the replay gives."""
    playback = result.playback
    assert playback.is_valid.all(), playback.reasons
    commands = result.recorded_commands()
    is_sent = np.isfinite(commands).all(axis=1)
    np.testing.assert_array_equal(is_sent, playback.sends)
    assert np.count_nonzero(is_sent) >= min_ticks
    np.testing.assert_array_equal(result.commands[is_sent], commands[is_sent])
    for recorded, own in (
        (result.recorded_observations(), playback.observation),
        (result.recorded_actions(), playback.action),
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
    np.testing.assert_array_equal(result.recorded_actions()[:][ran], result.playback.action[ran])


def test_recurrent_policy_is_equal(tmp_path, shared_data):
    name = 'unitree_rl_gym_g1_lstm'
    model, _, spec, _, robot = real_words(name, shared_data)
    scene = shared_data / 'robots' / 'g1_12dof' / 'g1_12dof.xml'
    path = record(tmp_path / 'bag', model, robot=robot, scene=scene, spec=spec)
    check_equal(replayed(path, model, robot, spec), 20)
