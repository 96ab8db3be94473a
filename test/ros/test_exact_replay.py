# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""A run over DDS in real time, recorded and replayed: the same commands, bit for bit."""

from __future__ import annotations

import subprocess
import sys
import time

from distill_runtime.core.modes import Mode
from distill_runtime.data.replay import replay
from distill_runtime.data.replay_config import replay_config
from distill_runtime.data.source import read_source
from distill_runtime.policy.model import load_policy
from distill_runtime.share import share_path
import numpy as np
import pytest
import rclpy
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from std_srvs.srv import Trigger
from support.dds_recorder import DdsRecorder, recording_context
from support.real_policies import real_words
from support.ros_harness import wait_for

# a machine that is busy with other tests makes the robot fall, which must not end the run
RUNNER = {
    'fault_action': 'hold',
    'stop_timeout': 1.5,
    'max_input_age': 5.0,
    'tilt_limit': 0.0,
    'start_tilt_limit': 0.0,
    'start_pose_limit': 0.0,
    'checks.missed_deadlines.action': 'warn',
}
PARAMETERS = {'autostart': 'true', 'start_in': 'policy', 'publish_internals': 'true', **RUNNER}


def start(module, *rules, **parameters):
    words = [f'{name}:={value}' for name, value in parameters.items() if value != '']
    arguments = [part for word in words for part in ('-p', word)]
    remaps = [part for rule in rules for part in ('-r', rule)]
    return subprocess.Popen(
        [sys.executable, '-m', f'distill_runtime.ros.{module}', '--ros-args', *arguments, *remaps],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


class Caller:
    """Calls services of student_node."""

    def __init__(self, context):
        self._node = Node('caller', context=context)
        self._executor = SingleThreadedExecutor(context=context)
        self._executor.add_node(self._node)

    def call(self, service):
        client = self._node.create_client(Trigger, f'/student_node/{service}')
        assert client.wait_for_service(20.0)
        future = client.call_async(Trigger.Request())
        self._executor.spin_until_future_complete(future, timeout_sec=20.0)
        return future.result()

    def close(self):
        self._executor.shutdown()
        self._node.destroy_node()


def record(path, model, robot='', scene='', seconds=5.0, during=(), others=(), spec=''):
    """Let a policy walk; return the recording.

    Args:
        path: Of the recording.
        model, robot, scene, spec: Of the policy.
        seconds: How long.
        during: Pairs of time in s and the service to call then.
        others: More nodes as pairs of name and model, in shadow.
    """
    context = recording_context()
    recorder = DdsRecorder(context, ('student_node', *(name for name, _ in others)))
    caller = Caller(context)
    policy = {'model': model, 'robot': robot, 'spec': spec}
    processes = [start('student_node', **policy, **PARAMETERS)]
    processes += [
        start('student_node', f'__node:={name}', model=other, shadow='true', **PARAMETERS)
        for name, other in others
    ]
    names = ['student_node', *(name for name, _ in others)]
    wait_for(lambda: recorder.has_heard(*(f'/{name}/tick' for name in names)), 'the first ticks')
    simulator = start(
        'sim_node',
        **policy,
        scene=scene,
        seconds=seconds,
        velocity_command='[0.5, 0.0, 0.0]',
    )
    try:
        wait_for(lambda: recorder.has_heard('/joint_command'), 'the first command')
        begin = time.monotonic()
        for moment, service in during:
            time.sleep(max(0.0, begin + moment - time.monotonic()))
            assert (answer := caller.call(service)).success, answer.message
        simulator.communicate(timeout=60)
    finally:
        simulator.kill()
        for process in processes:
            process.terminate()
        said = [process.communicate(timeout=20)[0] for process in processes]
        caller.close()
        recorder.stop(path)
        rclpy.shutdown(context=context)
    assert [process.returncode for process in processes] == [0] * len(processes), said
    return path


def replayed(path, model, robot='', spec='', **options):
    policy = load_policy(model, spec, robot)
    return replay(read_source(path, policy, **options), policy, replay_config(RUNNER))


def recorded_whole(folder, model, **options):
    """Record until nothing is missing: a recorder that DDS matches late lacks the beginning."""
    policy = {name: options.get(name, '') for name in ('robot', 'spec')}
    for attempt in range(3):
        path = record(folder / f'bag_{attempt}', model, **options)
        reasons = replayed(path, model, node='student_node', **policy).playback.reasons
        if not any(code.endswith(('.not_recorded', '.unknown')) for code in reasons):
            return path
    pytest.skip(f'the recorder lost messages three times, the machine is too busy: {reasons}')


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
    during = [
        (2.0, 'estop'),
        (2.5, 'reset_fault'),
        (3.0, 'start'),
        (4.5, 'stop'),
        (5.0, 'start'),
        (5.5, 'stop'),
    ]
    folder, others = tmp_path_factory.mktemp('walk'), [('shadowed', model)]
    return model, recorded_whole(folder, model, seconds=7.0, during=during, others=others)


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
    path = recorded_whole(tmp_path, model, robot=robot, scene=scene, seconds=6.0, spec=spec)
    check_equal(replayed(path, model, robot, spec), 20)
