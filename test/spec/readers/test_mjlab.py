# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

from distill_runtime.errors import ConfigError
from distill_runtime.spec.dialect import ModelContext, TensorShape
from distill_runtime.spec.mapping import read_dataclass
from distill_runtime.spec.readers.registry import metadata_sources
from distill_runtime.spec.sources import merge_sources, SpecSource
from distill_runtime.spec.spec import PolicySpec
import pytest
from support.damage import metadata_damage_test
from support.observed import make_samples, observed

OBSERVATIONS = {
    # name: history, scale, clip
    'base_lin_vel': ('0.000', '2.000', '-inf;inf'),
    'base_ang_vel': ('3.000', '0.250', '-0.500;0.500'),
    'projected_gravity': ('1.000', '1.000;2.000;3.000', '-inf;inf'),
    'joint_pos': ('3.000', '1.000', '-inf;0.200'),
    'joint_vel': ('3.000', '0.050', '-inf;inf'),
    'actions': ('3.000', '1.000', '-inf;inf'),
    'command': ('0.000', '2.000;2.000;0.250', '-inf;inf'),
}


def old(**changes):
    """Return metadata as older versions write it; a change to None leaves out its key."""
    return without_none(
        {
            'run_path': 'me/project/2026-01-01',
            'joint_names': 'hip,knee',
            'joint_stiffness': '20.000,30.000',
            'joint_damping': '1.000,2.000',
            'default_joint_pos': '0.100,-0.200',
            'command_names': 'twist',
            'observation_names': ','.join(OBSERVATIONS),
            'action_scale': '0.500,0.250',
            **changes,
        }
    )


def new(**changes):
    """Return metadata as newer versions write it."""
    columns = [','.join(column) for column in zip(*OBSERVATIONS.values(), strict=True)]
    keys = ('history_length', 'scale', 'clip')
    terms = {f'observation_terms_{key}': c for key, c in zip(keys, columns, strict=True)}
    flat = ','.join(['1.000'] * len(OBSERVATIONS))
    return old(**{**terms, 'observation_terms_flatten_history_dim': flat, **changes})


def without_none(values):
    return {key: value for key, value in values.items() if value is not None}


def read(metadata, inputs=('obs',), outputs=('actions',), width=2):
    context = ModelContext(
        model=Path('walk.onnx'),
        inputs=tuple(TensorShape(name=name, shape=(1, 9)) for name in inputs),
        outputs=tuple(TensorShape(name=name, shape=(1, width)) for name in outputs),
    )
    (source,) = metadata_sources(metadata, context)
    return source


USER = SpecSource(name='user', values={'period': 0.02})


def spec_of(metadata):
    return merge_sources([USER, read(metadata)]).spec


def test_facts_of_the_metadata():
    merged = merge_sources([USER, read(new())])
    assert merged.sources['stiffness'] == 'walk.onnx metadata: joint_stiffness'
    assert merged.unstated.keys() == {'command', 'outputs.action.clip'}
    spec = merged.spec
    assert spec.name == '2026-01-01'
    assert spec.joints == ('hip', 'knee')
    assert (spec.stiffness, spec.damping) == ((20.0, 30.0), (1.0, 2.0))
    assert spec.default_position == (0.1, -0.2)
    assert spec.outputs.action.scale == (0.5, 0.25)
    assert spec.outputs.action.offset == 'default'
    assert spec_of(new(action_scale='0.5')).outputs.action.scale == 0.5
    assert (spec.inputs[0].name, spec.outputs.action.name) == ('obs', 'actions')


def test_older_key_of_clips_with_brackets():
    pairs = '[-inf, inf],' * 6 + '[-2.0, 2.0]'
    spec = spec_of(new(observation_terms_clip=None, observation_term_clip=pairs))
    assert [term.clip for term in spec.inputs[0].terms] == [None] * 6 + [(-2.0, 2.0)]


def test_other_names_of_tensors_are_found_by_position():
    source = read(new(), inputs=['onnx::Gemm_0'], outputs=['37'])
    assert source.values['inputs'][0]['name'] == 0
    assert source.values['outputs']['action']['name'] == 0


def test_order_of_terms_of_an_older_file_is_compared_with_that_of_the_user():
    terms = [{'term': 'projected_gravity', 'scale': 2.0}, {'term': 'joint_velocity'}]
    user = SpecSource(
        name='user', values={'period': 0.02, 'inputs': [{'name': 'obs', 'terms': terms}]}
    )
    right = read(old(observation_names='projected_gravity,joint_vel'))
    assert merge_sources([user, right]).conflicts == ()
    wrong = read(old(observation_names='joint_vel,projected_gravity'))
    (conflict,) = merge_sources([user, wrong]).conflicts
    assert conflict.other_source == 'walk.onnx metadata: observation_names'


@pytest.mark.parametrize(
    ('message', 'changes'),
    {
        r'motion_anchor_ori_b is the orientation of a reference ': {
            'observation_names': 'motion_anchor_ori_b'
        },
        r'observation_names: my_term is unknown, expected one ': {'observation_names': 'my_term'},
        r'observation_names: motion_command is the joints of a ': {'command_names': 'motion'},
        r'observation_names: command is unknown, expected ': {'command_names': 'twist,height'},
        r'observation_names: command is unknown, expected one of ': {'command_names': None},
        (
            r'the metadata names the observations, not their scales and clips: describe the inputs'
            r' .* the terms base_linear_velocity, .*, velocity_command, in this order$'
        ): {'observation_terms_scale': None, 'observation_terms_clip': None},
        r'observation_names: base_ang_vel has a history that is not flattened: ': {
            'observation_terms_flatten_history_dim': '0.000,' * 6 + '0.000'
        },
    }.items(),
)
def test_what_only_the_user_can_describe_is_missing_with_a_hint(changes, message):
    with pytest.raises(ConfigError, match=rf'^inputs is missing, .*: {message}'):
        spec_of(new(**changes))


def test_motion_in_the_network_has_an_input_that_no_term_gives():
    source = read(new(), inputs=['obs', 'time_step'], outputs=['actions', 'joint_pos'])
    assert 'inputs' not in source.values
    assert source.hints['inputs'].startswith('the network contains a motion and reads it at input')


def test_gains_of_some_joints_are_left_to_the_user():
    source = read(new(joint_stiffness='20.000', joint_damping='1.000'))
    assert 'stiffness' not in source.values
    assert source.hints['damping'].startswith('the metadata has 1 gains for 2 joints, those with ')


@pytest.mark.parametrize(('scale', 'width'), [('0.5', 1), ('0.5,0.5,0.5', 3)])
def test_action_of_other_joints_needs_the_user(scale, width):
    source = read(new(action_scale=scale), width=width)
    with pytest.raises(
        ConfigError, match=r'^outputs\.action\.scale is missing, .*: the action is '
    ):
        merge_sources([USER, source])


@pytest.mark.parametrize(
    ('message', 'changes'),
    {
        r'\(1\.0, -0\.0\)': {'joint_stiffness': '1.000,20.000', 'joint_damping': '-0.000,1.000'},
        r'^damping\[hip\] is -1\.0, expected finite and at ': {'joint_damping': '-1.000,1.000'},
        r'joint_stiffness has 2 elements and joint_damping 1, ': {'joint_damping': '1.000'},
        r'metadata\.default_joint_pos has 1 elements, expected 2$': {'default_joint_pos': '0.100'},
        r"metadata\.default_joint_pos\[0\] is 'a', expected a number": {
            'default_joint_pos': 'a,1'
        },
        r'default_joint_pos\[1\] is nan, expected a finite number$': {
            'default_joint_pos': '1,nan'
        },
        r'^walk\.onnx: metadata\.joint_stiffness is missing$': {'joint_stiffness': None},
        r"metadata 'joint_names' is 'a,,b', expected a list with commas$": {'joint_names': 'a,,b'},
        r"'joint_names' is '\[a', expected a list with commas$": {'joint_names': '[a'},
        r"'joint_names' is 'a\],\[b', expected a list with commas$": {'joint_names': 'a],[b'},
        r"'joint_names' is '', expected a list with commas$": {'joint_names': '[]'},
        r'observation_terms_scale has 1 elements, expected 7': {
            'observation_terms_scale': '1.000'
        },
        r'\[6\]\[1\] is inf, expected a finite': {'observation_terms_scale': '1,' * 6 + '1;inf'},
        r'\[0\] is 0\.5, expected an int': {
            'observation_terms_history_length': '0.500,' * 6 + '1'
        },
        r'\[6\] is -1, expected an integer': {'observation_terms_history_length': '1,' * 6 + '-1'},
        r'is \[\[-inf, inf\]\], expected 7 pairs$': {'observation_terms_clip': '-inf;inf'},
        r'\[0\] is \[-inf\], expected a pair$': {'observation_terms_clip': '-inf,' * 6 + 'inf'},
        r'\[0\] is nan, expected a finite number': {
            'observation_terms_clip': '1;nan,' * 6 + '1;2'
        },
    }.items(),
)
def test_metadata_that_does_not_fit_is_refused(changes, message):
    with pytest.raises(ConfigError, match=message):
        spec_of(new(**changes))


def expected(samples, step):
    """Return the tensor: each term with a separate history, clipped, then scaled."""
    terms = [
        (lambda s, last: s.linear_velocity, 1, [2.0] * 3, None),
        (lambda s, last: s.angular_velocity, 3, [0.25] * 3, (-0.5, 0.5)),
        (lambda s, last: s.gravity, 1, [1.0, 2.0, 3.0], None),
        (lambda s, last: [s.position[0] - 0.1, s.position[1] + 0.2], 3, [1.0] * 2, (-9e9, 0.2)),
        (lambda s, last: s.velocity, 3, [0.05] * 2, None),
        (lambda s, last: last, 3, [1.0] * 2, None),
        (lambda s, last: s.command, 1, [2.0, 2.0, 0.25], None),
    ]
    tensor = []
    for value_of, length, scales, clip in terms:
        for age in range(length - 1, -1, -1):
            now = max(0, step - age)
            last = samples[now - 1].action if now > 0 else [0.0, 0.0]
            for value, scale in zip(value_of(samples[now], last), scales, strict=True):
                low, high = clip or (value, value)
                tensor.append(min(max(value, low), high) * scale)
    return tensor


def test_observations_and_targets():
    spec = read_dataclass(PolicySpec, {**read(new()).values, 'period': 0.02}, '')
    samples = make_samples(2, 2)
    seen, targets = observed(spec, samples)
    for step, sample in enumerate(samples):
        assert seen[step] == pytest.approx(expected(samples, step), abs=1e-6)
        hip, knee = sample.action
        assert targets[step] == pytest.approx([0.1 + 0.5 * hip, -0.2 + 0.25 * knee], abs=1e-6)


@pytest.mark.parametrize(
    ('key', 'text', 'same'),
    [
        ('joint_names', "['hip', 'knee']", 'hip,knee'),
        ('joint_names', '("hip", "knee")', 'hip, knee'),
        ('default_joint_pos', '[0.1, -2e-1]', '0.100,-0.200'),
        ('observation_terms_clip', '[-inf, inf],' * 6 + '(-1;5)', '-inf;inf,' * 6 + '-1.0;5'),
        (
            'observation_terms_scale',
            '[1],' * 6 + '[2,2, 0.25]',
            '1.000,' * 6 + '2.000;2.000;0.250',
        ),
    ],
)
def test_lists_have_several_forms(key, text, same):
    assert read(new(**{key: text})).values == read(new(**{key: same})).values


test_damaged_metadata_is_read_or_refused = metadata_damage_test(new(), read)
