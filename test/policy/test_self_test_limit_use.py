# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json

from distill_runtime.policy.model import load_policy
from distill_runtime.policy.self_test import limit_use, measured_joints
from distill_runtime.spec.compile import compile_spec
import numpy as np
import pytest
from support.drive import driven, Samples
from support.models import save_linear
from support.specs import DEFAULT, make_spec, spec_mapping

POSITION = {'term': 'joint_position', 'relative': True, 'scale': 2.0}
VELOCITY = {'term': 'joint_velocity', 'scale': 0.25}
GAINS = {'stiffness': [20.0] * 3, 'damping': [0.5] * 3}
FRAMES = {'length': 3, 'order': 'newest_first', 'fill': 'first'}


def load(folder, weights, **changes):
    model, spec = save_linear(folder / 'policy.onnx', weights), folder / 'policy.json'
    spec.write_text(json.dumps(spec_mapping(**changes)))
    return load_policy(model, spec)


def golden(*rows):
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
        golden=golden([0.0, 0.6, 0.25], [-0.95, 0.2, 0.0]),
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
