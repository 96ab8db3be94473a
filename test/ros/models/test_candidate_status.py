# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
import pytest
from support.ros_harness import LOCKSTEP, student, T0, TICK, values, wait_for
from support.ros_messages import twist_message
from support.ros_policies import TERMS
from support.specs import JOINTS
from support.swaps import FRAGILE, sha256, walking, write_fragile, write_other


@pytest.fixture(scope='module')
def other(models):
    return write_other(models / 'other.onnx')


def shadows(rig):
    """Return the statuses of shadows that the node publishes now, when it has."""
    inbox = rig.robot.diagnostics
    inbox.messages.clear()
    rig.node._publish_diagnostics()
    array = wait_for(lambda: inbox.messages, 'diagnostics')[0]
    control, *others = array.status
    name = rig.node.get_fully_qualified_name()
    assert control.name == f'{name}: control'
    assert {status.name for status in others} <= {f'{name}: shadow'}
    return others


def test_nothing_in_shadow_gives_no_status(ros, model):
    with walking(ros, model) as (remote, _):
        assert shadows(remote.rig) == []


def test_figures_of_a_shadow_are_those_of_the_two_policies(ros, models):
    """Of the same network with a smaller scale: the difference is known by hand."""
    large, small = (
        write_other(models / f'{scale}.onnx', scale, *TERMS[:-1]) for scale in (0.5, 0.25)
    )
    with student(ros, large, shadow_model=str(small), **LOCKSTEP, publish_internals=True) as rig:
        for number in range(5):
            rig.robot.tick(T0 + number * TICK, position=[0.1 + 0.01 * number, 0.5, -0.5])
        (status,) = shadows(rig)
        wait_for(lambda: len(rig.robot.actions.messages) == 5, 'all actions')
    actions = np.array([list(message.data) for message in rig.robot.actions.messages])
    apart = -0.25 * actions
    found = values(status)
    assert (found['what_for'], found['model']) == ('shadow_model', '0.25.onnx')
    assert found['model_sha256'] == sha256(small)
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


def test_candidate_and_shadow_model_have_a_status_each(ros, model, other):
    with walking(ros, model, shadow_model=str(model)) as (remote, walker):
        assert remote.set(model=other, shadow_time=1000.0) == (True, '')
        walker.steps(3)
        first, second = map(values, shadows(remote.rig))
        assert (first['what_for'], first['model']) == ('shadow_model', model.name)
        assert (second['what_for'], second['model']) == ('candidate', other.name)
        assert float(first['largest_divergence'].split()[0]) == 0.0, 'it is the same policy'
        assert float(second['largest_divergence'].split()[0]) > 0.0


def test_shadow_that_failed_is_a_warning_with_its_problem(ros, model, models):
    fragile = write_fragile(models / 'fragile.onnx')
    patient = {'checks.action_saturation.action': 'ignore'}
    with walking(ros, model, shadow_model=str(fragile), **patient) as (remote, walker):
        remote.rig.robot.cmd_vel.publish(twist_message(vx=FRAGILE + 0.5))
        walker.steps(1)
        status = wait_for(
            lambda: (found := shadows(remote.rig)[0]).level == b'\x01' and found, 'a warning'
        )
        assert status.message.startswith('action.not_finite')
        assert values(status)['problem'] == status.message


def test_control_says_who_acted_before_and_whether_the_policy_is_on_probation(ros, model, other):
    with walking(ros, model) as (remote, walker):
        found = values(remote.rig.diagnose())
        assert (found['previous_model'], found['is_on_probation']) == ('', 'false')
        assert remote.set(model=other, probation_time=2.0) == (True, '')
        found = values(remote.rig.diagnose())
        assert (found['model'], found['previous_model']) == (other.name, model.name)
        assert found['is_on_probation'] == 'true'
        walker.steps(101)
        assert values(remote.rig.diagnose())['is_on_probation'] == 'false'


def test_first_model_that_comes_back_says_how_long_it_takes(ros, model, other):
    """Bug: nothing had timed the model of the configuration, its inference_us was 0."""
    with walking(ros, model, shadow_time=1000.0) as (remote, walker):
        at_once = {'shadow_time': 0.0, 'probation_time': 0.0, 'blend_time': 0.0}
        assert remote.set(model=other, **at_once) == (True, '')
        walker.steps(3)
        assert remote.rig.robot.call('rollback')[1].endswith(
            'runs in shadow for 1000 s, then it acts'
        )
        (status,) = shadows(remote.rig)
    found = values(status)
    assert (found['what_for'], found['model']) == ('candidate', model.name)
    assert float(found['inference_us']) > 0.0
