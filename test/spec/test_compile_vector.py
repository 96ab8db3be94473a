# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""What each term puts into the tensor, from sensors to numbers."""

from __future__ import annotations

import math

from distill_runtime.errors import ConfigError
from distill_runtime.spec.compile import compile_spec, sensor_layout
import numpy as np
import pytest
from support.rig import Rig
from support.specs import make_spec

ROBOT = ('tail', 'ankle', 'hip', 'knee')
POSE = {'term': 'external', 'topic': 'goal', 'width': 7, 'message': 'PoseStamped'}
PHASE = {'term': 'gait_phase', 'frequency': 12.5, 'offsets': [0.0, math.pi / 2]}


def observed(*terms, ticks=1, output=0.0, **changes):
    """Return the observation after some ticks of a robot with known sensor values."""
    rig = Rig(make_spec(*terms, **changes), output, ROBOT, start_in='policy', tilt_limit=0.0)
    sensors = rig.sensors
    sensors.joint_position[:] = [9.0, 0.25, 0.5, 0.75]
    sensors.joint_velocity[:] = [9.0, -3.0, -1.0, -2.0]
    sensors.angular_velocity[:] = [0.125, 0.25, 0.375]
    half = math.sqrt(0.5)
    sensors.quat_base_to_world[:] = [half, half, 0.0, 0.0]
    sensors.velocity_command[:] = [0.5, -0.25, 1.0]
    sensors.base_linear_velocity[:] = [1.5, 2.5, 3.5]
    for number, external in enumerate(sensors.externals):
        external[:] = np.arange(1.0, len(external) + 1) + 10 * number
    for _ in range(ticks):
        step = rig.tick()
    assert step.has_policy_step, step.reason
    return step.observation.tolist()


@pytest.mark.parametrize(
    ('term', 'expected'),
    [
        ({'term': 'base_linear_velocity'}, [1.5, 2.5, 3.5]),
        ({'term': 'base_angular_velocity'}, [0.125, 0.25, 0.375]),
        ({'term': 'base_angular_velocity', 'scale': 0.25}, [0.03125, 0.0625, 0.09375]),
        ({'term': 'projected_gravity'}, [0.0, -1.0, 0.0]),
        ({'term': 'velocity_command'}, [0.5, -0.25, 1.0]),
        ({'term': 'velocity_command', 'scale': [2, 2, 0.25]}, [1.0, -0.5, 0.25]),
        ({'term': 'velocity_command', 'components': ['yaw', 'vx']}, [1.0, 0.5]),
        ({'term': 'velocity_command', 'components': ['vy'], 'scale': 4}, [-1.0]),
        ({'term': 'joint_position', 'relative': False}, [0.5, 0.75, 0.25]),
        ({'term': 'joint_position', 'relative': True}, [0.4, 0.15, 0.75]),
        (
            {'term': 'joint_position', 'relative': True, 'joints': ['ankle', 'hip']},
            [0.75, 0.4],
        ),
        (
            {'term': 'joint_position', 'relative': True, 'masked': ['hip', 'ankle']},
            [0.0, 0.15, 0.0],
        ),
        (
            {'term': 'joint_position', 'relative': False, 'joints': ['knee', 'hip'],
             'masked': ['knee']},
            [0.0, 0.5],
        ),
        ({'term': 'joint_velocity'}, [-1.0, -2.0, -3.0]),
        ({'term': 'joint_velocity', 'joints': ['ankle'], 'scale': 0.5}, [-1.5]),
        ({'term': 'joint_velocity', 'masked': ['knee']}, [-1.0, 0.0, -3.0]),
        ({'term': 'last_action'}, [0.0, 0.0, 0.0]),
        ({'term': 'external', 'topic': '/scan', 'width': 4}, [1.0, 2.0, 3.0, 4.0]),
        (POSE, [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0]),
        ({**POSE, 'quaternion': 'wxyz'}, [1.0, 2.0, 3.0, 7.0, 4.0, 5.0, 6.0]),
        ({**PHASE, 'components': ['cos', 'sin'], 'advance': 'after'}, [1.0, 0.0, 0.0, 1.0]),
        ({**PHASE, 'components': ['sin', 'cos'], 'advance': 'after'}, [0.0, 1.0, 1.0, 0.0]),
        ({**PHASE, 'components': ['cos', 'sin'], 'advance': 'before'}, [0.0, -1.0, 1.0, 0.0]),
    ],
)  # fmt: skip
def test_first_observation_of_each_term(term, expected):
    assert observed(term) == pytest.approx(expected, abs=1e-6)


def test_terms_follow_one_another_in_the_order_of_the_spec():
    observation = observed(
        {'term': 'velocity_command', 'components': ['vx']},
        {'term': 'joint_velocity', 'joints': ['knee']},
        {'term': 'velocity_command', 'components': ['yaw']},
    )
    assert observation == [0.5, -2.0, 1.0]


def test_last_action_is_the_raw_output_of_the_step_before():
    assert observed({'term': 'last_action', 'scale': 2.0}, ticks=2, output=0.25) == [0.5] * 3


def test_two_terms_of_one_clock_share_it():
    term = {**PHASE, 'components': ['sin'], 'advance': 'after'}
    # a clock advanced twice a step would be back at its start
    assert observed(term, term, ticks=2) == pytest.approx([1.0, 0.0] * 2, abs=1e-6)


def test_clocks_of_different_frequency_run_side_by_side():
    fast = {**PHASE, 'offsets': [0.0], 'components': ['cos'], 'advance': 'after'}
    slow = {**fast, 'frequency': 6.25}
    assert observed(fast, slow, ticks=3) == pytest.approx([-1.0, 0.0], abs=1e-6)


def test_repeated_externals_read_the_same_elements():
    one = {'term': 'external', 'topic': 'one', 'width': 2}
    two = {'term': 'external', 'topic': 'two', 'width': 1}
    assert observed(two, one, two) == [1.0, 11.0, 12.0, 1.0]


def test_external_of_another_width_in_the_layout_is_refused():
    wide = make_spec({'term': 'external', 'topic': 't', 'width': 3})
    narrow = make_spec({'term': 'external', 'topic': 't', 'width': 2})
    with pytest.raises(
        ConfigError, match=r"^external 't' has width 3, expected 2 as in the sensor layout$"
    ):
        compile_spec(wide, sensor_layout(narrow))
