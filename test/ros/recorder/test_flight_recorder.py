# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from contextlib import contextmanager
import json
import signal
import time
from unittest.mock import Mock

from distill_runtime.cli.main import main
from distill_runtime.data.bags.bag import Bag
from distill_runtime.data.recording.policy_recording import read_policy_recording
from distill_runtime.data.replay.config import replay_config
from distill_runtime.data.replay.replay import replay
from distill_runtime.policy.model import load_policy
from distill_runtime.ros.recorder import flight_recorder as blackbox
from distill_runtime.share import share_path
from distill_runtime.wire.tick_fields import TICK_FIELDS
from geometry_msgs.msg import Twist
import numpy as np
import pytest
from rclpy.lifecycle import TransitionCallbackReturn
from rclpy.node import Node
from std_msgs.msg import Bool
from std_srvs.srv import Trigger
from support.bags import read_topic
from support.ros_harness import LOCKSTEP, Robot, student, T0, TICK, values, wait_for
from support.ros_program import parameters, program

WALKING = share_path() / 'models' / 'quadruped_student.onnx'


def dumps(folder):
    """Return the dumps that are complete, oldest first."""
    paths = folder.iterdir() if folder.is_dir() else ()
    return sorted(path for path in paths if not path.name.startswith('.'))


def only_dump(folder):
    return wait_for(lambda: dumps(folder), 'a dump')[0]


def content(path):
    """Return time and message of every message of a bag, by topic."""
    with Bag(path) as bag:
        return {topic.name: list(bag.messages(topic)) for topic in bag.topics}


def boxed(ros, model, folder, **options):
    return student(ros, model, blackbox_dir=str(folder), **options)


def test_fault_is_dumped_with_its_reason_and_what_led_to_it(ros, model, tmp_path):
    with boxed(ros, model, tmp_path, **LOCKSTEP) as rig:
        for number in range(20):
            rig.robot.tick(T0 + number * TICK)
        for number in range(20, 50):
            rig.robot.tick(T0 + number * TICK, quaternion=(0.0, 1.0, 0.0, 0.0))
        path = only_dump(tmp_path)
        name = rig.node.get_fully_qualified_name()
        summary = wait_for(lambda: '1 dumps' in blackbox_of(rig) and blackbox_of(rig), 'the dump')
    assert 'tilt' in path.name
    assert str(path) in summary
    found = content(path)
    stamps = [message.data[1] for _, message in found[f'{name}/tick']]
    assert stamps == [T0 + number * TICK for number in range(len(stamps))]
    assert len(stamps) > 20, 'with what came after the fault'
    started, *_, fault = [message.status[0] for _, message in found['/diagnostics']]
    assert started.message == 'policy'
    assert fault.level == 2
    assert values(fault)['reason'].startswith('tilt')


def blackbox_of(rig):
    return values(rig.diagnose())['blackbox']


def test_dump_holds_exactly_what_was_received_published_and_computed(ros, model, tmp_path):
    with boxed(ros, model, tmp_path, publish_internals=True, **LOCKSTEP) as rig:
        robot = rig.robot
        sent = []
        for number in range(10):
            if number == 4:
                twist = Twist()
                twist.linear.x = 0.5
                robot.cmd_vel.publish(twist)
                assert robot.cmd_vel.wait_for_all_acked()
            sent.append(robot.tick(T0 + number * TICK, position=[number * 0.01] * 3))
        success, path = robot.call('dump')
        assert success, path
        wait_for(lambda: len(robot.actions.messages) == 10, 'all actions')
        found = content(path)
        namespace = rig.node.get_namespace()
        name = rig.node.get_fully_qualified_name()
    command = found[f'{namespace}/joint_command']
    assert [time_ns for time_ns, _ in command] == [T0 + n * TICK for n in range(10)]
    assert [m.position.tolist() for _, m in command] == [list(m.position) for m in sent]
    for topic, inbox in (
        ('tick', robot.ticks), ('observation', robot.observations), ('action', robot.actions),
    ):  # fmt: skip
        kept = [message for _, message in found[f'{name}/{topic}']]
        assert [m.data.tolist() for m in kept] == [list(m.data) for m in inbox.messages]
        labels = [[(d.label, d.size) for d in m.layout.dim] for m in (kept[0], inbox.messages[0])]
        assert labels[0] == labels[1]
    states = [message for _, message in found[f'{namespace}/joint_states']]
    assert [m.position[0] for m in states] == pytest.approx([n * 0.01 for n in range(10)])
    assert len(found[f'{name}/target']) == len(found[f'{name}/command']) == 10
    ticks = [message.data for _, message in found[f'{name}/tick']]
    ((sent_ns, _),) = found[f'{namespace}/cmd_vel']
    assert {int(tick[4]) for tick in ticks[4:]} == {sent_ns}
    (_, status) = found[f'{name}/model'][0]
    facts = {entry.key: entry.value for entry in status.values}
    assert facts['model_sha256'] == load_policy(model).sha256


def test_other_services_and_diagnostics_go_on_while_a_dump_is_written(
    ros, model, tmp_path, monkeypatch
):
    with boxed(ros, model, tmp_path, **LOCKSTEP) as rig:
        rig.robot.tick(T0)
        process = rig.node._recorder._process
        commands = []
        monkeypatch.setattr(process, 'send', lambda **values: commands.append(values))
        client = rig.robot.node.create_client(Trigger, f'{rig.robot.student}/dump')
        assert client.wait_for_service(10.0)
        future = client.call_async(Trigger.Request())
        wait_for(lambda: commands, 'the request')
        busy = time.process_time(), time.monotonic()
        assert rig.robot.call('stop')[0]
        assert rig.diagnose()
        success, reason = rig.robot.call('dump')
        assert (success, reason) == (False, 'a dump is being written, ask again when it is there')
        time.sleep(0.5)
        share = (time.process_time() - busy[0]) / (time.monotonic() - busy[1])
        assert share < 0.6, 'the executor spins while it waits'
        assert not future.done()
        monkeypatch.undo()
        process.send(**commands[0])
        wait_for(future.done, 'the answer')
        assert future.result().success


def test_dump_or_recording_is_refused_with_the_reason(ros, model, tmp_path):
    with boxed(ros, model, tmp_path, is_active=False) as rig:
        success, reason = rig.robot.call('dump')
        assert (success, reason.partition(':')[0]) == (False, 'nothing is kept')
        rig.configure()
        success, reason = rig.robot.call('dump')
        assert (success, reason.partition(':')[0]) == (False, 'nothing is held yet')
    (tmp_path / 'file').write_text('')
    with boxed(ros, model, tmp_path / 'file' / 'dumps', **LOCKSTEP) as rig:
        rig.robot.tick(T0)
        success, reason = rig.robot.call('dump')
        assert not success
        assert 'Not a directory' in reason
        assert 'Not a directory' in blackbox_of(rig)
    with boxed(ros, model, tmp_path, is_active=False, record_to=str(tmp_path / 'file')) as rig:
        assert rig.node.trigger_configure() == TransitionCallbackReturn.FAILURE
        assert f'record_to {tmp_path}/file: File exists: make room' in rig.node.refusal


def test_end_of_an_inactive_node_is_not_dumped(ros, model, tmp_path):
    with boxed(ros, model, tmp_path, **LOCKSTEP) as rig:
        rig.robot.tick(T0)
        assert rig.node.trigger_deactivate() == TransitionCallbackReturn.SUCCESS
        assert rig.node.trigger_cleanup() == TransitionCallbackReturn.SUCCESS
    assert dumps(tmp_path) == []


def test_process_that_hangs_is_ended_and_started_again(ros, model, tmp_path, monkeypatch):
    monkeypatch.setattr('distill_runtime.ros.recorder.process._PAUSE', 0.2)
    with boxed(ros, model, tmp_path, **LOCKSTEP) as rig:
        rig.robot.tick(T0)
        process = rig.node._recorder._process
        first = process._process
        wait_for(lambda: process.ring.heartbeat_ns, 'a sign of life')
        first.send_signal(signal.SIGSTOP)
        process._patience = 0.5
        success, reason = rig.robot.call('dump')
        assert not success
        assert 'hangs' in reason
        process._patience = 30.0
        wait_for(lambda: process._process is not first, 'a new process')
        success, path = rig.robot.call('dump')
        assert success, path
        assert len(content(path)) > 3


def test_node_without_rosbags_runs_and_reports_that_nothing_is_recorded(
    ros, model, tmp_path, monkeypatch
):
    monkeypatch.setattr(blackbox, 'find_spec', lambda name: None)
    with boxed(ros, model, tmp_path, **LOCKSTEP) as rig:
        rig.robot.tick(T0)
        assert 'rosbags is not installed' in blackbox_of(rig)
        assert 'rosbags is not installed' in rig.robot.call('dump')[1]
    with boxed(ros, model, tmp_path, is_active=False, record_to=str(tmp_path)) as rig:
        assert rig.node.trigger_configure() == TransitionCallbackReturn.FAILURE
        assert 'record_to' in rig.node.refusal


def test_estop_and_crash_of_the_control_loop_are_dumped(ros, model, tmp_path, monkeypatch):
    with boxed(ros, model, tmp_path, **LOCKSTEP) as rig:
        rig.robot.tick(T0)
        publisher = rig.robot.node.create_publisher(Bool, 'estop', 10)
        wait_for(lambda: publisher.get_subscription_count() == 1, 'the subscription')
        publisher.publish(Bool(data=True))
        assert publisher.wait_for_all_acked()
        rig.robot.tick(T0 + TICK)
        path = only_dump(tmp_path)
        crash = Mock(side_effect=RuntimeError('unforeseen'))
        monkeypatch.setattr(rig.node._loop_context.runner, 'step', crash)
        rig.robot.publish(T0 + 2 * TICK)
        _, after_crash = wait_for(lambda: len(dumps(tmp_path)) == 2 and dumps(tmp_path), 'a dump')
    ((time_ns, message),) = read_topic(path, '/estop')
    assert (time_ns, message.data) == (T0 + TICK, True)
    assert 'loop.crashed' in after_crash.name


def test_recording_holds_every_tick_from_activate_to_deactivate(ros, model, tmp_path):
    options = {'record_to': str(tmp_path), 'blackbox_seconds': 5.0, **LOCKSTEP}
    with student(ros, model, **options) as rig:
        for number in range(200):
            rig.robot.tick(T0 + number * TICK)
        name = rig.node.get_fully_qualified_name()
        assert 'recording to' in blackbox_of(rig)
        assert rig.node.trigger_deactivate() == TransitionCallbackReturn.SUCCESS
        path = only_dump(tmp_path)
        wait_for((path / 'metadata.yaml').is_file, 'the recording')
    found = content(path)
    assert [message.data[1] for _, message in found[f'{name}/tick']] == [
        T0 + number * TICK for number in range(200)
    ]
    assert len(found[f'{name}/action']) == 200
    assert len(found[f'{name}/model']) == 1


@contextmanager
def node_process(ros, model, folder):
    """Run student_node as a process, with a robot."""
    namespace = f'/p{time.monotonic_ns()}'
    frozen = {'checks.input_frozen.action': 'ignore'}
    words = parameters(model=model, autostart='true', blackbox_dir=folder, **LOCKSTEP, **frozen)
    with (
        program('-r', f'__ns:={namespace}', *words) as process,
        ros.node(Node, 'robot', namespace=namespace) as node,
    ):
        robot = Robot(node, 'student_node')

        def is_heard():
            """Publish again: what is sent before the node has found the robot is lost."""
            robot.publish(T0)
            time.sleep(0.05)
            return robot.commands.messages

        wait_for(is_heard, 'the first command')
        yield process, robot


@pytest.mark.parametrize(
    ('number', 'cause', 'status'),
    [(signal.SIGKILL, 'node_died', -9), (signal.SIGTERM, 'shutdown', 0)],
)
def test_end_of_the_process_leaves_a_dump_however_it_ends(
    ros, model, tmp_path, number, cause, status
):
    with node_process(ros, model, tmp_path) as (process, robot):
        for tick in range(10):
            robot.tick(T0 + tick * TICK)
        process.send_signal(number)
        assert process.wait(20) == status
        path = only_dump(tmp_path)
    assert path.name.endswith(cause)
    # a tick sends its command, then it is recorded: a kill may come in between
    last_ns = read_topic(path, '/tick')[-1][1].data[1]
    assert last_ns in (T0 + 9 * TICK, T0 + 8 * TICK if status else None)


@contextmanager
def walking(ros, folder):
    """Run the shipped student with dumps and a recording; give what sends it a tick."""
    options = {**LOCKSTEP, 'record_to': str(folder / 'runs')}
    with boxed(ros, WALKING, folder / 'dumps', **options) as rig:
        spec = rig.node._loop_context.registry.active.policy.spec

        def tick(number, start_ns, size, **fields):
            phase = number / 5 + np.arange(12)
            rig.robot.tick(
                start_ns + number * TICK,
                names=spec.joints,
                position=(np.array(spec.default_position) + size * np.sin(phase)).tolist(),
                velocity=(size * np.cos(phase)).tolist(),
                rate=(0.1 * np.sin(number / 7), 0.0, 0.0),
                **fields,
            )

        yield rig, tick


def recordings(folder):
    return [*dumps(folder / 'dumps'), *dumps(folder / 'runs')]


def test_dump_and_recording_replay_bit_for_bit_across_a_stop_in_walking(ros, tmp_path):
    with walking(ros, tmp_path) as (rig, tick):
        begin_ns = time.time_ns()  # a Twist is known by the moment at which it was sent
        twist = Twist()
        twist.linear.x, twist.angular.z = 0.5, 0.2
        rig.robot.cmd_vel.publish(twist)
        for number in range(120):
            if number == 20:
                assert rig.robot.call('stop') == (True, 'policy to stopping')
            tick(number, begin_ns, 0.1 if number < 40 else 0.01)
        column = TICK_FIELDS.index('mode')
        modes = [message.data[column] for message in rig.robot.ticks.messages]
        commands = [message.position for message in rig.robot.commands.messages]
        assert rig.robot.call('dump')[0]
    changes = np.flatnonzero(np.diff(modes))
    assert [modes[index] for index in (*changes, -1)] == [2, 4, 1]
    assert modes.count(4) == 50  # half a second to slow down, and another to see it stand
    policy = load_policy(WALKING)
    for path in recordings(tmp_path):
        source = read_policy_recording(path, policy)
        playback = replay(source, policy, replay_config(source.parameters)).playback
        assert playback.reasons == {}
        assert playback.mode.tolist() == modes
        np.testing.assert_array_equal(playback.command, commands)


def test_dump_and_recording_replay_bit_for_bit_across_a_fault(ros, tmp_path):
    level, fallen = (1.0, 0.0, 0.0, 0.0), (0.0, 1.0, 0.0, 0.0)
    with walking(ros, tmp_path) as (rig, tick):
        for number in range(120):
            tick(number, T0, 0.1, quaternion=fallen if 60 <= number < 90 else level)
        assert 'tilt' in only_dump(tmp_path / 'dumps').name
        assert rig.robot.call('dump')[0]
    for path in recordings(tmp_path):
        result = tmp_path / 'result.json'
        words = ['replay', str(path), str(WALKING), '--json', str(result), '--tolerance', '0']
        assert main(words) == 0, path
        report = json.loads(result.read_text())
        assert report['ticks'] >= 60
        assert report['invalid'] == 0
