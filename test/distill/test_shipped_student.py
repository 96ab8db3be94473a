# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

from distill_runtime.distill.sim_figures import FiguresConfig, measure, walking_observations
from distill_runtime.policy.model import load_policy
from distill_runtime.policy.pack import read_provenance
import numpy as np
import pytest

SHIPPED = Path(__file__).resolve().parents[2] / 'models' / 'quadruped_student.onnx'


@pytest.fixture(scope='module')
def student():
    return load_policy(SHIPPED)


def test_spec_is_embedded_in_the_file(student):
    assert student.spec.name == 'quadruped_student'
    assert student.spec.limits.position is not None
    assert student.spec.command is not None
    assert set(student.sourced.sources.values()) == {f'{SHIPPED.name}:distill_runtime.spec'}


def test_golden_vectors_replay(student):
    assert len(student.spec.golden.observation) == 10
    assert student.golden_error <= 1e-5


def test_provenance_names_teacher_recipe_and_figures(student):
    provenance = read_provenance(student.graph.metadata)
    assert len(provenance['teacher']['sha256']) == 64
    assert provenance['recipe']['name'] == 'quadruped_student'
    assert provenance['figures']


def test_it_walks_under_noise_and_pushes(student):
    config = FiguresConfig(
        commands=((0.5, 0.0, 0.0), (-0.5, 0.0, 0.0), (0.0, 0.3, 0.0), (0.0, 0.0, 0.8)),
        seconds=5.0,
        seeds=(0,),
    )
    for figure in measure(student.session, student.spec, [''], config):
        assert figure.falls == 0
        assert figure.velocity_error < 0.2
        assert figure.yaw_rate_error < 0.3


def test_it_stands_at_zero_command(student):
    config = FiguresConfig(commands=((0.0, 0.0, 0.0),), seconds=5.0, noise=0.0, push_speed=0.0)
    for figure in measure(student.session, student.spec, [''], config):
        assert figure.falls == 0
        assert figure.velocity_error < 0.02


def test_walking_observations_are_consecutive(student):
    rows = walking_observations(student.session, student.spec, 3)
    assert rows.shape == (3, 225)
    # oldest first: gyro frames 1 to 4 of a row are frames 0 to 3 of the next
    np.testing.assert_array_equal(rows[0, 3:15], rows[1, :12])
