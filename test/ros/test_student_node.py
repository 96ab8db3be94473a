# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""student_node: lifecycle, names, and several nodes in one process."""

from __future__ import annotations

import gc
import os
from pathlib import Path

from distill_runtime.core.runner import PolicyRunner
from distill_runtime.data.bags.bag import Bag
from geometry_msgs.msg import Twist
from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState, GetState
import pytest
from rclpy.lifecycle import TransitionCallbackReturn
from rclpy.parameter import Parameter
from sensor_msgs.msg import Imu, JointState
from support.ros_harness import Inbox, LOCKSTEP, PATIENCE, student, T0, TICK, values, wait_for
from support.ros_messages import imu_message, joint_message, nanoseconds
from support.ros_policies import write_policy

INPUTS = ('joint_states', 'imu', 'cmd_vel')
SERVICES = ('start', 'stop', 'estop', 'reset_fault')
POSE = (0.3, 0.2, 0.1)


def cycle(rig, *transitions):
    """Go through transitions, each of which must succeed; return the last state."""
    for transition in transitions:
        result = getattr(rig.node, f'trigger_{transition}')()
        assert result == TransitionCallbackReturn.SUCCESS, rig.node.refusal
    return rig.state()


def test_life_can_be_lived_twice_by_services_and_topics_exist_while_it_is_configured(ros, model):
    with student(ros, model, is_active=False, **LOCKSTEP) as rig:
        change = rig.robot.node.create_client(ChangeState, 'student_node/change_state')
        get = rig.robot.node.create_client(GetState, 'student_node/get_state')
        count = rig.node.count_subscribers

        def ask(client, request):
            assert client.wait_for_service(PATIENCE)
            future = client.call_async(request)
            wait_for(future.done)
            return future.result()

        def go(transition, state):
            request = ChangeState.Request(transition=Transition(id=transition))
            assert ask(change, request).success
            assert ask(get, GetState.Request()).current_state.label == state

        for start in (T0, T0 + 10 * TICK):
            assert [count(topic) for topic in INPUTS] == [0, 0, 0]
            go(Transition.TRANSITION_CONFIGURE, 'inactive')
            assert [count(topic) for topic in (*INPUTS, 'odom')] == [1, 1, 1, 0]
            assert rig.node.count_publishers('joint_command') == 1
            for service in SERVICES:
                assert rig.robot.call(service) == (False, 'node is not active')
            go(Transition.TRANSITION_ACTIVATE, 'active')
            assert rig.robot.tick(start).position
            go(Transition.TRANSITION_DEACTIVATE, 'inactive')
            go(Transition.TRANSITION_ACTIVATE, 'active')
            assert values(rig.diagnose())['joint_states_age_s'] == 'never received'
            assert rig.robot.tick(start + TICK).position
            go(Transition.TRANSITION_DEACTIVATE, 'inactive')
            go(Transition.TRANSITION_CLEANUP, 'unconfigured')
            wait_for(lambda: [count(topic) for topic in INPUTS] == [0, 0, 0])
            wait_for(lambda: not rig.node.count_publishers('joint_command'))


@pytest.mark.parametrize('transitions', [[], ['configure'], ['configure', 'activate']])
def test_shutdown_is_possible_from_every_state_and_ends_the_commands(ros, model, transitions):
    with student(ros, model, is_active=False, **LOCKSTEP) as rig:
        assert cycle(rig, *transitions, 'shutdown') == 'finalized'
        wait_for(lambda: not rig.node.count_publishers('joint_command'))
        wait_for(lambda: not rig.node.count_subscribers('joint_states'))


def test_parameters_are_frozen_from_configure_to_cleanup_but_for_the_live_ones(ros, model):
    with student(ros, model, is_active=False) as rig:

        def change(name, value):
            (result,) = rig.node.set_parameters([Parameter(name, value=value)])
            return result.successful, result.reason

        assert change('ramp_time', 3) == (True, '')
        assert change('ramp_time', 'long') == (False, "ramp_time is 'long', expected float")
        rig.configure()
        frozen = 'read at configure: clean up, set it, configure again'
        assert change('ramp_time', 4.0) == (False, f'ramp_time is {frozen}')
        assert change('checks.tilt.debounce', 1.0) == (False, f'checks.tilt.debounce is {frozen}')
        assert change('publish_internals', True) == (True, '')
        cycle(rig, 'cleanup')
        assert change('ramp_time', 4.0) == (True, '')


def test_trigger_may_change_between_two_configures(ros, model):
    """Bug: the QoS of the first configure held on as parameters."""
    with student(ros, model, is_active=False, start_in='policy') as rig:
        for trigger, kind in (('timer', 'BEST_EFFORT'), ('joint_states', 'RELIABLE')) * 2:
            rig.node.set_parameters([Parameter('trigger', value=trigger)])
            rig.configure()
            (info,) = rig.node.get_subscriptions_info_by_topic('joint_states')
            assert info.qos_profile.reliability.name == kind
            cycle(rig, 'cleanup')


def test_parameter_that_is_unknown_is_named_in_the_log(ros, model, capfd):
    with student(ros, model, is_active=False, modle='x'):
        pass
    text = capfd.readouterr().err
    assert 'parameter modle (is model meant?) is unknown and without effect' in text
    assert text.count('is unknown') == 1


def test_crash_of_the_loop_gives_the_fault_action_and_is_reported(ros, model, monkeypatch, capfd):
    with student(ros, model, **LOCKSTEP) as rig:
        rig.robot.tick(T0, position=POSE)

        def crash(self, sensors, stamp_ns):
            monkeypatch.undo()
            raise ZeroDivisionError('by chance')

        monkeypatch.setattr(PolicyRunner, 'step', crash)
        rig.robot.publish(T0 + TICK, position=POSE)
        status = rig.until_reason('loop.crashed: ZeroDivisionError: by chance')
        assert status.level == b'\x02'
        wait_for(lambda: rig.robot.commands.messages[-1].position.tolist() == list(POSE))
        answer = (False, 'loop.crashed: ZeroDivisionError: by chance')
        assert rig.robot.call('start') == answer
        cycle(rig, 'deactivate', 'activate')
        rig.robot.tick(T0 + 2 * TICK)
    assert 'Traceback' in capfd.readouterr().err


def test_crash_before_the_first_tick_is_dumped_with_the_time_when_it_happened(
    ros, model, tmp_path, monkeypatch
):
    def crash(self, sensors, stamp_ns):
        monkeypatch.undo()
        raise ZeroDivisionError('by chance')

    with student(ros, model, blackbox_dir=str(tmp_path), **LOCKSTEP) as rig:
        monkeypatch.setattr(PolicyRunner, 'step', crash)
        rig.robot.publish(T0)
        path = wait_for(lambda: [*tmp_path.glob('*_loop.crashed')], 'the dump')[0]
    with Bag(path) as bag:
        times = {time_ns for topic in bag.topics for time_ns, _ in bag.messages(topic)}
    assert times == {T0}


def test_lifecycles_leak_nothing(ros, models):
    model = write_policy(models, name='leak.onnx')
    page = os.sysconf('SC_PAGE_SIZE')

    def resident():
        gc.collect()
        return int(Path('/proc/self/statm').read_text().split()[1]) * page

    def mapped():
        return Path('/proc/self/maps').read_text().count('/dev/shm/')

    with student(ros, model, is_active=False, **LOCKSTEP) as rig:
        steps = ('configure', 'activate', 'deactivate', 'cleanup')
        for _ in range(5):
            cycle(rig, *steps)
        memory, segments = resident(), mapped()
        parameters = len(rig.node._parameters)
        for _ in range(20):
            cycle(rig, *steps)
        assert resident() - memory < 4e6
        assert mapped() <= segments
        assert len(rig.node._parameters) == parameters


def test_topics_and_services_lie_in_the_namespace(ros, model):
    with student(ros, model, namespace='/left/leg', node_name='brain', **LOCKSTEP) as rig:
        topics = dict(rig.node.get_topic_names_and_types())
        for topic in (*INPUTS, 'joint_command', 'brain/tick'):
            assert f'/left/leg/{topic}' in topics
        services = dict(rig.node.get_service_names_and_types())
        for service in SERVICES:
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


def test_node_that_is_destroyed_while_it_is_active_ends_with_the_fault_action(ros, model):
    for _ in range(2):
        with student(ros, model, **LOCKSTEP) as rig:
            rig.robot.tick(T0, position=POSE)
            loop = rig.node._loop
        assert not loop._thread.is_alive()
        assert gc.isenabled()
    with student(ros, model, **LOCKSTEP) as rig:
        rig.robot.tick(T0, position=POSE)
        rig.node._stop_loop()
        wait_for(lambda: rig.robot.commands.messages[-1].position.tolist() == list(POSE))
