# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import math
from pathlib import Path

from distill_runtime.errors import ConfigError
from distill_runtime.spec.dialect import ModelContext
from distill_runtime.spec.mapping import read_dataclass
from distill_runtime.spec.readers.registry import read_content
from distill_runtime.spec.spec import PolicySpec
import numpy as np
import pytest
from support.damage import damage_test
from support.drive import driven, past, Samples
from support.limx import limx_params, POINT, SOLED, WHEELED

PATH = Path('XY_ROBOT/params.yaml')
CONTEXT = ModelContext(model=Path('XY_ROBOT/policy/policy.onnx'))


def wheeled(**changes):
    return limx_params(
        WHEELED,
        control={'wheel_joint_damping': 0.8, 'wheel_joint_torque_limit': 30},
        size={'observations_size': 28, 'jointpos_idxs': [0, 1, 2, 4, 5, 6]},
        **changes,
    )


def soled():
    return limx_params(
        SOLED,
        control={'ankle_joint_damping': 1.5, 'ankle_joint_torque_limit': 20},
        size={'observations_size': 36},
        gait={'frequencies': 1.3, 'swing_height': 0.12},
    )


def read(content):
    return read_content(content, PATH, CONTEXT)


def spec_of(content):
    return read_dataclass(PolicySpec, read(content).values, '')


def clipped(values):
    return [max(-1.0, min(1.0, value)) for value in values]


def test_point_feet_equal_a_scalar_loop():
    samples = Samples(POINT[::-1])
    outputs = np.random.default_rng(7).normal(size=(6, 6))
    frames = []
    steps = driven(spec_of(limx_params()), samples, lambda run: outputs[run])
    for tick, (observation, target) in enumerate(steps):
        phase = 2.0 * math.pi * 2.0 * (tick + 1) * 0.02
        frames.append([
            *(0.25 * value for value in samples.gyro[tick]),
            *samples.gravity(tick),
            *(samples.q(tick, name) - 0.1 * index for index, name in enumerate(POINT)),
            *(0.05 * samples.dq(tick, name) for name in POINT),
            *(outputs[tick - 1] if tick else [0.0] * 6),
            math.sin(phase),
            math.cos(phase),
            *(2.0, 0.5, 0.5, 0.1),
        ])  # fmt: skip
        vx, vy, yaw = samples.command[tick]
        expected = [value for then in past(tick, 3) for value in frames[then]]
        expected += [0.0, 0.0, *clipped(frames[tick]), 1.5 * vx, 1.0 * vy, 0.5 * yaw]
        assert observation == pytest.approx(expected, abs=1e-6)
        assert target == pytest.approx(
            [0.1 * index + 0.25 * outputs[tick][index] for index in range(6)], abs=1e-6
        )


def test_wheels_are_driven_by_velocity_and_their_positions_are_not_observed():
    spec = spec_of(wheeled())
    assert spec.modes == (('position',) * 3 + ('velocity',)) * 2
    assert spec.outputs.action.scale == (0.25, 0.25, 0.25, 0.8) * 2
    assert spec.stiffness == (40.0, 40.0, 40.0, 0.0) * 2
    assert spec.damping == (2.0, 2.0, 2.0, 0.8) * 2
    assert spec.limits.effort == (60.0, 60.0, 60.0, 30.0) * 2
    assert [spec.input_dim(entry) for entry in spec.inputs] == [3 * 28, 2 + 28 + 3]
    (position,) = (term for term in spec.inputs[0].terms if term.kind == 'joint_position')
    assert position.joints == tuple(POINT)


def test_ankles_are_driven_by_velocity_and_the_gait_is_in_the_file():
    spec = spec_of(soled())
    assert spec.modes == (('position',) * 3 + ('velocity',)) * 2
    assert spec.outputs.action.scale[3] == spec.damping[7] == 1.5
    clock, constant = spec.inputs[0].terms[-2:]
    assert (clock.frequency, constant.values) == (1.3, (1.3, 0.5, 0.5, 0.12))
    assert spec.input_dim(spec.inputs[1]) == 2 + 36 + 3


def test_commands_after_the_velocity_are_zero():
    spec = spec_of(limx_params(size={'commands_size': 5}))
    assert spec.inputs[1].terms[-1].values == (0.0, 0.0)
    assert spec.input_dim(spec.inputs[1]) == 2 + 30 + 3 + 2
    assert spec_of(limx_params(size={'commands_size': 3})) == spec_of(limx_params())


def test_period_name_and_encoder():
    spec = spec_of(limx_params())
    assert (spec.name, spec.period) == ('XY_ROBOT', 0.02)
    assert (spec.encoder.model, spec.encoder.output) == ('encoder.onnx', 0)
    assert spec.outputs.action.clip == (-5.0, 5.0)
    assert spec.command is None


@pytest.mark.parametrize(
    ('message', 'changes'),
    {
        r'PointfootCfg\.imu_orientation_offset\.yaw is 0\.1 rad, expected 0: let the driver ': [
            ('imu_orientation_offset', 'yaw', 0.1)
        ],
        r'PointfootCfg\.size\.observations_size is 27, expected 30$': [
            ('size', 'observations_size', 27)
        ],
        r'PointfootCfg\.size\.actions_size is 5, expected 6$': [('size', 'actions_size', 5)],
        r'PointfootCfg\.size\.encoder_output_size is missing$': [
            ('size', 'encoder_output_size', None)
        ],
        r'PointfootCfg\.init_state\.default_joint_angle\.abad_L_Joint is missing$': [
            ('init_state', 'default_joint_angle', {})
        ],
        r"PointfootCfg\.control\.damping is 'x', expected a num": [('control', 'damping', 'x')],
    }.items(),
)
def test_what_does_not_fit_is_refused(changes, message):
    with pytest.raises(ConfigError, match=message):
        read(limx_params(changes=changes))


test_damaged_file_is_read_or_refused = damage_test(limx_params(), 'XY/params.yaml')
