# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import math

from distill_runtime.core.config import RunnerConfig
from distill_runtime.core.sensors import NEVER
from distill_runtime.data.pipeline.rows import OrdinaryChunk
from distill_runtime.spec.compile import compile_spec
import numpy as np
import pytest
from support.bags import MS
from support.rig import COMMAND_TERM, IMU_TERM, ODOMETRY_TERM
from support.specs import DEFAULT, make_spec

POSITION = {'term': 'joint_position', 'relative': True}
SCAN = {'term': 'external', 'topic': '/scan', 'width': 2, 'max_age': 0.2}
TERMS = (POSITION, IMU_TERM, COMMAND_TERM, SCAN)
LIMITS = {'position': [[-1.0, 1.0]] * 3, 'velocity': [5.0] * 3}
NUM_TICKS = 4


class Chunk:
    """Ordinary ticks of a robot that stands level, each with new samples; see is_ordinary."""

    def __init__(self, *terms, limits=LIMITS, **config):
        compiled = compile_spec(make_spec(*terms, limits=limits))
        self.layout = compiled.layout
        self.check = OrdinaryChunk(compiled, RunnerConfig(**config))
        rows = np.arange(NUM_TICKS + 1)
        self.sensors = np.zeros((len(rows), self.layout.size))
        self.sensors[:, self.layout.joint_position] = DEFAULT
        self.sensors[:, self.layout.joint_velocity] = 0.1 * rows[:, np.newaxis]
        self.sensors[:, self.layout.angular_velocity] = 0.1 * rows[:, np.newaxis]
        self.sensors[:, self.layout.quat_base_to_world.start] = 1.0
        self.stamp_ns = (1000 + 20 * rows[1:]) * MS
        num_inputs = 4 + len(self.layout.externals)
        self.input_ns = np.tile((1000 + 20 * rows)[:, np.newaxis] * MS, (1, num_inputs))

    def is_ordinary(self):
        return self.check.is_ordinary(self.sensors, self.input_ns, self.stamp_ns)


@pytest.mark.parametrize('terms', [(POSITION,), TERMS, (*TERMS, ODOMETRY_TERM)])
def test_fresh_samples_of_an_upright_robot_are_ordinary(terms):
    assert Chunk(*terms).is_ordinary()


@pytest.mark.parametrize(
    ('ages', 'is_ordinary'),
    [
        ({0: 100, 3: 9999, 4: 200}, True),  # an old command is zeroed
        ({2: 101}, True),  # no term needs odometry
        ({2: None, 3: None}, True),
        *(({column: age}, False) for column, age in ((0, 101), (0, -101), (1, 101), (4, 201))),
        *(({column: None}, False) for column in (0, 1, 4)),
    ],
)
def test_age_of_each_input_in_ms(ages, is_ordinary):
    chunk = Chunk(*TERMS)
    for column, age in ages.items():
        if age is None:
            chunk.input_ns[:2, column] = NEVER
        else:
            chunk.input_ns[3, column] = chunk.stamp_ns[2] - age * MS
    assert chunk.is_ordinary() is is_ordinary


def tilted(angle):
    return [math.cos(angle / 2), math.sin(angle / 2), 0.0, 0.0]


@pytest.mark.parametrize(
    ('segment', 'value', 'is_ordinary'),
    [
        ('joint_position', 0.99, True),
        ('joint_position', 1.01, False),
        ('joint_position', math.nan, False),
        ('joint_velocity', -4.9, True),
        ('joint_velocity', -5.1, False),
        ('velocity_command', math.inf, False),
        ('velocity_command', 1e20, False),
        ('quat_base_to_world', 0.4, False),
        ('quat_base_to_world', tilted(0.9), True),
        ('quat_base_to_world', tilted(1.1), False),
    ],
)
def test_values_of_one_sample(segment, value, is_ordinary):
    chunk = Chunk(*TERMS, tilt_limit=1.0)
    chunk.sensors[2, getattr(chunk.layout, segment)] = value
    assert chunk.is_ordinary() is is_ordinary


def test_tilt_without_a_limit_is_ordinary():
    chunk = Chunk(*TERMS, tilt_limit=0.0)
    chunk.sensors[2, chunk.layout.quat_base_to_world] = tilted(3.0)
    assert chunk.is_ordinary()


@pytest.mark.parametrize('row', [1, NUM_TICKS])
def test_new_sample_that_repeats_the_one_before(row):
    chunk = Chunk(POSITION)
    chunk.sensors[row] = chunk.sensors[row - 1]
    assert not chunk.is_ordinary()
    chunk.input_ns[row] = chunk.input_ns[row - 1]  # the same sample
    assert chunk.is_ordinary()
