# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import hashlib
import re

import pytest
from support.ros_harness import LOCKSTEP, student, T0, TICK, values, wait_for
from support.ros_messages import joint_message, nanoseconds


@pytest.fixture(scope='module')
def rig(ros, model):
    with student(ros, model, **LOCKSTEP) as rig:
        for tick in range(30):
            rig.robot.tick(T0 + tick * TICK)
        yield rig


def test_status_of_a_good_loop_is_ok_and_names_the_mode(rig):
    status = wait_for(lambda: (s := rig.diagnose()) and s.message == 'policy' and s)
    name = rig.node.get_fully_qualified_name()
    assert (status.level, status.name, status.hardware_id) == (b'\x00', f'{name}: control', name)


def test_values_describe_loop_inputs_and_model(rig, model):
    found = values(rig.diagnose())
    assert found['mode'] == 'policy'
    assert found['ticks'] == '30'
    assert found['missed_deadlines'] == '0'
    assert float(found['rate_hz']) > 0.0
    assert 0 < int(found['latency_p50_us']) <= int(found['latency_p99_us'])
    assert int(found['jitter_p99_us']) >= 0
    assert (found['joint_states_age_s'], found['imu_age_s']) == ('0.0000', '0.0000')
    assert found['odom_age_s'] == 'not used'
    assert (found['model'], found['policy']) == ('policy.onnx', 'small')
    assert found['model_sha256'] == hashlib.sha256(model.read_bytes()).hexdigest()


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
