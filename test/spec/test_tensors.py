# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from distill_runtime.errors import ConfigError
from distill_runtime.spec.mapping import read_dataclass, to_mapping
from distill_runtime.spec.spec import PolicySpec
from distill_runtime.spec.tensors import (
    ActionSpec,
    Golden,
    History,
    InputSpec,
    StateSpec,
)
import pytest
from support.specs import make_spec, spec_mapping

POSITION = {'term': 'joint_position', 'relative': True}
FRAMES = {'length': 3, 'major': 'term', 'order': 'oldest_first', 'fill': 'first'}


def history(**changes):
    values = {**FRAMES, **changes}
    return read_dataclass(
        History, {key: value for key, value in values.items() if value is not None}, 'history'
    )


def tensor(*terms, **changes):
    return read_dataclass(InputSpec, {'name': 'obs', 'terms': list(terms), **changes}, 'inputs[0]')


@pytest.mark.parametrize(
    ('changes', 'message'),
    [
        ({'major': None}, r'^history: major is missing, expected it for more than one frame$'),
        ({'fill': None}, r'^history: fill is missing, expected it for more than one frame$'),
        ({'order': None}, r'^history: order is missing, expected it for more than one frame$'),
        ({'length': 0}, r'history\.length is 0, expected 1 to 1000$'),
        ({'length': 1001}, r'history\.length is 1001, expected 1 to 1000$'),
        ({'length': None}, r'history has length and steps, expected one of them$'),
        ({'steps': [0]}, r'history has length and steps, expected one of them$'),
        ({'length': None, 'steps': []}, r'history\.steps is \[\], expected different ages$'),
        ({'length': None, 'steps': [1, 1]}, r'history\.steps is \[1, 1\], expected different'),
        ({'length': None, 'steps': [-1]}, r'history\.steps is \[-1\], expected ages of 0 to 999'),
        (
            {'length': None, 'steps': [1000]},
            r'steps is \[1000\], expected ages of 0 to 999 ticks$',
        ),
        ({'major': 'time'}, r"history\.major is 'time', expected"),
    ],
)
def test_history_that_would_have_to_be_guessed_is_refused(changes, message):
    with pytest.raises(ConfigError, match=message):
        history(**changes)


def test_one_frame_needs_no_order():
    assert read_dataclass(History, {'length': 1}, '').length == 1


def test_steps_need_no_order():
    assert history(length=None, steps=[0, 4], order=None).steps == (0, 4)


@pytest.mark.parametrize(
    ('changes', 'lags'),
    [
        ({}, (2, 1, 0)),
        ({'order': 'newest_first'}, (0, 1, 2)),
        ({'length': None, 'steps': [4, 0, 2], 'order': None}, (4, 0, 2)),
        ({'length': None, 'steps': [4, 0, 2]}, (4, 2, 0)),
        ({'length': None, 'steps': [4, 0, 2], 'order': 'newest_first'}, (0, 2, 4)),
    ],
)
def test_lags_are_the_ages_in_tensor_order(changes, lags):
    mapping = {key: value for key, value in {**FRAMES, **changes}.items() if value is not None}
    entry = tensor(POSITION, history=mapping)
    assert entry.lags(entry.terms[0]) == lags


def test_term_history_takes_the_order_of_its_input():
    own = {**POSITION, 'history': {'steps': [0, 5, 1]}}
    entry = tensor(own, history=FRAMES)
    assert entry.lags(entry.terms[0]) == (5, 1, 0)
    entry = tensor(own, history={'steps': [0, 1], 'major': 'term', 'fill': 'zeros'})
    assert entry.lags(entry.terms[0]) == (0, 5, 1)


def with_own(own, **changes):
    values = {key: value for key, value in {**FRAMES, **changes}.items() if value is not None}
    return tensor({**POSITION, 'history': own}, history=values)


@pytest.mark.parametrize(
    ('own', 'changes', 'message'),
    [
        (
            {'length': 2},
            {'major': 'frame'},
            r'^inputs\[0\]: terms\[0\]\.history is given, expected it only with history\.major '
            r'term$',
        ),
        (
            {'length': 2},
            {'length': 1, 'order': None, 'fill': None},
            r'terms\[0\]\.history\.length is given, expected history\.order too$',
        ),
        (
            {'length': 2},
            {'length': 1, 'fill': None},
            r'terms\[0\]\.history is given, expected history\.fill too$',
        ),
        ({}, {}, r'terms\[0\]\.history: history has length and steps, expected one of them$'),
    ],
)
def test_term_history_that_does_not_fit_its_input_is_refused(own, changes, message):
    with pytest.raises(ConfigError, match=message):
        with_own(own, **changes)


def test_tensor_without_terms_is_refused():
    with pytest.raises(ConfigError, match=r'^inputs\[0\]: terms is empty, expected at least one'):
        tensor()


def test_tensor_may_be_named_by_its_position():
    assert tensor(POSITION, name=0).name == 0
    with pytest.raises(ConfigError, match=r'^inputs\[0\]\.name is True, expected a string or an'):
        tensor(POSITION, name=True)


@pytest.mark.parametrize('shape', [[], [0, 4], [1, -1]])
def test_state_of_an_impossible_shape_is_refused(shape):
    with pytest.raises(ConfigError, match=r'^shape is \[.*\], expected sizes of at least 1$'):
        StateSpec(input='h', output='g', shape=tuple(shape))


def test_state_may_begin_with_other_numbers_than_zeros():
    state = StateSpec(input='h', output='g', shape=(1, 2), initial=(0.5, -1.0))
    assert state.initial == (0.5, -1.0)
    with pytest.raises(
        ConfigError, match=r'^initial has 3 elements, expected 2, those of shape \[1, 2\]$'
    ):
        StateSpec(input='h', output='g', shape=(1, 2), initial=(0.0, 0.0, 0.0))


def test_huge_state_is_refused():
    with pytest.raises(ConfigError, match=r'10000001 elements, expected at most 10000000$'):
        StateSpec(input='h', output='g', shape=(1, 10_000_001))


@pytest.mark.parametrize(
    ('values', 'message'),
    [
        ({'offset': 'default'}, r'^scale is missing, expected it: a guess would move the robot$'),
        ({'scale': 1.0}, r'^offset is missing, expected it: a guess would move the robot$'),
        (
            {'scale': 1.0, 'choices': ((1.0,),)},
            r'^choices is given with scale or offset, expected the targets alone$',
        ),
        (
            {'target_clip': (-1.0, 1.0), 'choices': ((1.0,),)},
            r'^choices is given with target_clip, expected the targets alone$',
        ),
        ({'choices': ()}, r'^choices has rows of different lengths, expected a row of targets'),
        ({'choices': ((1.0,), (1.0, 2.0))}, r'^choices has rows of different lengths'),
        (
            {'scale': 1.0, 'offset': 'default', 'joints': ()},
            r'^joints is empty, expected at least one, or null for all$',
        ),
    ],
)
def test_action_that_would_have_to_be_guessed_is_refused(values, message):
    with pytest.raises(ConfigError, match=message):
        ActionSpec(name='actions', **values)


@pytest.mark.parametrize(
    ('values', 'message'),
    [
        (
            {'observation': (), 'action': ()},
            r'^observation has 0 steps and action 0, expected the',
        ),
        ({'observation': ((1.0,),), 'action': ()}, r'^observation has 1 steps and action 0'),
        (
            {'observation': ((1.0,),), 'action': ((1.0,),), 'tolerance': 0.0},
            r'^tolerance is 0\.0, expected above 0$',
        ),
    ],
)
def test_golden_pairs_that_do_not_match_are_refused(values, message):
    with pytest.raises(ConfigError, match=message):
        Golden(**values)


VELOCITY = {'term': 'joint_velocity'}
LATENT = {'term': 'latent', 'width': 2}
ENCODER_FRAMES = {'length': 4, 'major': 'term', 'order': 'oldest_first', 'fill': 'first'}
ENCODER_INPUT = {
    'name': 'past',
    'network': 'encoder',
    'terms': [VELOCITY],
    'history': {**ENCODER_FRAMES, 'major': 'frame'},
}
POLICY_INPUT = {'name': 'obs', 'terms': [VELOCITY, LATENT, {'term': 'projected_gravity'}]}


def two_stages(*inputs, encoder=None, **changes):
    return make_spec(
        inputs=list(inputs) or [ENCODER_INPUT, POLICY_INPUT],
        encoder=encoder or {'model': 'encoder.onnx'},
        **changes,
    )


def test_latent_follows_the_preceding_terms():
    spec = two_stages()
    assert [spec.input_dim(entry) for entry in spec.inputs] == [12, 8]
    assert spec.latent_range == (15, 17)
    assert two_stages(POLICY_INPUT, ENCODER_INPUT).latent_range == (3, 5)


def test_latent_in_a_tensor_with_frames_of_other_terms():
    entry = {
        'name': 'obs',
        'history': ENCODER_FRAMES,
        'terms': [VELOCITY, {**LATENT, 'history': {'length': 1}}],
    }
    assert two_stages(ENCODER_INPUT, entry).latent_range == (24, 26)


def test_spec_with_an_encoder_survives_its_mapping():
    spec = two_stages(encoder={'model': 'encoder.onnx', 'output': 'z'})
    assert read_dataclass(PolicySpec, to_mapping(spec), '') == spec
    assert spec.encoder.output == 'z'


@pytest.mark.parametrize('name', ['', '..', '../e.onnx', '/e.onnx', 'a/e.onnx', 'a\\e.onnx'])
def test_encoder_elsewhere_is_refused(name):
    with pytest.raises(ConfigError, match=r'^encoder: model is .*, expected the name of a file'):
        two_stages(encoder={'model': name})


@pytest.mark.parametrize(
    ('inputs', 'message'),
    [
        ([POLICY_INPUT], r'^encoder has no input, expected one with network: encoder$'),
        ([ENCODER_INPUT], r'^inputs are all of the encoder, expected one of the policy too$'),
        (
            [ENCODER_INPUT, {'name': 'obs', 'terms': [VELOCITY]}],
            r'^inputs have 0 terms latent, expected 1: where the output of the encoder goes$',
        ),
        (
            [ENCODER_INPUT, {'name': 'obs', 'terms': [LATENT, LATENT]}],
            r'^inputs have 2 terms latent, expected 1',
        ),
        (
            [{**ENCODER_INPUT, 'terms': [LATENT]}, {'name': 'obs', 'terms': [VELOCITY]}],
            r'^inputs\[0\] of the encoder has a term latent, expected none$',
        ),
        (
            [ENCODER_INPUT, {**POLICY_INPUT, 'history': ENCODER_FRAMES}],
            r'^inputs\[1\] has frames of the term latent, expected the newest alone',
        ),
        (
            [ENCODER_INPUT, {'name': 'obs', 'terms': [{**LATENT, 'scale': 2.0}]}],
            r'^inputs\[1\]\.terms\[0\] \(latent\): latent has a scale or a clip, expected',
        ),
        (
            [ENCODER_INPUT, {'name': 'obs', 'terms': [{**LATENT, 'width': 0}]}],
            r'width is 0, expected 1 to 1000000$',
        ),
    ],
)
def test_two_stages_that_do_not_meet_are_refused(inputs, message):
    with pytest.raises(ConfigError, match=message):
        two_stages(*inputs)


def test_parts_of_an_encoder_without_one_are_refused():
    with pytest.raises(
        ConfigError, match=r'^inputs\[0\] has a term latent, expected it only with'
    ):
        make_spec(LATENT)
    entry = spec_mapping(VELOCITY)['inputs'][0]
    with pytest.raises(ConfigError, match=r'^an input has network encoder, expected it only with'):
        make_spec(inputs=[{**entry, 'network': 'encoder'}])
