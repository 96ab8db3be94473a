# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
import math
from pathlib import Path

from distill_runtime.errors import ConfigError
from distill_runtime.spec.dialect import ModelContext, TensorShape
from distill_runtime.spec.files import parse_yaml
from distill_runtime.spec.readers.registry import metadata_sources
from distill_runtime.spec.sources import merge_sources, SpecSource
import pytest
from support.damage import metadata_damage_test
from support.observed import make_samples, observed

RANGES = {
    'lin_vel_x': [-1.0, 1.5],
    'lin_vel_y': [-0.5, 0.5],
    'ang_vel_yaw': [-2.0, 2.0],
    'heading': [-3.14, 3.14],
}
PERIOD = 0.02
GAIT = {
    'term': 'gait_phase',
    'frequency': 1.0,
    'offsets': [0.0, math.pi],
    'advance': 'before',
    'standing': {'below': 0.01, 'phase': math.pi, 'restart': 'at_offset'},
}
# what a user takes from the configuration, in the alphabetical order of its names
TERMS = [
    {'term': 'last_action'},
    {'term': 'base_angular_velocity', 'scale': 0.25},
    {'term': 'velocity_command', 'components': ['yaw']},
    {'term': 'velocity_command', 'components': ['vx', 'vy']},
    {**GAIT, 'components': ['cos']},
    {'term': 'joint_position', 'relative': True},
    {'term': 'joint_velocity', 'scale': 0.05},
    {'term': 'projected_gravity'},
    {**GAIT, 'components': ['sin']},
]
HISTORY = {'length': 2, 'major': 'term', 'order': 'oldest_first', 'fill': 'zeros'}
STATED = {
    'period': PERIOD,
    'default_position': [0.1, -0.2],
    'inputs': [{'name': 'actor_obs', 'history': HISTORY, 'terms': TERMS}],
    'outputs': {'action': {'scale': 0.25}},
}


def metadata(**changes):
    values = {
        'dof_names': ['hip', 'knee'],
        'kp': [40.0, 50.0],
        'kd': [1.0, 1.5],
        'command_ranges': RANGES,
        'robot_urdf': '<robot/>',
        **changes,
    }
    return {key: json.dumps(value) for key, value in values.items() if value is not ...}


def read(values, inputs=('actor_obs',), outputs=('action',)):
    context = ModelContext(
        model=Path('walk.onnx'),
        inputs=tuple(TensorShape(name=name, shape=(1, 9)) for name in inputs),
        outputs=tuple(TensorShape(name=name, shape=(1, 2)) for name in outputs),
    )
    (source,) = metadata_sources(values, context)
    return source


def user(*without):
    values = {key: value for key, value in STATED.items() if key not in without}
    return SpecSource(name='user', values=values)


def test_facts_of_the_metadata():
    merged = merge_sources([user(), read(metadata())])
    spec = merged.spec
    assert spec.joints == ('hip', 'knee')
    assert (spec.stiffness, spec.damping) == ((40.0, 50.0), (1.0, 1.5))
    assert spec.command.upper == (1.5, 0.5, 2.0)
    assert spec.outputs.action.clip == (-100.0, 100.0)
    assert spec.outputs.action.name == 'action'
    assert merged.sources['stiffness'] == 'walk.onnx metadata: kp'
    assert merged.sources['outputs.action.scale'] == 'user'


@pytest.mark.parametrize('ranges', [None, ...])
def test_no_ranges_are_no_command(ranges):
    merged = merge_sources([user(), read(metadata(command_ranges=ranges))])
    assert merged.spec.command is None
    assert merged.unstated.keys() == {'command'}


@pytest.mark.parametrize(
    ('message', 'field'),
    {
        r'^period is missing, .*: the metadata has no period: give period, 1 / rl_rate ': 'period',
        r'^default_position is missing, .*: the metadata has no pose: ': 'default_position',
        r'^inputs is missing, .*: the metadata has no observations: .* alphabetical ': 'inputs',
        r'^outputs\.action\.scale is missing, .*: the metadata has no scale: ': 'outputs',
    }.items(),
)
def test_what_the_metadata_leaves_out_is_missing_with_a_hint(field, message):
    with pytest.raises(ConfigError, match=message):
        merge_sources([user(field), read(metadata())])


def test_motion_in_the_network_has_an_input_that_no_term_gives():
    source = read(metadata(), inputs=['obs', 'time_step'], outputs=['actions', 'joint_pos'])
    assert source.hints['inputs'].startswith('the network contains a motion and reads it at input')
    assert source.values['outputs']['action']['name'] == 'actions'


@pytest.mark.parametrize(
    ('values', 'message'),
    [
        ({**metadata(), 'kp': '[1, '}, r"^walk\.onnx: metadata 'kp' is not JSON: "),
        (metadata(kp=[1.0]), r'^walk\.onnx: metadata\.kp has 1 elements, expected 2$'),
        (
            metadata(kp=[1.0, math.nan]),
            r'^walk\.onnx: metadata\.kp\[1\] is nan, expected a finite',
        ),
        (metadata(kd='x'), r"^walk\.onnx: metadata\.kd is 'x', expected a list$"),
        (metadata(dof_names=None), r'^walk\.onnx: metadata\.dof_names is missing$'),
        (metadata(command_ranges={}), r'metadata\.command_ranges\.lin_vel_x is missing$'),
        ({**metadata(), 'kp': '[' * 100_000}, r"^walk\.onnx: metadata 'kp' is not JSON: "),
    ],
)
def test_metadata_that_does_not_fit_is_refused(values, message):
    with pytest.raises(ConfigError, match=message):
        read(values)


def gait_phases(commands):
    """Return the phases of both legs at each step, summed up as the runtime in Python does."""
    left, right, stood, result = 0.0, math.pi, False, []
    for vx, vy, yaw in commands:
        left, right = (math.remainder(p + 2 * math.pi * PERIOD, math.tau) for p in (left, right))
        stands = math.hypot(vx, vy) < 0.01 and abs(yaw) < 0.01
        if stands:
            left = right = math.pi
        elif stood:
            left, right = 0.0, math.pi
        stood = stands
        result.append([left, right])
    return result


def frame(samples, step):
    """Return one frame as a mapping of its terms by their names in the configuration."""
    now = samples[step]
    phases = gait_phases([sample.command for sample in samples[: step + 1]])[-1]
    return {
        'base_ang_vel': [0.25 * value for value in now.angular_velocity],
        'projected_gravity': now.gravity,
        'command_lin_vel': now.command[:2],
        'command_ang_vel': now.command[2:],
        'dof_pos': [now.position[0] - 0.1, now.position[1] + 0.2],
        'dof_vel': [0.05 * value for value in now.velocity],
        'actions': samples[step - 1].action if step else [0.0, 0.0],
        'sin_phase': [math.sin(phase) for phase in phases],
        'cos_phase': [math.cos(phase) for phase in phases],
    }


def test_hint_gives_the_gait_clock_of_the_runtime():
    hint = read(metadata()).hints['inputs']
    text = hint[hint.index('{term: gait_phase') : hint.index(', sin_phase the same')]
    term = parse_yaml(text.replace('1 / gait_period', '1.0'), 'hint')
    assert term == {
        **GAIT,
        'offsets': [0, pytest.approx(math.pi, abs=1e-5)],
        'components': ['cos'],
        'standing': {**GAIT['standing'], 'phase': pytest.approx(math.pi, abs=1e-5)},
    }


@pytest.mark.parametrize('stands', [(), (0, 1), (3,), (2, 3, 6)])
def test_observations_and_targets(stands):
    spec = merge_sources([user(), read(metadata())]).spec
    samples = make_samples(2, 2)
    for step in stands:
        samples[step] = samples[step]._replace(command=[0.0, 0.0, 0.0])
    seen, targets = observed(spec, samples)
    for step, sample in enumerate(samples):
        now = frame(samples, step)
        before = frame(samples, step - 1) if step else {key: [0.0] * len(now[key]) for key in now}
        expected = [value for key in sorted(now) for value in (*before[key], *now[key])]
        assert seen[step] == pytest.approx(expected, abs=1e-6)
        hip, knee = sample.action
        assert targets[step] == pytest.approx([0.1 + 0.25 * hip, -0.2 + 0.25 * knee], abs=1e-6)


test_damaged_metadata_is_read_or_refused = metadata_damage_test(metadata(), read)
