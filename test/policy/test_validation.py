# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from dataclasses import replace
import json

from distill_runtime.policy.model_file.onnx_facts import OnnxFacts
from distill_runtime.policy.self_test import DryRun, FirstStep
from distill_runtime.policy.validation import file_findings, self_test_findings, validate_model
import numpy as np
import onnx
import pytest
from support.models import save_linear
from support.specs import DEFAULT, make_spec, spec_mapping


def write(folder, weights, **changes):
    model, spec = folder / 'policy.onnx', folder / 'policy.json'
    save_linear(model, weights)
    spec.write_text(json.dumps(spec_mapping(**changes)))
    return model, spec


def codes(found):
    return [finding.code for finding in found.findings if finding.severity == 'error']


def test_valid_model_passes_the_self_test(tmp_path):
    found = validate_model(*write(tmp_path, np.eye(3)))
    assert found.is_deployable
    assert found.run.is_finite
    assert 0.0 < found.run.median <= found.run.p99
    # relative positions are 0 at standstill, so the linear network outputs the default pose
    np.testing.assert_array_equal(found.step.target, DEFAULT)
    assert codes(found) == []
    assert not found.policy.session.observation.any()  # it is as it was loaded


@pytest.mark.parametrize(
    ('weights', 'changes', 'code', 'message', 'has_spec'),
    [
        (np.eye(3), {'period': -1.0}, 'spec.refused', 'period is -1.0 s', False),
        (np.eye(4), {}, 'graph.mismatch', 'joint_position 3', True),
        (
            np.eye(3),
            {'golden': {'observation': [[1, 0, 0]], 'action': [[9, 0, 0]]}},
            'golden.mismatch',
            'expected 9 within',
            True,
        ),
        (np.full((3, 3), np.nan), {}, 'network.refused', 'first step at standstill', True),
    ],
)
def test_refusal_is_an_error_of_its_stage(tmp_path, weights, changes, code, message, has_spec):
    found = validate_model(*write(tmp_path, weights, **changes))
    assert not found.is_deployable
    assert codes(found) == [code]
    assert message in found.findings[0].message
    assert (found.sourced is not None) == has_spec


def test_pose_far_from_the_default_is_a_warning(tmp_path):
    absolute = {'term': 'joint_position', 'relative': False}
    found = validate_model(
        *write(tmp_path, 10.0 * np.eye(3), inputs=[{'name': 'obs', 'terms': [absolute]}])
    )
    messages = [item.message for item in found.findings if item.code == 'action.far_at_rest']
    assert messages == [
        'standing still in the default pose, the policy moves knee to 3.60 rad, +3.00 rad from '
        'its default (2 of 3 joints are above 1 rad)'
    ]
    assert found.is_deployable


RUN = DryRun(runs=200, is_finite=True, median=1e-4, p99=2e-4)
STEP = FirstStep(
    observation=np.zeros(3, np.float32),
    action=np.zeros(3, np.float32),
    target=np.array(DEFAULT),
)
FACTS = OnnxFacts(opset=17, domains=(), producer='test', external_files=())
FAR = replace(STEP, target=np.add(DEFAULT, (0.0, -1.1, 1.0)))


@pytest.mark.parametrize(
    ('run', 'step', 'changes', 'expected'),
    [
        ({}, STEP, {}, []),
        ({'is_finite': False}, STEP, {}, [('network.not_finite', 'error')]),
        ({'median': 0.021, 'p99': 0.03}, STEP, {}, [('network.slow', 'error')]),
        ({'median': 0.02, 'p99': 0.011}, STEP, {}, [('network.slow', 'warning')]),
        ({'p99': 0.01}, STEP, {}, []),
        ({}, FAR, {}, [('action.far_at_rest', 'warning')]),
        ({}, FAR, {'mode': ['position', 'velocity', 'position']}, []),
    ],
)
def test_findings_of_the_self_test(run, step, changes, expected):
    found = self_test_findings(make_spec(**changes), replace(RUN, **run), step)
    assert [(finding.code, finding.severity) for finding in found] == expected


def test_findings_of_the_file():
    assert list(file_findings(FACTS)) == []
    facts = replace(FACTS, external_files=('a.data',), domains=('com.microsoft',))
    found = [finding.code for finding in file_findings(facts)]
    assert found == ['model.external_data', 'model.custom_operators']


def test_network_that_does_not_run_is_an_error_of_its_stage(tmp_path):
    model, spec = write(tmp_path, np.zeros((7, 3)))
    proto = onnx.load(model)
    proto.graph.input[0].type.tensor_type.shape.dim[1].dim_param = 'width'
    onnx.save(proto, model)
    assert codes(validate_model(model, spec)) == ['network.refused']
