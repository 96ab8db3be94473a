# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import math

from distill_runtime.core.config import RunnerConfig
from distill_runtime.core.sensors import NEVER
from distill_runtime.data.pipeline.ordinary import OrdinaryChunk
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
    ('column', 'age', 'is_ordinary'),
    [
        (0, 100, True),
        (0, 101, False),
        (0, -101, False),
        (1, 101, False),
        (2, 101, True),  # no term needs odometry
        (3, 9999, True),  # the command is zeroed
        (4, 200, True),
        (4, 201, False),
    ],
)
def test_age_of_each_input(column, age, is_ordinary):
    chunk = Chunk(*TERMS)
    chunk.input_ns[3, column] = chunk.stamp_ns[2] - age * MS
    assert chunk.is_ordinary() is is_ordinary


@pytest.mark.parametrize(
    ('column', 'is_ordinary'), [(0, False), (1, False), (2, True), (3, True), (4, False)]
)
def test_input_without_a_sample(column, is_ordinary):
    chunk = Chunk(*TERMS)
    chunk.input_ns[:2, column] = NEVER
    assert chunk.is_ordinary() is is_ordinary


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
    ],
)
def test_values_of_one_sample(segment, value, is_ordinary):
    chunk = Chunk(*TERMS)
    chunk.sensors[2, getattr(chunk.layout, segment)] = value
    assert chunk.is_ordinary() is is_ordinary


@pytest.mark.parametrize(
    ('angle', 'limit', 'is_ordinary'), [(0.9, 1.0, True), (1.1, 1.0, False), (3.0, 0.0, True)]
)
def test_tilt(angle, limit, is_ordinary):
    chunk = Chunk(*TERMS, tilt_limit=limit)
    quat = [math.cos(angle / 2), math.sin(angle / 2), 0.0, 0.0]
    chunk.sensors[3, chunk.layout.quat_base_to_world] = quat
    assert chunk.is_ordinary() is is_ordinary


@pytest.mark.parametrize('row', [1, NUM_TICKS])
def test_new_sample_that_repeats_the_one_before(row):
    chunk = Chunk(POSITION)
    chunk.sensors[row] = chunk.sensors[row - 1]
    assert not chunk.is_ordinary()
    chunk.input_ns[row] = chunk.input_ns[row - 1]  # the same sample
    assert chunk.is_ordinary()
