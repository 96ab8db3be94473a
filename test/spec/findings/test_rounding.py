# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from distill_runtime.policy.model import load_policy
from distill_runtime.spec.findings.finding import Case
from distill_runtime.spec.findings.registry import CHECKS
from distill_runtime.spec.findings.sources import rounded
from distill_runtime.spec.sources import SourcedSpec
import pytest
from support.specs import make_spec
import yaml

METADATA = 'policy.onnx metadata: action_scale'


def found(source=METADATA, field='outputs.action.scale', terms=(), **changes):
    spec = make_spec(*terms, **changes)
    sourced = SourcedSpec(spec=spec, sources={field: source}, conflicts=())
    return list(rounded(Case(sourced=sourced)))


def test_doctor_has_the_check():
    assert rounded in CHECKS


def test_wrist_of_a_g1_is_a_warning():
    # 0.0745 became 0.075 in a file that was shipped
    (finding,) = found(action={'scale': [0.439, 0.075, 0.25]})
    assert (finding.code, finding.severity) == ('scale.rounded', 'warning')
    assert 'outputs.action.scale[knee] is 0.075 in policy.onnx metadata' in finding.message
    assert 'off by 0.67% (2 numbers' in finding.message


@pytest.mark.parametrize(('scale', 'severity'), [(0.099, 'warning'), (0.101, 'info')])
def test_half_a_percent_is_the_border(scale, severity):
    (finding,) = found(action={'scale': scale})
    assert finding.severity == severity


@pytest.mark.parametrize('scale', [0.25, 0.5, 1.0, 0.0745, 1 / 3, 2])
def test_number_with_fewer_or_more_decimals_is_none(scale):
    assert found(action={'scale': scale}) == []


@pytest.mark.parametrize(
    'source',
    ['policy.yaml', 'policy.onnx:distill_runtime.spec', 'policy.onnx metadata: kp', ''],
)
def test_sources_that_keep_all_digits_are_none(source):
    assert found(source, action={'scale': 0.075}) == []


def test_gains_and_scales_of_terms_count_too():
    gains = {'stiffness': [19.739] * 3, 'damping': [1.5] * 3}
    (finding,) = found('policy.onnx metadata: joint_stiffness', 'stiffness', **gains)
    assert (finding.severity, '3 numbers' in finding.message) == ('info', True)
    terms = [{'term': 'joint_velocity', 'scale': 0.051}]
    (finding,) = found('policy.onnx metadata: observation_names', 'inputs', terms)
    assert 'inputs[0].joint_velocity.scale is 0.051' in finding.message


def test_metadata_of_a_real_policy_is_seen_to_be_rounded(shared_data, tmp_path):
    model = shared_data / 'policies' / 'mjlab_anymal_c' / 'policy.onnx'
    known = yaml.safe_load('{period: 0.02, name: anymal}')
    known['inputs'] = [{'name': 'obs', 'terms': [{'term': t} for t in (
        'base_linear_velocity', 'base_angular_velocity', 'projected_gravity'
    )] + [{'term': 'joint_position', 'relative': True}] + [{'term': t} for t in (
        'joint_velocity', 'last_action', 'velocity_command'
    )]}]  # fmt: skip
    (tmp_path / 'known.yaml').write_text(yaml.safe_dump(known))
    sourced = load_policy(model, tmp_path / 'known.yaml').sourced
    (finding,) = rounded(Case(sourced=sourced))
    assert (finding.code, finding.severity) == ('scale.rounded', 'info')
