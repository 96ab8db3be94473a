# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import re

import numpy as np
import pytest
from support.ros_harness import LOCKSTEP, student, T0, TICK, values, wait_for
from support.ros_messages import joint_message, nanoseconds
from support.ros_policies import TERMS
from support.specs import JOINTS
from support.swaps import exceed, PATIENT, Remote, sha256, walking, write_other

WAITING = {'shadow_time': 1000.0}


@pytest.fixture(scope='module')
def rig(ros, model):
    with student(ros, model, **LOCKSTEP) as rig:
        for tick in range(30):
            rig.robot.tick(T0 + tick * TICK)
        yield rig


def candidates(rig):
    """Return the statuses of candidate models that the node publishes now."""
    inbox = rig.robot.diagnostics
    inbox.messages.clear()
    rig.node._publish_diagnostics()
    array = wait_for(lambda: inbox.messages, 'diagnostics')[0]
    control, *others = array.status
    name = rig.node.get_fully_qualified_name()
    assert control.name == f'{name}: control'
    assert {status.name for status in others} <= {f'{name}: shadow'}
    return others


def test_status_of_a_good_loop_describes_loop_inputs_and_model(rig, model):
    status = wait_for(lambda: (s := rig.diagnose()) and s.message == 'policy' and s)
    name = rig.node.get_fully_qualified_name()
    assert (status.level, status.name, status.hardware_id) == (b'\x00', f'{name}: control', name)
    found = values(status)
    expected = {
        'mode': 'policy', 'ticks': '30', 'missed_deadlines': '0', 'odom_age_s': 'not used',
        'joint_states_age_s': '0.0000', 'imu_age_s': '0.0000', 'model': 'policy.onnx',
        'policy': 'small', 'model_sha256': sha256(model),
    }  # fmt: skip
    assert {key: found[key] for key in expected} == expected
    assert float(found['rate_hz']) > 0.0
    assert 0 < int(found['latency_p50_us']) <= int(found['latency_p99_us'])
    assert int(found['jitter_p99_us']) >= 0
    assert candidates(rig) == []


def test_status_comes_by_itself_about_once_a_second(rig):
    inbox = rig.robot.diagnostics
    inbox.messages.clear()
    rig.node._timer.reset()
    wait_for(lambda: len(inbox.messages) >= 3)
    first, second, third = (nanoseconds(message) for message in inbox.messages[:3])
    assert 0.5e9 < second - first < 1.6e9
    assert 1.5e9 < third - first < 2.6e9
    rig.node._timer.cancel()


def test_age_of_an_input_is_that_at_the_last_tick(rig):
    stamp_ns = T0 + 100 * TICK
    rig.robot.tick(stamp_ns - TICK)
    rig.robot.joint_states.publish(joint_message(stamp_ns))
    rig.robot.command_at(stamp_ns)
    found = values(rig.diagnose())
    assert (found['joint_states_age_s'], found['imu_age_s']) == ('0.0000', '0.0200')


def test_reason_is_logged_when_it_comes_up_and_not_again(ros, model, capfd):
    patient = {'checks.input_sample.debounce': 10.0}
    with student(ros, model, **LOCKSTEP, **patient) as rig:
        rig.robot.tick(T0)
        for tick in range(1, 5):
            rig.robot.tick(T0 + tick * TICK, position=(float('nan'), 0.0, 0.0))
            rig.diagnose()
        rig.robot.tick(T0 + 5 * TICK)
        rig.diagnose()
        rig.diagnose()
        for tick in range(6, 8):
            rig.robot.tick(T0 + tick * TICK, position=(float('nan'), 0.0, 0.0))
            rig.diagnose()
        assert rig.robot.call('estop')[0]
        rig.robot.tick(T0 + 8 * TICK)
        rig.diagnose()
    log = capfd.readouterr().err
    warnings = re.findall(r'\[WARN\].*joint_states\.position\.not_finite', log)
    assert len(warnings) == 2
    assert len(re.findall(r'estop\.requested: estop was called', log)) == 1


def test_divergence_of_a_candidate_is_the_difference_of_the_targets(ros, models):
    """Of the same network with a smaller scale: the difference is known by hand."""
    large, small = (
        write_other(models / f'{scale}.onnx', scale, *TERMS[:-1]) for scale in (0.5, 0.25)
    )
    with student(ros, large, **LOCKSTEP, publish_internals=True) as rig:
        rig.robot.tick(T0)
        assert Remote(rig).set(model=small, **WAITING) == (True, '')
        for number in range(1, 6):
            rig.robot.tick(T0 + number * TICK, position=[0.1 + 0.01 * number, 0.5, -0.5])
        (status,) = candidates(rig)
        wait_for(lambda: len(rig.robot.actions.messages) == 6, 'all actions')
    actions = np.array([list(message.data) for message in rig.robot.actions.messages[1:]])
    apart = -0.25 * actions
    found = values(status)
    assert (found['model'], found['model_sha256']) == ('0.25.onnx', sha256(small))
    assert (found['steps_compared'], found['steps_shed'], found['problem']) == ('5', '0', '')
    assert float(found['inference_us']) > 0.0
    assert float(found['now hip (rad)']) == pytest.approx(apart[-1][0], abs=1e-4)
    for joint, name in enumerate(JOINTS):
        largest = np.abs(apart[:, joint]).max()
        assert float(found[f'largest {name} (rad)']) == pytest.approx(largest, abs=1e-4)
    worst = max(JOINTS, key=lambda name: float(found[f'largest {name} (rad)']))
    value = found[f'largest {worst} (rad)']
    assert found['largest_divergence'] == status.message == f'{value} rad, {worst}'
    assert status.level == b'\x00'


def test_candidate_that_fails_is_rejected_and_its_status_ends(ros, model, fragile):
    with walking(ros, model, **PATIENT) as (remote, walker):
        assert remote.set(model=fragile, **WAITING) == (True, '')
        exceed(remote.rig)
        remote.until_problem('action.not_finite')
        walker.steps(3)
        assert candidates(remote.rig) == []
        assert values(remote.rig.diagnose())['mode'] == 'policy'


def test_control_names_the_previous_model_and_probation(ros, model, other):
    with walking(ros, model) as (remote, walker):
        found = values(remote.rig.diagnose())
        assert (found['previous_model'], found['is_on_probation']) == ('', 'false')
        assert remote.set(model=other, probation_time=2.0) == (True, '')
        found = values(remote.rig.diagnose())
        assert (found['model'], found['previous_model']) == (other.name, model.name)
        assert found['is_on_probation'] == 'true'
        walker.steps(101)
        assert values(remote.rig.diagnose())['is_on_probation'] == 'false'


def test_model_of_the_configuration_has_an_inference_time_after_a_rollback(ros, model, other):
    """Bug: nothing had timed the model of the configuration, its inference_us was 0."""
    with walking(ros, model, **WAITING) as (remote, walker):
        at_once = {'shadow_time': 0.0, 'probation_time': 0.0, 'blend_time': 0.0}
        assert remote.set(model=other, **at_once) == (True, '')
        walker.steps(3)
        assert remote.call('rollback')[1].endswith(
            'runs in shadow for 1000 s, then becomes active'
        )
        (status,) = candidates(remote.rig)
    found = values(status)
    assert found['model'] == model.name
    assert float(found['inference_us']) > 0.0
