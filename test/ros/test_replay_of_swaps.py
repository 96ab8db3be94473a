# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""A run over DDS in which the model changes, recorded by the node: each replays bit for bit."""

from __future__ import annotations

from distill_runtime.core.modes import Mode
from distill_runtime.data.recording.policy_recording import read_policy_recording
from distill_runtime.data.replay.config import replay_config
from distill_runtime.data.replay.replay import replay
from distill_runtime.policy.model import load_policy
import numpy as np
import pytest
from rclpy.parameter import Parameter
from support.ros_harness import LOCKSTEP, student, T0, TICK
from support.student_variants import write_student_variant

KINDS = {
    'a': {},
    'b': {'length': 8, 'major': 'frame', 'turned': True, 'action_scale': 2.0},
    'c': {'is_recurrent': True, 'width': 16},
}


@pytest.fixture(scope='module')
def models(tmp_path_factory):
    folder = tmp_path_factory.mktemp('models')
    return {
        name: write_student_variant(folder / f'{name}.onnx', **kind)
        for name, kind in KINDS.items()
    }


def walk(rig, start, count, names, rng):
    """Feed joints that move at random; return the number of the next tick."""
    default = rig.node.loop_context.runner.compiled.joints.default_command
    for number in range(start, start + count):
        rig.robot.tick(
            T0 + number * TICK,
            names=names,
            position=list(default + 0.1 * rng.normal(size=len(default))),
            velocity=list(rng.normal(size=len(default))),
        )
    return start + count


def record(ros, models, course, folder, stops=False, **options):
    """Let models act in turn, during a stop if asked for; return the recording."""
    first, *others = course
    options = {**LOCKSTEP, 'record_to': str(folder), 'blend_time': 0.0, **options}
    checks = {f'checks.{name}.action': 'ignore' for name in ('joint_velocity', 'target_step')}
    rng = np.random.default_rng(0)
    with student(ros, models[first], tilt_limit=0.0, **checks, **options) as rig:
        names = list(rig.node.loop_context.runner.compiled.layout.joints)
        number = walk(rig, 0, 15, names, rng)
        if stops:
            assert rig.robot.call('stop') == (True, 'policy to stopping')
        for name in others:
            (answer,) = rig.node.set_parameters([Parameter('model', value=str(models[name]))])
            assert answer.successful, answer.reason
            number = walk(rig, number, 15, names, rng)
        rig.node.trigger_deactivate()
        rig.node.trigger_cleanup()
    (recording,) = folder.iterdir()
    return recording


@pytest.mark.parametrize('stops', [False, True])
@pytest.mark.parametrize('course', ['ab', 'bac', 'caca'])
def test_every_model_replays_bit_for_bit_where_it_acted(course, stops, ros, models, tmp_path):
    recording = record(ros, models, course, tmp_path / 'bag', stops)
    for name in sorted(set(course)):
        policy = load_policy(models[name])
        source = read_policy_recording(recording, policy)
        found = replay(source, policy, replay_config(source.parameters))
        is_valid = found.playback.is_valid
        assert (Mode.STOPPING in found.playback.mode) is stops
        assert np.count_nonzero(is_valid) == 15 * course.count(name)
        assert set(found.playback.reasons) <= {'model.other'}
        recorded = found.run.commands()
        np.testing.assert_array_equal(found.commands[is_valid], recorded[is_valid])


def test_ticks_of_a_blend_are_not_judged(ros, models, tmp_path):
    recording = record(ros, models, 'ab', tmp_path / 'bag', blend_time=0.1)
    policy = load_policy(models['b'])
    source = read_policy_recording(recording, policy)
    found = replay(source, policy, replay_config(source.parameters))
    assert found.playback.reasons['model.blended'].count == 5
    is_valid = found.playback.is_valid
    recorded = found.run.commands()
    np.testing.assert_array_equal(found.commands[is_valid], recorded[is_valid])
    assert np.count_nonzero(is_valid) == 10
