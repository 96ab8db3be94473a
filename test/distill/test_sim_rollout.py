# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

from distill_runtime.distill.export import export_student
from distill_runtime.distill.recipe import read_recipe, student_spec
from distill_runtime.distill.sim_rollout import Rollout, RolloutConfig
from distill_runtime.distill.students import NetworkConfig, Student
from distill_runtime.distill.variation import VariationConfig
from distill_runtime.policy.model import load_policy
from distill_runtime.spec.robots import load_robot
import numpy as np
import pytest
import torch

ROOT = Path(__file__).resolve().parents[2]
SHIPPED = ROOT / 'models' / 'quadruped_student.onnx'
VARIATION = VariationConfig(
    seconds=1.0, push_speed=(0.5, 0.5), push_interval=0.4, mass=(0.9, 1.1), friction=(0.8, 1.2),
    gains=(0.95, 1.05), latency=(0, 1), stand_seconds=(0.1, 0.2), start_pose=0.1,
)  # fmt: skip


@pytest.fixture(scope='module')
def rollout():
    """Return a simulator where the shipped student is the teacher, and the spec of its student."""
    recipe = read_recipe(ROOT / 'config' / 'recipes' / 'quadruped_student.yaml')
    spec = student_spec(recipe, load_policy(SHIPPED).spec, load_robot(recipe.robot))
    config = RolloutConfig(
        teacher=str(SHIPPED),
        teacher_spec=None,
        student_spec=spec,
        variation=VARIATION,
        teacher_command=recipe.teacher_command,
        scene='',
    )
    return Rollout(config)


@pytest.fixture(scope='module')
def untrained():
    torch.manual_seed(0)
    student = Student(225, 12, NetworkConfig(hidden=(8,)))
    return export_student(student, np.zeros((1, 225), np.float32))


def test_teacher_is_active_at_beta_one(rollout, untrained):
    episode = rollout.run(untrained, 1.0, (0,))
    assert episode.observation.shape == (50, 225)
    assert episode.label.shape == (50, 12)
    assert not episode.fell
    # last_action, the last 5 frames of 12, newest last: the executed action is the label
    np.testing.assert_allclose(episode.observation[1:, -12:], episode.label[:-1], rtol=1e-6)


def test_student_is_active_at_beta_zero(rollout, untrained):
    episode = rollout.run(untrained, 0.0, (0,))
    assert np.abs(episode.observation[1:, -12:] - episode.label[:-1]).max() > 0.1


def test_trained_student_walks(rollout):
    episode = rollout.run(SHIPPED.read_bytes(), 0.0, (3,))
    assert np.abs(episode.observation[:, 54:57]).sum() > 0
    assert not episode.fell


def test_episode_depends_on_its_seed_only(rollout, untrained):
    first = rollout.run(untrained, 0.5, (1, 2))
    other = rollout.run(untrained, 0.5, (1, 3))
    again = rollout.run(untrained, 0.5, (1, 2))
    np.testing.assert_array_equal(first.observation, again.observation)
    np.testing.assert_array_equal(first.label, again.label)
    assert not np.array_equal(first.observation[0], other.observation[0])
