# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from distill_runtime.errors import ConfigError
from distill_runtime.spec.mapping import read_dataclass, to_mapping
from distill_runtime.spec.spec import PolicySpec
from distill_runtime.spec.tensors import latent_range
import pytest
from support.specs import make_spec, spec_mapping

VELOCITY = {'term': 'joint_velocity'}
LATENT = {'term': 'latent', 'width': 2}
FRAMES = {'length': 4, 'major': 'term', 'order': 'oldest_first', 'fill': 'first'}
ENCODER_INPUT = {
    'name': 'past',
    'network': 'encoder',
    'terms': [VELOCITY],
    'history': {**FRAMES, 'major': 'frame'},
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
    assert latent_range(spec.inputs, 3, 3) == (15, 17)
    assert latent_range(two_stages(POLICY_INPUT, ENCODER_INPUT).inputs, 3, 3) == (3, 5)


def test_latent_in_a_tensor_with_frames_of_other_terms():
    entry = {
        'name': 'obs', 'history': FRAMES, 'terms': [VELOCITY, {**LATENT, 'history': {'length': 1}}]
    }  # fmt: skip
    assert latent_range(two_stages(ENCODER_INPUT, entry).inputs, 3, 3) == (24, 26)


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
            [ENCODER_INPUT, {**POLICY_INPUT, 'history': FRAMES}],
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
