# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from distill_runtime.errors import ConfigError
from distill_runtime.spec.mapping import read_dataclass, to_mapping
from distill_runtime.spec.spec import PolicySpec
from distill_runtime.spec.tensors import (
    ActionSpec,
    Golden,
    InputSpec,
    StateSpec,
)
import pytest
from support.specs import make_spec, spec_mapping

POSITION = {'term': 'joint_position', 'relative': True}
FRAMES = {'length': 3, 'major': 'term', 'order': 'oldest_first', 'fill': 'first'}


def tensor(*terms, **changes):
    return read_dataclass(InputSpec, {'name': 'obs', 'terms': list(terms), **changes}, 'inputs[0]')


def frames(**changes):
    return {key: value for key, value in {**FRAMES, **changes}.items() if value is not None}


AMBIGUOUS = {
    r'history: major is missing, expected it for more than one frame$': {'major': None},
    r'history: fill is missing, expected it for more than one frame$': {'fill': None},
    r'history: order is missing, expected it for more than one frame$': {'order': None},
    r'history\.length is 0, expected 1 to 1000$': {'length': 0},
    r'history\.length is 1001, expected 1 to 1000$': {'length': 1001},
    r'history: history has length and steps, expected one of them$': {'length': None},
    r'history has length and steps, expected one of them$': {'steps': [0]},
    r'history\.steps is \[\], expected different ages$': {'length': None, 'steps': []},
    r'history\.steps is \[1, 1\], expected different': {'length': None, 'steps': [1, 1]},
    r'history\.steps is \[-1\], expected ages of 0 to 999 ticks$': {'length': None, 'steps': [-1]},
    r'steps is \[1000\], expected ages of 0 to 999': {'length': None, 'steps': [1000]},
    r"history\.major is 'time', expected": {'major': 'time'},
}
AMBIGUOUS_TERM = {
    r'terms\[0\]\.history is given, expected it only with history\.major term$': {
        'major': 'frame'
    },
    r'terms\[0\]\.history\.length is given, expected history\.order too$': {
        'length': 1,
        'order': None,
        'fill': None,
    },
    r'terms\[0\]\.history is given, expected history\.fill too$': {'length': 1, 'fill': None},
}


@pytest.mark.parametrize(
    ('message', 'history', 'term'),
    [
        *((message, changes, POSITION) for message, changes in AMBIGUOUS.items()),
        *(
            (message, changes, {**POSITION, 'history': {'length': 2}})
            for message, changes in AMBIGUOUS_TERM.items()
        ),
        (r'terms\[0\]\.history: history has length and steps', {}, {**POSITION, 'history': {}}),
    ],
)
def test_history_that_would_have_to_be_guessed_is_refused(message, history, term):
    with pytest.raises(ConfigError, match=rf'^inputs\[0\].*{message}'):
        tensor(term, history=frames(**history))


@pytest.mark.parametrize(
    ('changes', 'own', 'lags'),
    [
        ({}, None, (2, 1, 0)),
        ({'order': 'newest_first'}, None, (0, 1, 2)),
        ({'length': None, 'steps': [4, 0, 2], 'order': None}, None, (4, 0, 2)),
        ({'length': None, 'steps': [4, 0, 2]}, None, (4, 2, 0)),
        ({'length': None, 'steps': [4, 0, 2], 'order': 'newest_first'}, None, (0, 2, 4)),
        # the history of a term takes the order of its input
        ({}, {'steps': [0, 5, 1]}, (5, 1, 0)),
        ({'length': None, 'steps': [0, 1], 'order': None}, {'steps': [0, 5, 1]}, (0, 5, 1)),
    ],
)
def test_lags_are_the_ages_in_tensor_order(changes, own, lags):
    entry = tensor({**POSITION, 'history': own}, history=frames(**changes))
    assert entry.lags(entry.terms[0]) == lags


def test_tensor_without_terms_is_refused():
    with pytest.raises(ConfigError, match=r'^inputs\[0\]: terms is empty, expected at least one'):
        tensor()


def test_tensor_may_be_named_by_its_position():
    assert tensor(POSITION, name=0).name == 0
    with pytest.raises(ConfigError, match=r'^inputs\[0\]\.name is True, expected a string or an'):
        tensor(POSITION, name=True)


STATE = {'input': 'h', 'output': 'g'}
PAIR = {'observation': ((1.0,),), 'action': ((1.0,),)}


@pytest.mark.parametrize(
    ('message', 'make'),
    {
        r'^shape is \[\], expected sizes of at least 1$': lambda: StateSpec(**STATE, shape=()),
        r'^shape is \[1, -1\], expected sizes': lambda: StateSpec(**STATE, shape=(1, -1)),
        r'10000001 elements, expected at most 10000000$': lambda: StateSpec(
            **STATE, shape=(1, 10_000_001)
        ),
        r'^initial has 1 elements, expected 2, those of shape \[1, 2\]$': lambda: StateSpec(
            **STATE, shape=(1, 2), initial=(0.0,)
        ),
        r'^observation has 0 steps and action 0, expected the': lambda: Golden(
            observation=(), action=()
        ),
        r'^observation has 1 steps and action 0': lambda: Golden(**{**PAIR, 'action': ()}),
        r'^tolerance is 0\.0, expected above 0$': lambda: Golden(**PAIR, tolerance=0.0),
    }.items(),
)
def test_impossible_state_and_golden_vectors_are_refused(message, make):
    with pytest.raises(ConfigError, match=message):
        make()


ACTIONS = {
    r'^scale is missing, expected it: a guess would move the robot$': {'offset': 'default'},
    r'^offset is missing, expected it: a guess would move the robot$': {'scale': 1.0},
    r'^choices is given with scale or offset, expected the targets alone$': {
        'scale': 1.0,
        'choices': ((1.0,),),
    },
    r'^choices is given with target_clip, expected the targets alone$': {
        'target_clip': (-1.0, 1.0),
        'choices': ((1.0,),),
    },
    r'^choices has rows of different lengths, expected a row of targets each$': {'choices': ()},
    r'^choices has rows of different lengths': {'choices': ((1.0,), (1.0, 2.0))},
    r'^joints is empty, expected at least one, or null for all$': {
        'scale': 1.0,
        'offset': 'default',
        'joints': (),
    },
}


@pytest.mark.parametrize(('message', 'values'), ACTIONS.items())
def test_action_that_would_have_to_be_guessed_is_refused(message, values):
    with pytest.raises(ConfigError, match=message):
        ActionSpec(name='actions', **values)


VELOCITY = {'term': 'joint_velocity'}
LATENT = {'term': 'latent', 'width': 2}
ONCE = {**LATENT, 'history': {'length': 1}}
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


@pytest.mark.parametrize(
    ('inputs', 'place'),
    [
        ([ENCODER_INPUT, POLICY_INPUT], (15, 17)),
        ([POLICY_INPUT, ENCODER_INPUT], (3, 5)),
        (
            [
                ENCODER_INPUT,
                {**POLICY_INPUT, 'history': ENCODER_FRAMES, 'terms': [VELOCITY, ONCE]},
            ],
            (24, 26),
        ),
    ],
)
def test_latent_follows_the_preceding_terms(inputs, place):
    assert two_stages(*inputs).latent_range == place


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
