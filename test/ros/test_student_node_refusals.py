# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
import os

from distill_runtime.errors import ConfigError
from distill_runtime.ros import student_node
import pytest
from rclpy.lifecycle import TransitionCallbackReturn
from rclpy.parameter import Parameter
from support.ros_harness import student, T0, values, wait_for
from support.ros_policies import JOINT_TERM, LIMITS, write_policy
from support.specs import spec_mapping

FAILURE = TransitionCallbackReturn.FAILURE
URDF = (
    '<robot name="leg"><link name="base"/><link name="foot"/><joint name="hip" type="revolute">'
    '<parent link="base"/><child link="foot"/>'
    '<limit lower="-1" upper="1" effort="9" velocity="9"/></joint></robot>'
)


@pytest.fixture(scope='module')
def idle(ros, model):
    """A node that is refused again and again."""
    with student(ros, model, is_active=False) as rig:
        yield rig


def refusal(rig, **parameters):
    """Return why a configure with changed parameters is refused; put them back."""
    before = {name: rig.node.get_parameter(name).value for name in parameters}
    for result in rig.node.set_parameters([Parameter(n, value=v) for n, v in parameters.items()]):
        assert result.successful, result.reason
    rig.robot.diagnostics.messages.clear()
    assert rig.node.trigger_configure() == FAILURE
    assert rig.state() == 'unconfigured'
    reason = rig.node.refusal
    status = wait_for(lambda: rig.robot.diagnostics.messages)[0].status[0]
    assert (status.level, status.message, values(status)) == (b'\x02', reason, {'reason': reason})
    wait_for(lambda: not rig.node.count_subscribers('joint_states'))
    rig.robot.publish(T0)
    assert not rig.robot.commands.messages
    for name in reversed(before):  # each by itself, for one may go only after another
        (result,) = rig.node.set_parameters([Parameter(name, value=before[name])])
        assert result.successful, result.reason
    return reason


def bad_file(content):
    def write(folder, model):
        path = folder / 'bad.onnx'
        path.write_bytes(content if content else model.read_bytes()[:-40])
        return path

    return write


def policy(*terms, **changes):
    return lambda folder, model: write_policy(folder, *(terms or [JOINT_TERM]), **changes)


def unreadable(*terms, **changes):
    """Return what writes a policy whose spec no reader accepts."""
    return policy(width=3, metadata=json.dumps(spec_mapping(*terms, **changes)))


@pytest.mark.parametrize(
    ('make', 'reason'),
    [
        (lambda f, m: '', "model is '', expected the path of an ONNX file"),
        (lambda f, m: f / 'no.onnx', '{f}/no.onnx cannot be read: No such file or directory'),
        (lambda f, m: f, '{f} cannot be read: Is a directory'),
        (bad_file(b''), '{f}/bad.onnx cannot be loaded as ONNX: '),
        (bad_file(b'\xff\xd8\xff\xe0 no network'), '{f}/bad.onnx cannot be loaded as ONNX: '),
        (policy(width=5), "tensor 'obs' of the graph has shape [1, 5], expected 3 elements"),
        (
            unreadable({'term': 'joint_positon'}),
            "inputs[0].terms[0].term is 'joint_positon', expected one of",
        ),
        (unreadable(stiffness=[1.0, float('nan'), 1.0], damping=[1.0] * 3), 'stiffness'),
        (
            policy(JOINT_TERM, {'term': 'external', 'topic': '/height scan', 'width': 3}),
            "topic '/height scan' cannot be subscribed to: ",
        ),
        (
            policy(
                JOINT_TERM,
                {
                    'term': 'external',
                    'topic': 'wrench',
                    'width': 3,
                    'message': 'geometry_msgs/msg/WrenchStamped',
                    'field': 'wrench.force',
                },
            ),
            "external 'wrench' is offline only: message geometry_msgs/msg/WrenchStamped; the node "
            'takes Float32MultiArray and PoseStamped',
        ),
    ],
)
def test_model_that_cannot_be_used_is_refused(idle, model, tmp_path, capfd, make, reason):
    text = refusal(idle, model=str(make(tmp_path, model)))
    assert reason.format(f=tmp_path) in text
    log = capfd.readouterr().err
    assert f'configure is refused: {text}' in log
    assert 'Traceback' not in log


MIXED = ['position', 'velocity', 'position']


@pytest.mark.parametrize(
    ('parameters', 'make', 'reason'),
    [
        ({'control_rate': 75.0}, None, "control_rate is 75.0 Hz, expected a whole multiple of the "
                                       "policy's 50 Hz"),
        ({'control_rate': 25}, None, 'control_rate is 25.0 Hz, expected a whole multiple'),
        ({'provider': 'tensorrt'}, None, "provider 'tensorrt' is not in this onnxruntime"),
        ({'max_input_age': 0.0}, None, 'max_input_age is 0.0 s, expected above 0 s'),
        ({'robot': 'unitree_g2'}, None, "'unitree_g2'"),
        ({'robot_description': '/no/such.urdf'}, None, '/no/such.urdf'),
        ({'robot_description': URDF}, None, "'knee' is in the policy but not on robot 'leg', "),
        ({'spec': '/no/such.yaml'}, None, '/no/such.yaml'),
        ({'command_type': 'trajectory'}, policy(mode='velocity', limits=LIMITS),
         "command_type is 'trajectory' with joint modes"),
        ({'command_type': 'trajectory'}, policy(mode=MIXED, limits=LIMITS),
         "command_type is 'trajectory' with joint modes"),
        ({'command_type': 'position_array'}, policy(mode=MIXED, limits=LIMITS),
         'expected one mode for all joints'),
        ({'command_type': 'effort'}, policy(stiffness=None, damping=None),
         "has no stiffness and damping, expected both for command_type 'effort'"),
    ],
)  # fmt: skip
def test_parameter_that_does_not_fit_is_refused_at_configure(
    idle, model, tmp_path, parameters, make, reason
):
    if make is not None:
        parameters = {'model': str(make(tmp_path, model)), **parameters}
    assert reason in refusal(idle, **parameters)


@pytest.mark.parametrize(
    ('name', 'value', 'reason'),
    [
        ('decimation', 0, 'decimation out of range'),
        ('max_joint_step', float('nan'), 'max_joint_step out of range'),
        ('tilt_limit', -1, 'tilt_limit is -1.0, expected 0 to 3.14159'),
        ('checks.tilt.debounce', -1.0, 'checks.tilt.debounce out of range'),
        ('checks.tilt.action', 'off', "checks.tilt.action is 'off', expected one of ['', 'hold',"),
        ('command_type', 'pwm', "command_type is 'pwm', expected one of ['joint_state', "),
    ],
)
def test_value_out_of_range_is_refused_when_it_is_set(idle, name, value, reason):
    before = idle.node.get_parameter(name).value
    (result,) = idle.node.set_parameters([Parameter(name, value=value)])
    assert not result.successful
    assert reason in result.reason
    assert idle.node.get_parameter(name).value == before


def test_memory_lock_that_is_refused_refuses_the_configure(idle, monkeypatch):
    def refuse():
        raise ConfigError('lock_memory is true, mlockall is refused: no')

    monkeypatch.setattr(student_node, 'lock_memory', refuse)
    assert refusal(idle, lock_memory=True) == 'lock_memory is true, mlockall is refused: no'


@pytest.mark.parametrize(
    ('function', 'parameters', 'reason'),
    [
        ('sched_setscheduler', {'realtime_priority': 50}, 'realtime_priority is 50, SCHED_FIFO'),
        ('sched_setaffinity', {'cpu_affinity': [0]}, r'cpu_affinity is [0], refused: '),
    ],
)
def test_thread_that_the_system_refuses_keeps_the_node_inactive(
    ros, model, monkeypatch, function, parameters, reason
):
    def refuse(*args):
        raise PermissionError(1, 'Operation not permitted')

    monkeypatch.setattr(os, function, refuse)
    with student(ros, model, is_active=False, **parameters) as rig:
        rig.configure()
        assert rig.node.trigger_activate() == FAILURE
        assert rig.state() == 'inactive'
        assert rig.node.refusal.startswith(reason)
        (status,) = wait_for(lambda: rig.robot.diagnostics.messages)[0].status
        assert status.message == rig.node.refusal
        monkeypatch.undo()
        assert rig.node.trigger_cleanup() == TransitionCallbackReturn.SUCCESS


def test_refusal_stays_on_diagnostics_until_the_node_is_configured(ros, model):
    with student(ros, '', is_active=False) as rig:
        assert rig.node.trigger_configure() == FAILURE
        rig.node._timer.reset()
        messages = rig.robot.diagnostics.messages
        wait_for(lambda: len(messages) >= 3, 'a status once a second')
        rig.node._timer.cancel()
        assert {message.status[0].message for message in messages} == {rig.node.refusal}
        assert {message.status[0].level for message in messages} == {b'\x02'}
        assert rig.node.set_parameters([Parameter('model', value=str(model))])[0].successful
        assert rig.diagnose().message == "model is '', expected the path of an ONNX file"
        rig.configure()
        rig.activate()
        wait_for(lambda: rig.diagnose().message.startswith('joint_states.missing: '))
