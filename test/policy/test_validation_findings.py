# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from dataclasses import replace

from distill_runtime.policy.model_file.onnx_facts import OnnxFacts
from distill_runtime.policy.self_test import DryRun, FirstStep
from distill_runtime.policy.validation import file_findings, trial_findings
import numpy as np
import pytest
from support.specs import DEFAULT, make_spec

RUN = DryRun(runs=200, is_finite=True, median=1e-4, p99=2e-4)
STEP = FirstStep(
    observation=np.zeros(3, np.float32),
    action=np.zeros(3, np.float32),
    target=np.array(DEFAULT),
)
FACTS = OnnxFacts(opset=17, domains=(), producer='test', external_files=())


def trial(run=RUN, step=STEP, **changes):
    found = trial_findings(make_spec(**changes), run, step)
    return [(finding.code, finding.severity) for finding in found]


@pytest.mark.parametrize(
    ('changes', 'expected'),
    [
        ({}, []),
        ({'is_finite': False}, [('network.not_finite', 'error')]),
        ({'median': 0.021, 'p99': 0.03}, [('network.slow', 'error')]),
        ({'median': 0.02, 'p99': 0.011}, [('network.slow', 'warning')]),
        ({'p99': 0.01}, []),
    ],
)
def test_dry_run(changes, expected):
    assert trial(replace(RUN, **changes)) == expected


def test_target_far_from_the_default_pose():
    far = replace(STEP, target=np.add(DEFAULT, (0.0, -1.1, 1.0)))
    assert trial(step=far) == [('action.far_at_rest', 'warning')]
    assert trial(step=far, mode=['position', 'velocity', 'position']) == []


@pytest.mark.parametrize(
    ('facts', 'codes'),
    [
        (FACTS, []),
        (replace(FACTS, external_files=('a.data',)), ['model.external_data']),
        (replace(FACTS, domains=('com.microsoft',)), ['model.custom_operators']),
    ],
)
def test_file(facts, codes):
    assert [finding.code for finding in file_findings(facts)] == codes
