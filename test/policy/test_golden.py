# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from dataclasses import replace

from distill_runtime.errors import ModelError
from distill_runtime.policy.golden import record_golden, replay_golden
from distill_runtime.policy.session import open_session, PolicySession
from distill_runtime.spec.tensors import Golden
import numpy as np
import pytest
from support.models import save_recurrent
from support.specs import make_spec


@pytest.fixture
def policy(tmp_path):
    session, graph = open_session(save_recurrent(tmp_path / 'm.onnx'))
    state = [{'input': 'h_in', 'output': 'h_out', 'shape': [1, 1, 3]}]
    return PolicySession(session, graph, make_spec(state=state))


def golden(observation=((1, 2, 3), (1, 0, 0)), action=((2, 4, 6), (4, 4, 6)), **changes):
    return Golden(observation=observation, action=action, **changes)


def test_largest_difference_within_the_tolerance_is_returned(policy):
    close = golden(action=((2, 4.00005, 6), (4, 4, 5.99998)))
    assert replay_golden(policy, close) == pytest.approx(5e-5, rel=1e-3)


def test_what_is_recorded_replays_exactly(policy):
    observations = np.random.default_rng(0).normal(size=(6, 3)).astype(np.float32)
    recorded = record_golden(policy, observations, tolerance=1e-6)
    assert np.array(recorded.observation, np.float32).tobytes() == observations.tobytes()
    assert recorded.tolerance == 1e-6
    assert replay_golden(policy, recorded) == 0.0


def test_replay_starts_from_a_reset_and_leaves_no_trace(policy):
    for _ in range(2):
        policy.observation[:] = 5.0
        policy.run()
        assert replay_golden(policy, golden()) == 0.0
        assert policy.observation.tolist() == policy.action.tolist() == [0.0] * 3


def test_tolerance_is_inclusive(policy):
    vectors = golden(observation=((1, 2, 3),), action=((2.0625, 4, 6),), tolerance=0.0625)
    assert replay_golden(policy, vectors) == 0.0625
    with pytest.raises(ModelError, match=r'^golden\.action\[0\]\[0\] is 2, expected 2\.06251 '):
        replay_golden(policy, replace(vectors, action=((2.06251, 4, 6),)))


@pytest.mark.parametrize(
    ('changes', 'message'),
    [
        (
            {'action': ((2, 4, 6), (4, 4, 7.5))},
            r'action\[1\]\[2\] is 6, expected 7\.5 within 0\.0001: was the model changed after it '
            r'was packed\?$',
        ),
        (
            {'action': ((2, float('nan'), 6), (4, 4, 6))},
            r'action\[0\]\[1\] is 4, expected nan within',
        ),
        ({'observation': ((1, 2, 3), (1, 0))}, r'observation\[1\] has 2 elements, expected 3$'),
        ({'action': ((2, 4, 6, 8), (1, 1, 1))}, r'action\[0\] has 4 elements, expected 3$'),
    ],
)
def test_other_values_and_widths_are_refused(policy, changes, message):
    with pytest.raises(ModelError, match=rf'^golden\.{message}'):
        replay_golden(policy, golden(**changes))
