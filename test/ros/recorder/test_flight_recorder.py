# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""What the black box keeps of a run, also of one in which the model changes."""

from __future__ import annotations

import itertools
import json
import signal
import time

from distill_runtime.cli.main import main
from distill_runtime.core.modes import Mode
from distill_runtime.data.bags.bag import Bag
from distill_runtime.data.info.bag_info import read_info
from distill_runtime.data.recording.policy_recording import read_policy_recording
from distill_runtime.data.replay.config import replay_config
from distill_runtime.data.replay.replay import replay
from distill_runtime.policy.model import load_policy
from distill_runtime.ros.recorder import flight_recorder as blackbox
from distill_runtime.wire.tick_fields import TICK_FIELDS
import numpy as np
import pytest
from rclpy.lifecycle import TransitionCallbackReturn
from rclpy.node import Node
from std_srvs.srv import Trigger
from support.recordings import read_recording
from support.ros_harness import LOCKSTEP, Robot, student, T0, TICK, values, wait_for
from support.ros_messages import twist_message
from support.ros_policies import TERMS
from support.ros_program import program
from support.student_variants import STUDENT
from support.swaps import Remote, sha256, walking, write_other

DEEP = {'length': 3, 'major': 'term', 'order': 'oldest_first', 'fill': 'first'}


@pytest.fixture(scope='module')
def deep(models):
    """Return a policy whose observation has 45 elements, where that of the first has 18."""
    return write_other(models / 'deep.onnx', 0.2, *TERMS[:-1], history=DEEP)


def dumps(folder):
    """Return the dumps that are complete, oldest first."""
    paths = folder.iterdir() if folder.is_dir() else ()
    return sorted(path for path in paths if not path.name.startswith('.'))


def only_dump(folder):
    return wait_for(lambda: dumps(folder), 'a dump')[0]


def content(path):
    """Return time and message of every message of a bag, by last part of the topic."""
    with Bag(path) as bag:
        return {topic.name.rpartition('/')[2]: list(bag.messages(topic)) for topic in bag.topics}


def boxed(ros, model, folder, **options):
    return student(ros, model, blackbox_dir=str(folder), **{**LOCKSTEP, **options})


def summary(rig):
    """Return the state of the black box in diagnostics."""
    return values(rig.diagnose())['blackbox']


def models_in(found):
    """Return time and hash of each ~/model."""
    return [(time_ns, values(message)['model_sha256']) for time_ns, message in found['model']]


def widths(found):
    """Return the number of elements of each observation, by time."""
    return {time_ns: len(message.data) for time_ns, message in found['observation']}


def assert_same_arrays(found, robot):
    """The observations and actions in a bag are those that were published, labels too."""
    for name, inbox in (('observation', robot.observations), ('action', robot.actions)):
        kept = [message for _, message in found[name]]
        wait_for(lambda inbox=inbox, kept=kept: len(inbox.messages) >= len(kept), f'each {name}')
        sent = inbox.messages[-len(kept) :]
        assert [m.data.tolist() for m in kept] == [list(m.data) for m in sent]
        assert [[(d.label, d.size) for d in m.layout.dim] for m in kept] == [
            [(d.label, d.size) for d in m.layout.dim] for m in sent
        ]


def dump(rig):
    """Return the content of a dump of now, whose arrays are those that were published."""
    success, path = rig.robot.call('dump')
    assert success, path
    assert_same_arrays(content(path), rig.robot)
    return content(path)


def test_fault_is_dumped_with_its_reason_and_what_led_to_it(ros, model, tmp_path):
    with boxed(ros, model, tmp_path) as rig:
        for number in range(20):
            rig.robot.tick(T0 + number * TICK)
        for number in range(20, 50):
            rig.robot.tick(T0 + number * TICK, quaternion=(0.0, 1.0, 0.0, 0.0))
        path = only_dump(tmp_path)
        text = wait_for(lambda: '1 dumps' in summary(rig) and summary(rig), 'the dump')
    assert 'tilt' in path.name
    assert str(path) in text
    found = content(path)
    assert len(found['tick']) == 50
    started, *_, fault = [message.status[0] for _, message in found['diagnostics']]
    assert started.message == 'policy'
    assert fault.level == 2
    assert values(fault)['reason'].startswith('tilt')


def test_dump_holds_exactly_what_was_received_published_and_computed(ros, model, tmp_path):
    with boxed(ros, model, tmp_path, publish_internals=True) as rig:
        robot = rig.robot
        sent = []
        for number in range(10):
            if number == 4:
                robot.cmd_vel.publish(twist_message(vx=0.5))
                assert robot.cmd_vel.wait_for_all_acked()
            sent.append(robot.tick(T0 + number * TICK, position=[number * 0.01] * 3))
        found = dump(rig)
        assert [m.data.tolist() for _, m in found['tick']] == [
            list(m.data) for m in robot.ticks.messages
        ]
    stamps = [T0 + number * TICK for number in range(10)]
    assert [time_ns for time_ns, _ in found['joint_command']] == stamps
    commands = [message.position.tolist() for _, message in found['joint_command']]
    assert commands == [list(message.position) for message in sent]
    states = [message.position[0] for _, message in found['joint_states']]
    assert states == pytest.approx([number * 0.01 for number in range(10)])
    assert len(found['target']) == len(found['command']) == 10
    ((sent_ns, _),) = found['cmd_vel']
    assert {int(message.data[4]) for _, message in found['tick'][4:]} == {sent_ns}
    facts = values(found['model'][0][1])
    assert facts['model_sha256'] == load_policy(model).sha256
    parameters = json.loads(facts['parameters'])
    assert (parameters['start_in'], parameters['checks.tilt.action']) == ('policy', '')
    assert json.loads(facts['spec'])['joints']
    recording = read_recording(only_dump(tmp_path))
    assert recording.joints.stamp_ns.tolist() == stamps


def test_other_services_and_diagnostics_go_on_while_a_dump_is_written(
    ros, model, tmp_path, monkeypatch
):
    with boxed(ros, model, tmp_path) as rig:
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
        refusal = (False, 'a dump is being written, ask again when it is there')
        assert rig.robot.call('dump') == refusal
        time.sleep(0.5)  # over which the load is measured
        share = (time.process_time() - busy[0]) / (time.monotonic() - busy[1])
        assert share < 0.6, 'the executor spins while it waits'
        assert not future.done()
        monkeypatch.undo()
        process.send(**commands[0])
        wait_for(future.done, 'the answer')
        assert future.result().success


def test_end_of_an_active_node_is_dumped_and_that_of_an_inactive_one_is_not(ros, model, tmp_path):
    with boxed(ros, model, tmp_path) as rig:
        rig.robot.tick(T0)
    assert only_dump(tmp_path).name.endswith('shutdown')
    with boxed(ros, model, tmp_path / 'inactive') as rig:
        rig.robot.tick(T0)
        assert rig.node.trigger_deactivate() == TransitionCallbackReturn.SUCCESS
        assert rig.node.trigger_cleanup() == TransitionCallbackReturn.SUCCESS
    assert dumps(tmp_path / 'inactive') == []


def test_process_that_dies_is_restarted_and_one_that_hangs_is_ended(
    ros, model, tmp_path, monkeypatch
):
    monkeypatch.setattr('distill_runtime.ros.recorder.process._PAUSE', 0.2)
    with boxed(ros, model, tmp_path) as rig:
        rig.robot.tick(T0)
        process = rig.node._recorder._process
        first = process._process
        first.kill()
        wait_for(lambda: process._process is not first, 'a new process')
        success, path = rig.robot.call('dump')
        assert success, path
        assert len(content(path)['tick']) == 1
        second = process._process
        second.send_signal(signal.SIGSTOP)
        process._patience = 0.5
        success, reason = rig.robot.call('dump')
        assert (success, 'hangs' in reason) == (False, True)
        process._patience = 30.0
        wait_for(lambda: process._process is not second, 'a new process')
        success, path = rig.robot.call('dump')
        assert success, path
        assert len(content(path)) > 3


def test_what_cannot_be_recorded_is_reported_or_refuses_the_configure(
    ros, model, tmp_path, monkeypatch
):
    with boxed(ros, model, tmp_path, is_active=False) as rig:
        assert rig.robot.call('dump')[1].startswith('nothing is kept: ')
        rig.configure()
        assert rig.robot.call('dump')[1].startswith('nothing is held yet: ')
    (tmp_path / 'file').write_text('')

    def refusal(**options):
        with boxed(ros, model, tmp_path, is_active=False, **options) as rig:
            assert rig.node.trigger_configure() == TransitionCallbackReturn.FAILURE
            return rig.node.refusal

    reason = refusal(record_to=str(tmp_path / 'file'))
    assert f'record_to {tmp_path}/file: File exists: make room' in reason
    monkeypatch.setattr(blackbox, 'find_spec', lambda name: None)
    assert "rosbags is not installed: pip install rosbags, or set record_to to ''" in refusal(
        record_to=str(tmp_path)
    )
    with boxed(ros, model, tmp_path) as rig:
        rig.robot.tick(T0)
        assert 'rosbags is not installed' in summary(rig)
        assert 'rosbags is not installed' in rig.robot.call('dump')[1]


@pytest.mark.parametrize(
    ('number', 'cause', 'status'),
    [(signal.SIGKILL, 'node_died', -9), (signal.SIGTERM, 'shutdown', 0)],
)
def test_end_of_the_process_leaves_a_dump_however_it_ends(
    ros, model, tmp_path, number, cause, status
):
    namespace = f'/p{time.monotonic_ns()}'
    options = {'model': model, 'autostart': True, 'blackbox_dir': tmp_path}
    options |= {**LOCKSTEP, 'checks.input_frozen.action': 'ignore'}
    with (
        ros.node(Node, 'robot', namespace=namespace) as node,
        program('-r', f'__ns:={namespace}', **options) as process,
    ):
        robot = Robot(node, 'student_node')
        # what is sent before the node has found the robot is lost
        with robot.feeding(period=0.05):
            wait_for(lambda: robot.commands.messages, 'the first command')
        last_ns = node.get_clock().now().nanoseconds + TICK
        robot.tick(last_ns)
        process.send_signal(number)
        assert process.wait(20) == status
        path = only_dump(tmp_path)
    assert path.name.endswith(cause)
    assert content(path)['tick'][-1][1].data[1] == last_ns


def test_dump_and_recording_replay_bit_for_bit_across_a_stop_and_a_fault(ros, tmp_path):
    options = {'record_to': str(tmp_path / 'runs'), 'position_limits': 'soft'}
    with boxed(ros, STUDENT, tmp_path / 'dumps', **options) as rig:
        spec = rig.node.loop_context.registry.active.policy.spec
        pose = np.array(spec.default_position)
        begin_ns = time.time_ns()  # a Twist is known by the moment at which it was sent
        rig.robot.cmd_vel.publish(twist_message(vx=0.5, yaw=0.2))
        level, fallen = (0.0, 0.0, 0.0, 1.0), (0.0, 1.0, 0.0, 0.0)
        for number in range(140):
            if number == 20:
                assert rig.robot.call('stop') == (True, 'policy to stopping')
            if number == 80:
                assert rig.robot.call('start') == (True, 'standby to policy')
            size = 0.01 if 40 <= number < 90 else 0.1
            rig.robot.tick(
                begin_ns + number * TICK,
                names=spec.joints,
                position=(pose + size * np.sin(number / 5 + np.arange(12))).tolist(),
                velocity=(size * np.cos(number / 5 + np.arange(12))).tolist(),
                quaternion=fallen if 100 <= number < 120 else level,
                rate=(0.1 * np.sin(number / 7), 0.0, 0.0),
            )
        column = TICK_FIELDS.index('mode')
        modes = [message.data[column] for message in rig.robot.ticks.messages]
        commands = [message.position for message in rig.robot.commands.messages]
        assert 'tilt' in only_dump(tmp_path / 'dumps').name
        assert 'recording to' in summary(rig)
        assert rig.robot.call('dump')[0]
    assert [mode for mode, _ in itertools.groupby(modes)] == [
        Mode.POLICY, Mode.STOPPING, Mode.STANDBY, Mode.POLICY, Mode.FAULT
    ]  # fmt: skip
    assert modes.count(Mode.STOPPING) == 50  # half a second to slow down, another to stand
    policy = load_policy(STUDENT)
    for path in (*dumps(tmp_path / 'dumps'), *dumps(tmp_path / 'runs')):
        source = read_policy_recording(path, policy)
        playback = replay(source, policy, replay_config(source.parameters)).playback
        count = len(playback.mode)
        assert count >= 100
        assert playback.reasons == {}
        assert playback.mode.tolist() == modes[:count]
        np.testing.assert_array_equal(playback.command, commands[:count])
    result = tmp_path / 'result.json'
    assert (
        main(['replay', str(path), str(STUDENT), '--json', str(result), '--tolerance', '0']) == 0
    )
    report = json.loads(result.read_text())
    assert (report['ticks'], report['invalid']) == (len(modes), 0)


def test_dump_holds_each_swap_and_what_each_model_saw(ros, model, deep, tmp_path):
    options = {'blackbox_dir': str(tmp_path), 'publish_internals': True}
    with walking(ros, model, **options) as (remote, walker):
        since = [T0]
        for path in (deep, model, deep):
            assert remote.set(model=path) == (True, '')
            found = remote.until_model('was set')
            wait_for(lambda path=path: remote.model()[1] == path.name, 'the model')
            since.append(int(remote.model()[2]['since_ns']))
            walker.steps(5)
        assert remote.call('rollback')[0]
        walker.steps(5)
        with walker.paused():
            found = dump(remote.rig)
    expected = [sha256(path) for path in (model, deep, model, deep, model)]
    assert [sha for _, sha in models_in(found)] == expected
    assert [time_ns for time_ns, _ in models_in(found)][:4] == since
    width = widths(found)
    assert {width[time_ns] for time_ns in width if time_ns < since[1]} == {18}
    assert {width[time_ns] for time_ns in width if since[1] <= time_ns < since[2]} == {45}
    facts = [values(message) for _, message in found['model']]
    assert facts[1]['why'] == 'parameter model was set'
    assert facts[1]['previous_sha256'] == sha256(model)
    assert facts[-1]['why'] == 'rolled back: rollback was called'


def test_dump_in_which_the_swap_was_overwritten_has_the_active_model(ros, model, deep, tmp_path):
    options = {'blackbox_dir': str(tmp_path), 'blackbox_seconds': 1.0, 'publish_internals': True}
    with walking(ros, model, **options) as (remote, walker):
        assert remote.set(model=deep) == (True, '')
        walker.steps(250)
        with walker.paused():
            found = dump(remote.rig)
    assert found['observation'][0][0] > T0
    assert [sha for _, sha in models_in(found)] == [sha256(deep)]
    assert len(found['observation']) >= 50, 'it holds what was asked for'


def test_swap_between_two_runs_is_in_the_dump_and_in_every_recording_after_it(
    ros, model, deep, tmp_path
):
    runs = tmp_path / 'runs'

    def recordings(count):
        """Return the recordings, oldest first, once that many are complete."""
        found = sorted(path.parent for path in runs.glob('*/metadata.yaml'))
        return found if len(found) == count else None

    options = {'record_to': str(runs), 'publish_internals': True, 'is_active': False}
    with boxed(ros, model, tmp_path / 'dumps', **options) as rig:
        remote = Remote(rig)
        rig.configure()
        for run in range(3):
            if run == 1:
                assert remote.set(model=deep) == (True, '')
            rig.activate()
            for number in range(100 * run, 100 * run + 5):
                rig.robot.tick(T0 + number * TICK)
            if run == 1:
                found = dump(rig)
            rig.node.trigger_deactivate()
            wait_for(lambda run=run: recordings(run + 1), 'the recording')
        recorded = [content(path) for path in recordings(3)]
        assert_same_arrays(recorded[2], rig.robot)
    assert [sha for _, sha in models_in(found)] == [sha256(model), sha256(deep)]
    assert [models_in(run) for run in recorded] == [
        [(T0, sha256(model))],
        [(T0 + 100 * TICK, sha256(deep))],
        [(T0 + 200 * TICK, sha256(deep))],
    ]
    assert [set(widths(run).values()) for run in recorded] == [{18}, {45}, {45}]


def test_dump_after_two_swaps_before_the_first_tick_begins_with_that_tick(
    ros, model, deep, tmp_path
):
    """Bug: the definition of the second model was stamped 0, and the dump began in 1970."""
    with boxed(ros, model, tmp_path, is_active=False, publish_internals=True) as rig:
        rig.configure()
        remote = Remote(rig)
        for path in (deep, model, deep):
            assert remote.set(model=path) == (True, '')
        rig.activate()
        for number in range(5):
            rig.robot.tick(T0 + number * TICK)
        found = dump(rig)
    assert min(time_ns for entries in found.values() for time_ns, _ in entries) == T0
    assert models_in(found) == [(T0, sha256(deep))]
    assert set(widths(found).values()) == {45}
    info = read_info(dumps(tmp_path)[0])
    assert (info.duration, info.is_valid) == (pytest.approx(4 * TICK * 1e-9), True)
