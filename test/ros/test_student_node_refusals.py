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

URDF = '<robot name="leg"><link name="base"/>{}</robot>'
JOINT = (
    '<link name="{0}_link"/><joint name="{0}" type="revolute"><parent link="base"/>'
    '<child link="{0}_link"/><limit lower="-1" upper="1" effort="9" velocity="9"/></joint>'
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
    put_back(rig, before)
    return reason


def put_back(rig, before):
    """Set parameters, each by itself, for one may go only after another."""
    for name in reversed(before):
        (result,) = rig.node.set_parameters([Parameter(name, value=before[name])])
        assert result.successful, result.reason


def accepted_afterwards(rig):
    """Return whether the node can be configured for all that."""
    rig.configure()
    return rig.node.trigger_cleanup() == TransitionCallbackReturn.SUCCESS


def truncated(folder, model):
    path = folder / 'truncated.onnx'
    path.write_bytes(model.read_bytes()[:-40])
    return path


def foreign(folder, model):
    path = folder / 'photo.onnx'
    path.write_bytes(b'\xff\xd8\xff\xe0 certainly no network')
    return path


def wrong_width(folder, model):
    return write_policy(folder, JOINT_TERM, name='width.onnx', width=5)


def unknown_term(folder, model):
    mapping = json.dumps(spec_mapping({'term': 'joint_positon'}))
    return write_policy(folder, name='term.onnx', metadata=mapping)


def nan_gain(folder, model):
    mapping = spec_mapping(JOINT_TERM, stiffness=[1.0, float('nan'), 1.0], damping=[1.0] * 3)
    return write_policy(folder, name='nan.onnx', width=3, metadata=json.dumps(mapping))


def bad_topic(folder, model):
    term = {'term': 'external', 'topic': '/height scan', 'width': 3}
    return write_policy(folder, JOINT_TERM, term, name='topic.onnx')


@pytest.mark.parametrize(
    ('make', 'reason'),
    [
        (lambda f, m: '', "model is '', expected the path of an ONNX file"),
        (lambda f, m: f / 'no.onnx', '{f}/no.onnx cannot be read: No such file or directory'),
        (lambda f, m: f, '{f} cannot be read: Is a directory'),
        (truncated, '{f}/truncated.onnx cannot be loaded as ONNX: '),
        (foreign, '{f}/photo.onnx cannot be loaded as ONNX: '),
        (wrong_width, "tensor 'obs' of the graph has shape [1, 5], expected 3 elements"),
        (unknown_term, "inputs[0].terms[0].term is 'joint_positon', expected one of"),
        (nan_gain, 'stiffness'),
        (bad_topic, "topic '/height scan' cannot be subscribed to: "),
    ],
)  # fmt: skip
def test_model_that_cannot_be_used_is_refused(idle, model, tmp_path, capfd, make, reason):
    text = refusal(idle, model=str(make(tmp_path, model)))
    assert reason.format(f=tmp_path) in text
    log = capfd.readouterr().err
    assert f'configure is refused: {text}' in log
    assert 'Traceback' not in log
    assert accepted_afterwards(idle)


@pytest.mark.parametrize(
    ('parameters', 'reason'),
    [
        ({'control_rate': 75.0}, "control_rate is 75.0 Hz, expected a whole multiple of the "
                                 "policy's 50 Hz"),
        ({'control_rate': 25}, 'control_rate is 25.0 Hz, expected a whole multiple'),
        ({'provider': 'tensorrt'}, "provider 'tensorrt' is not in this onnxruntime"),
        ({'max_input_age': 0.0}, 'max_input_age is 0.0 s, expected above 0 s'),
        ({'robot': 'unitree_g2'}, "'unitree_g2'"),
        ({'robot_description': '/no/such.urdf'}, '/no/such.urdf'),
        ({'spec': '/no/such.yaml'}, '/no/such.yaml'),
    ],
)  # fmt: skip
def test_parameter_that_does_not_fit_is_refused_at_configure(idle, parameters, reason):
    assert reason in refusal(idle, **parameters)
    assert accepted_afterwards(idle)


@pytest.mark.parametrize(
    ('name', 'value', 'reason'),
    [
        ('decimation', 0, 'decimation out of range'),
        ('tilt_limit', -0.1, 'tilt_limit out of range'),
        ('tilt_limit', -1, 'tilt_limit is -1.0, expected 0 to 3.14159'),
        ('max_joint_step', float('nan'), 'max_joint_step out of range'),
        ('realtime_priority', 100, 'realtime_priority out of range'),
        ('checks.tilt.debounce', -1.0, 'checks.tilt.debounce out of range'),
        (
            'checks.tilt.action',
            'off',
            "checks.tilt.action is 'off', expected one of ['', 'hold', ",
        ),
        ('command_type', 'pwm', "command_type is 'pwm', expected one of ['joint_state', "),
        ('provider', 'tpu', "provider is 'tpu', expected one of"),
        ('fault_action', 'run', "fault_action is 'run', expected one of ['hold', "),
        ('start_in', 'bed', "start_in is 'bed', expected one of ['standby', 'policy']"),
        ('interpolation', 'cubic', "interpolation is 'cubic', expected one of"),
    ],
)
def test_value_out_of_range_is_refused_when_it_is_set(idle, name, value, reason):
    before = idle.node.get_parameter(name).value
    (result,) = idle.node.set_parameters([Parameter(name, value=value)])
    assert not result.successful
    assert reason in result.reason
    assert idle.node.get_parameter(name).value == before


def test_joint_that_the_robot_does_not_have_is_refused(idle, tmp_path):
    urdf = tmp_path / 'leg.urdf'
    urdf.write_text(URDF.format(JOINT.format('hip') + JOINT.format('knee')))
    reason = refusal(idle, robot_description=str(urdf))
    assert reason.startswith("joint 'ankle' is in the policy but not on robot 'leg', which has")
    urdf.write_text(URDF.format(''.join(map(JOINT.format, ('hip', 'knee', 'ankle')))))
    idle.node.set_parameters([Parameter('robot_description', value=str(urdf))])
    assert accepted_afterwards(idle)
    idle.node.set_parameters([Parameter('robot_description', value='')])


def test_memory_lock_that_is_refused_refuses_the_configure(idle, monkeypatch):
    def refuse():
        raise ConfigError('lock_memory is true, mlockall is refused: no')

    monkeypatch.setattr(student_node, 'lock_memory', refuse)
    assert refusal(idle, lock_memory=True) == 'lock_memory is true, mlockall is refused: no'
    assert accepted_afterwards(idle)


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


@pytest.mark.parametrize('mode', ['velocity', ['position', 'velocity', 'position']])
def test_command_type_that_cannot_carry_the_modes_is_refused(idle, tmp_path, mode):
    model = str(write_policy(tmp_path, JOINT_TERM, mode=mode, limits=LIMITS))
    reason = refusal(idle, model=model, command_type='trajectory')
    assert "command_type is 'trajectory' with joint modes" in reason
    if mode != 'velocity':
        reason = refusal(idle, model=model, command_type='position_array')
        assert 'expected one mode for all joints' in reason


def test_efforts_without_gains_are_refused(idle, tmp_path):
    model = str(write_policy(tmp_path, JOINT_TERM, stiffness=None, damping=None))
    reason = refusal(idle, model=model, command_type='effort')
    assert "has no stiffness and damping, expected both for command_type 'effort'" in reason


def test_refused_node_sends_nothing(idle):
    refusal(idle, robot='unitree_g2')
    idle.robot.publish(T0)
    assert not idle.robot.commands.messages


def test_refusal_stays_on_diagnostics_until_the_node_is_configured(ros, model):
    with student(ros, '', is_active=False) as rig:
        assert rig.node.trigger_configure() == FAILURE
        for _ in range(3):
            status = rig.diagnose()
            assert (status.level, status.message) == (b'\x02', rig.node.refusal)
        assert rig.node.set_parameters([Parameter('model', value=str(model))])[0].successful
        assert rig.diagnose().message == "model is '', expected the path of an ONNX file"
        rig.configure()
        rig.activate()
        wait_for(lambda: rig.diagnose().message.startswith('joint_states.missing: '))


def test_refusal_comes_once_a_second_by_itself(ros):
    with student(ros, '', is_active=False) as rig:
        assert rig.node.trigger_configure() == FAILURE
        rig.node._timer.reset()
        wait_for(lambda: len(rig.robot.diagnostics.messages) >= 3)
