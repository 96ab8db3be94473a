# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json

from distill_runtime.errors import ModelError
from distill_runtime.policy.model import load_policy
from distill_runtime.policy.self_test import dry_run, first_step
import numpy as np
import pytest
from support.models import save_linear, save_recurrent
from support.specs import spec_mapping


def load(folder, save, *arguments, **changes):
    model, spec = save(folder / 'policy.onnx', *arguments), folder / 'policy.json'
    spec.write_text(json.dumps(spec_mapping(**changes)))
    return load_policy(model, spec)


def test_durations_and_sanity(tmp_path):
    run = dry_run(load(tmp_path, save_linear, np.eye(3)).session, 10)
    assert (run.runs, run.is_finite) == (10, True)
    assert 0.0 < run.median <= run.p99 < 1.0


def test_numbers_that_overflow_are_seen(tmp_path):
    huge = np.full((3, 3), 3e38)
    assert not dry_run(load(tmp_path, save_linear, huge).session, 10).is_finite


def test_recurrent_state_is_zero_again(tmp_path):
    state = [{'input': 'h_in', 'output': 'h_out', 'shape': [1, 1, 3]}]
    policy = load(tmp_path, save_recurrent, state=state)
    dry_run(policy.session, 3)
    policy.session.run()
    np.testing.assert_array_equal(policy.session.action, np.zeros(3))


def test_first_step_stands_level_in_the_default_pose(tmp_path):
    terms = [{'term': 'projected_gravity'}, {'term': 'joint_position', 'relative': False}]
    weights = np.vstack([np.eye(3), np.zeros((3, 3))])
    inputs = [{'name': 'obs', 'terms': terms}]
    step = first_step(load(tmp_path, save_linear, weights, inputs=inputs))
    np.testing.assert_allclose(step.observation, [0, 0, -1, 0.1, 0.6, -0.5], rtol=1e-6)
    np.testing.assert_allclose(step.target, [0.1, 0.6, -0.5 - 0.5], rtol=1e-6)


def test_network_that_gives_no_number_is_refused(tmp_path):
    policy = load(tmp_path, save_linear, np.full((3, 3), np.nan))
    with pytest.raises(ModelError, match='first step at standstill is refused: '):
        first_step(policy)
