# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from distill_runtime.core.pd import JointPD
from distill_runtime.errors import ConfigError
from distill_runtime.spec.compile import compile_spec
import numpy as np
import pytest
from support.specs import make_spec

GAINS = {'stiffness': [10.0, 20.0, 30.0], 'damping': [1.0, 2.0, 3.0]}


def make_pd(**changes):
    return JointPD(compile_spec(make_spec(**{**GAINS, **changes})).joints)


def effort(pd, command, position, velocity):
    pd.compute(np.array(command, float), np.array(position, float), np.array(velocity, float))
    return pd.effort.tolist()


def test_effort_limit_binds_on_both_sides():
    pd = make_pd(limits={'effort': [1.0, 2.0, None]})
    assert effort(pd, [9, -9, 9], [0, 0, 0], [0, 0, 0]) == [1.0, -2.0, 270.0]


def test_inputs_are_not_written():
    arrays = [np.array([0.1, 0.2, 0.3]) for _ in range(3)]
    make_pd(mode=['position', 'velocity', 'effort']).compute(*arrays)
    assert all(array.tolist() == [0.1, 0.2, 0.3] for array in arrays)


def test_spec_without_gains_is_refused():
    with pytest.raises(ConfigError, match=r'has no stiffness and damping, expected both for '):
        JointPD(compile_spec(make_spec()).joints)


@pytest.mark.parametrize('seed', range(5))
def test_mixed_modes_equal_the_formula_joint_by_joint(seed):
    rng = np.random.default_rng(seed)
    modes = ['position', 'velocity', 'effort']
    rng.shuffle(modes)
    command, position, velocity = rng.normal(size=(3, 3))
    torque = effort(
        make_pd(mode=modes, limits={'effort': [5.0, 5.0, 5.0]}), command, position, velocity
    )
    for joint, mode in enumerate(modes):
        kp, kd = GAINS['stiffness'][joint], GAINS['damping'][joint]
        expected = {
            'position': kp * (command[joint] - position[joint]) - kd * velocity[joint],
            'velocity': kd * (command[joint] - velocity[joint]),
            'effort': command[joint],
        }[mode]
        assert torque[joint] == pytest.approx(min(5.0, max(-5.0, expected)))
