# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import gc
import os
from pathlib import Path

from distill_runtime.core.runner import PolicyRunner
from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState, GetState
import pytest
from rclpy.lifecycle import TransitionCallbackReturn
from rclpy.parameter import Parameter
from support.ros_harness import LOCKSTEP, student, T0, TICK, values, wait_for
from support.ros_policies import write_policy

SUCCESS = TransitionCallbackReturn.SUCCESS
FAILURE = TransitionCallbackReturn.FAILURE


def cycle(rig, transitions):
    """Go through transitions, each of which must succeed; return the states."""
    states = []
    for transition in transitions:
        assert getattr(rig.node, f'trigger_{transition}')() == SUCCESS, rig.node.refusal
        states.append(rig.state())
    return states


def test_whole_life_can_be_lived_twice(ros, model):
    with student(ros, model, is_active=False, **LOCKSTEP) as rig:
        for start in (T0, T0 + 10 * TICK):
            assert cycle(rig, ['configure', 'activate']) == ['inactive', 'active']
            assert rig.robot.tick(start).position
            assert cycle(rig, ['deactivate', 'activate']) == ['inactive', 'active']
            assert rig.robot.tick(start + TICK).position
            assert cycle(rig, ['deactivate', 'cleanup']) == ['inactive', 'unconfigured']
        assert cycle(rig, ['shutdown']) == ['finalized']


@pytest.mark.parametrize('transitions', [[], ['configure'], ['configure', 'activate']])
def test_shutdown_is_possible_from_every_state_and_ends_the_commands(ros, model, transitions):
    with student(ros, model, is_active=False, **LOCKSTEP) as rig:
        assert cycle(rig, [*transitions, 'shutdown'])[-1] == 'finalized'
        wait_for(lambda: not rig.node.count_publishers('joint_command'))
        wait_for(lambda: not rig.node.count_subscribers('joint_states'))


def test_topics_exist_from_configure_to_cleanup(ros, model):
    topics = ('joint_states', 'imu', 'cmd_vel')
    with student(ros, model, is_active=False) as rig:
        count = rig.node.count_subscribers
        assert [count(topic) for topic in topics] == [0, 0, 0]
        rig.configure()
        assert [count(topic) for topic in topics] == [1, 1, 1]
        assert count('odom') == 0
        assert rig.node.count_publishers('joint_command') == 1
        cycle(rig, ['cleanup'])
        wait_for(lambda: [count(topic) for topic in topics] == [0, 0, 0])
        wait_for(lambda: not rig.node.count_publishers('joint_command'))


def test_transitions_and_states_are_offered_as_services(ros, model):
    with student(ros, model, is_active=False, **LOCKSTEP) as rig:
        change = rig.robot.node.create_client(ChangeState, 'student_node/change_state')
        get = rig.robot.node.create_client(GetState, 'student_node/get_state')

        def ask(client, request):
            assert client.wait_for_service(20.0)
            future = client.call_async(request)
            wait_for(future.done)
            return future.result()

        for transition, state in (
            (Transition.TRANSITION_CONFIGURE, 'inactive'),
            (Transition.TRANSITION_ACTIVATE, 'active'),
            (Transition.TRANSITION_DEACTIVATE, 'inactive'),
            (Transition.TRANSITION_CLEANUP, 'unconfigured'),
        ):
            request = ChangeState.Request(transition=Transition(id=transition))
            assert ask(change, request).success
            assert ask(get, GetState.Request()).current_state.label == state


def test_services_answer_that_the_node_is_not_active(ros, model):
    with student(ros, model, is_active=False) as rig:
        rig.configure()
        for service in ('start', 'stop', 'estop', 'reset_fault'):
            assert rig.robot.call(service) == (False, 'node is not active')


def test_parameters_are_frozen_from_configure_to_cleanup_but_for_the_live_ones(ros, model):
    with student(ros, model, is_active=False) as rig:

        def change(name, value):
            (result,) = rig.node.set_parameters([Parameter(name, value=value)])
            return result.successful, result.reason

        assert change('ramp_time', 3) == (True, '')
        assert change('ramp_time', 'long') == (False, "ramp_time is 'long', expected float")
        assert not change('decimation', 0)[0]
        rig.configure()
        frozen = 'ramp_time is read at configure: clean up, set it, configure again'
        assert change('ramp_time', 4.0) == (False, frozen)
        assert change('publish_internals', True) == (True, '')
        cycle(rig, ['cleanup'])
        assert change('ramp_time', 4.0) == (True, '')


def test_trigger_may_change_between_two_configures(ros, model):
    """Bug: the QoS of the first configure held on as parameters."""
    with student(ros, model, is_active=False, start_in='policy') as rig:
        for trigger, kind in (('timer', 'BEST_EFFORT'), ('joint_states', 'RELIABLE')) * 2:
            rig.node.set_parameters([Parameter('trigger', value=trigger)])
            rig.configure()
            (info,) = rig.node.get_subscriptions_info_by_topic('joint_states')
            assert info.qos_profile.reliability.name == kind
            cycle(rig, ['cleanup'])


def test_parameter_that_is_unknown_is_named_in_the_log(ros, model, capfd):
    with student(ros, model, is_active=False, modle='x'):
        pass
    text = capfd.readouterr().err
    assert 'parameter modle (is model meant?) is unknown and without effect' in text
    assert text.count('is unknown') == 1


def test_crash_of_the_loop_gives_the_fault_action_and_is_reported(ros, model, monkeypatch, capfd):
    with student(ros, model, **LOCKSTEP) as rig:
        rig.robot.tick(T0, position=(0.3, 0.2, 0.1))

        def crash(self, sensors, stamp_ns):
            monkeypatch.undo()
            raise ZeroDivisionError('by chance')

        monkeypatch.setattr(PolicyRunner, 'step', crash)
        rig.robot.publish(T0 + TICK, position=(0.3, 0.2, 0.1))
        status = rig.until_reason('loop.crashed: ZeroDivisionError: by chance')
        assert status.level == b'\x02'
        pose = [0.3, 0.2, 0.1]
        wait_for(lambda: rig.robot.commands.messages[-1].position.tolist() == pose)
        answer = (False, 'loop.crashed: ZeroDivisionError: by chance')
        assert rig.robot.call('start') == answer
        cycle(rig, ['deactivate', 'activate'])
        rig.robot.tick(T0 + 2 * TICK)
    assert 'Traceback' in capfd.readouterr().err


def test_forty_lifecycles_leak_nothing(ros, models):
    model = write_policy(models, name='leak.onnx')
    page = os.sysconf('SC_PAGE_SIZE')

    def resident():
        gc.collect()
        return int(Path('/proc/self/statm').read_text().split()[1]) * page

    def mapped():
        return Path('/proc/self/maps').read_text().count('/dev/shm/')

    with student(ros, model, is_active=False, **LOCKSTEP) as rig:
        steps = ['configure', 'activate', 'deactivate', 'cleanup']
        for _ in range(10):
            cycle(rig, steps)
        memory, segments = resident(), mapped()
        parameters = len(rig.node._parameters)
        for _ in range(40):
            cycle(rig, steps)
        assert resident() - memory < 8e6
        assert mapped() <= segments
        assert len(rig.node._parameters) == parameters


def test_second_activation_starts_without_samples_of_the_first(ros, model):
    with student(ros, model, **{**LOCKSTEP, 'publish_internals': True}) as rig:
        rig.robot.tick(T0)
        cycle(rig, ['deactivate', 'activate'])
        assert values(rig.diagnose())['joint_states_age_s'] == 'never received'
