# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json

from distill_runtime.errors import ModelError
from distill_runtime.policy.golden import replay_golden
from distill_runtime.policy.model import load_policy
from distill_runtime.policy.self_test import (
    dry_run,
    first_step,
    limit_use,
    measured_joints,
    NUM_STEPS,
    record_self_test,
)
from distill_runtime.spec.compile import compile_spec
import numpy as np
import pytest
from support.drive import driven, Samples
from support.models import save_linear, save_recurrent
from support.real_policies import REAL, real_words
from support.specs import DEFAULT, make_spec, spec_mapping


def load(folder, weights, **changes):
    """Load a linear policy; a recurrent one without weights."""
    path, spec = folder / 'policy.onnx', folder / 'policy.json'
    model = save_recurrent(path) if weights is None else save_linear(path, weights)
    spec.write_text(json.dumps(spec_mapping(**changes)))
    return load_policy(model, spec)


STATE = [{'input': 'h_in', 'output': 'h_out', 'shape': [1, 1, 3]}]


@pytest.mark.parametrize(('weight', 'is_finite'), [(1.0, True), (3e38, False)])
def test_duration_and_overflow_of_random_runs(tmp_path, weight, is_finite):
    run = dry_run(load(tmp_path, np.full((3, 3), weight)).session, 10)
    assert (run.runs, run.is_finite) == (10, is_finite)
    assert 0.0 < run.median <= run.p99 < 1.0


def test_recurrent_policy_is_reset_before_and_after(tmp_path):
    policy = load(tmp_path, None, state=STATE)
    dry_run(policy.session, 3)
    policy.session.run()
    assert policy.session.action.tolist() == [0.0] * 3
    golden = record_self_test(policy)
    assert replay_golden(policy.session, golden) == 0.0
    assert record_self_test(policy) == golden


def test_first_step_stands_level_in_the_default_pose(tmp_path):
    terms = [{'term': 'projected_gravity'}, {'term': 'joint_position', 'relative': False}]
    weights = np.vstack([np.eye(3), np.zeros((3, 3))])
    inputs = [{'name': 'obs', 'terms': terms}]
    step = first_step(load(tmp_path, weights, inputs=inputs))
    np.testing.assert_allclose(step.observation, [0, 0, -1, 0.1, 0.6, -0.5], rtol=1e-6)
    np.testing.assert_allclose(step.target, [0.1, 0.6, -0.5 - 0.5], rtol=1e-6)


def load_small(tmp_path, **changes):
    terms = [
        {'term': 'joint_position', 'relative': True},
        {'term': 'velocity_command'},
        {'term': 'external', 'topic': '/scan', 'width': 2},
    ]
    inputs = [{'name': 'obs', 'terms': terms}]
    return load(tmp_path, np.ones((8, 3)), inputs=inputs, **changes)


def test_first_steps_are_at_rest_and_the_others_are_not(tmp_path):
    observation = np.array(record_self_test(load_small(tmp_path)).observation)
    assert observation.shape == (NUM_STEPS, 8)
    assert not observation[:2].any()
    assert observation[2:].all()
    assert len(np.unique(observation[2:], axis=0)) == NUM_STEPS - 2


def test_commands_are_those_of_the_training(tmp_path):
    command = {'lower': [1.0, -0.5, 0.0], 'upper': [2.0, -0.25, 0.0]}
    observation = np.array(record_self_test(load_small(tmp_path, command=command)).observation)[2:]
    assert (observation[:, 3] >= 1.0).all()
    assert (observation[:, 4] <= -0.25).all()
    assert not observation[:, 5].any()


@pytest.mark.parametrize('weight', [0.1, 100.0])
def test_tolerance_grows_with_large_outputs(tmp_path, weight):
    golden = record_self_test(load(tmp_path, weight * np.ones((3, 3))))
    largest = np.abs(golden.action).max()
    assert golden.tolerance == pytest.approx(1e-4 * max(1.0, largest))
    assert (largest > 1.0) == (weight > 1.0)


@pytest.mark.parametrize(
    ('weight', 'test', 'message'),
    [
        (np.nan, first_step, 'first step at standstill is refused: '),
        (3e38, record_self_test, r'step 2 of the self-test is refused: action\.too_large'),
    ],
)
def test_network_that_gives_no_number_is_refused(tmp_path, weight, test, message):
    with pytest.raises(ModelError, match=message):
        test(load(tmp_path, np.full((3, 3), weight)))


@pytest.mark.parametrize('name', sorted(REAL))
def test_real_policies_replay_their_trial(name, shared_data):
    model, *options = real_words(name, shared_data)
    given = dict(zip(options[::2], options[1::2], strict=True))
    policy = load_policy(model, given.get('--spec'), given['--robot'])
    golden = record_self_test(policy)
    assert replay_golden(policy.session, golden) == 0.0
    assert np.isfinite(golden.action).all()


POSITION = {'term': 'joint_position', 'relative': True, 'scale': 2.0}


VELOCITY = {'term': 'joint_velocity', 'scale': 0.25}


GAINS = {'stiffness': [20.0] * 3, 'damping': [0.5] * 3}


FRAMES = {'length': 3, 'order': 'newest_first', 'fill': 'first'}


def golden_of(*rows):
    """Return golden vectors of relative positions in rad that the network doubles."""
    return {
        'observation': [list(row) for row in rows],
        'action': [[2.0 * value for value in row] for row in rows],
    }


@pytest.mark.parametrize('major', ['term', 'frame'])
def test_measured_joints_come_back_from_the_newest_frame(major):
    spec = make_spec(VELOCITY, POSITION, history={**FRAMES, 'major': major})
    samples = Samples(spec.joints)
    observations = np.array([observation for observation, _ in driven(spec, samples)])
    position, velocity = measured_joints(compile_spec(spec), observations)
    assert position == pytest.approx(samples.position, abs=1e-6)
    assert velocity == pytest.approx(samples.velocity, abs=1e-5)


def test_what_no_term_holds_is_not_measured():
    spec = make_spec({**POSITION, 'joints': ['knee']})
    position, velocity = measured_joints(compile_spec(spec), np.array([[0.5]]))
    assert np.isnan(position[0, [0, 2]]).all()
    assert position[0, 1] == DEFAULT[1] + 0.25
    assert np.isnan(velocity).all()


def test_each_limit_is_counted_on_the_golden_vectors(tmp_path):
    # targets are the default position plus the action, joints are half as far from it
    policy = load(
        tmp_path,
        2.0 * np.eye(3),
        **GAINS,
        limits={
            'position': [[-0.9, 1.1], [-0.4, 1.6], [-1.5, 0.5]],
            'effort': [10.0, 10.0, 2.0],
            'velocity': [2.0, 2.0, 2.0],
        },
        action={'scale': 1.0},
        golden=golden_of([0.0, 0.6, 0.25], [-0.95, 0.2, 0.0]),
    )
    use = limit_use(policy)
    assert (use.source, use.num_steps, use.num_joints, use.measured) == ('golden', 2, 3, 1.0)
    assert use.bounded_joints == use.soft_joints == ('hip', 'knee', 'ankle')
    # knee to 1.8 from 1.2, 0.2 beyond; hip to -1.8 from -0.85, within its margin of 0.1
    assert use.clip == pytest.approx(2 / 6)
    assert use.soft == pytest.approx(1 / 6)
    assert (use.clipped_joint, use.largest_clip) == ('hip', pytest.approx(0.9))
    # 20 N m/rad: 0.6, 0.95 and 0.25 rad ahead ask for more than 10, 10 and 2 N m, and more than
    # the 0.04 rad that a joint may move in a step
    assert use.torque == pytest.approx(3 / 6)


def test_without_golden_vectors_the_policy_runs_on_random_sensors(tmp_path):
    use = limit_use(load(tmp_path, np.eye(3)))
    assert (use.source, use.num_steps) == ('dry_run', 200)
    assert use.bounded_joints == ()
    assert use.clip == use.soft == use.torque == 0.0


def test_joints_without_gains_are_not_soft(tmp_path):
    use = limit_use(load(tmp_path, np.eye(3), limits={'position': [[-1, 1.5]] * 3}))
    assert len(use.bounded_joints) == 3
    assert use.soft_joints == ()
