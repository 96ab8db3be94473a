# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

from distill_runtime.distill.recipe import read_recipe, student_spec
from distill_runtime.errors import ConfigError
from distill_runtime.spec.dialect import ModelContext
from distill_runtime.spec.readers.registry import read_spec_file
from distill_runtime.spec.robots import load_robot
from distill_runtime.spec.sources import merge_sources
import pytest

ROOT = Path(__file__).resolve().parents[2]
SHIPPED = ROOT / 'config' / 'recipes' / 'quadruped_student.yaml'


@pytest.fixture(scope='module')
def teacher():
    path = ROOT / 'test' / 'policies' / 'playground_go1.yaml'
    return merge_sources([read_spec_file(path, ModelContext(model=path))]).spec


@pytest.fixture
def changed(tmp_path):
    def write(old, new):
        text = SHIPPED.read_text()
        assert text.count(old) == 1
        path = tmp_path / 'recipe.yaml'
        path.write_text(text.replace(old, new))
        return path

    return write


def test_shipped_recipe_observes_no_base_velocity():
    kinds = [term.kind for term in read_recipe(SHIPPED).inputs[0].terms]
    assert 'base_linear_velocity' not in kinds
    assert kinds[-1] == 'last_action'


def test_student_spec_is_that_of_the_teacher_with_other_inputs(teacher):
    recipe = read_recipe(SHIPPED)
    robot = load_robot(recipe.robot)
    spec = student_spec(recipe, teacher, robot)
    assert spec.name == 'quadruped_student'
    assert spec.input_dim(spec.inputs[0]) == 225
    assert spec.outputs.action.name == 'actions'
    assert spec.outputs.action.scale == teacher.outputs.action.scale
    for field in ('period', 'joints', 'default_position', 'stiffness', 'damping', 'command'):
        assert getattr(spec, field) == getattr(teacher, field)
    knee = spec.joints.index('RL_calf_joint')
    assert spec.limits.position[knee] == (-2.818, -0.888)
    assert spec.limits.effort[knee] == 35.55


def test_robot_without_the_teachers_joints_is_refused(teacher):
    with pytest.raises(ConfigError, match=r"robot 'unitree_h1' lacks the joints \['FR_hip_joint'"):
        student_spec(read_recipe(SHIPPED), teacher, load_robot('unitree_h1'))


@pytest.mark.parametrize(
    ('old', 'new', 'message'),
    [
        ('seed: 1', 'sed: 1', "sed is unknown, expected one of .*'seed'"),
        ('seed: 1', 'seed: -1', 'seed is -1, expected at least 0'),
        ('robot: unitree_go1', '', 'robot is missing, expected a string'),
        ('kind: mse', 'kind: kl', r"dagger\.loss\.kind is 'kl', expected one of"),
        ('fixed_share: 0.4', 'fixed_share: 4', 'variation: fixed_share is 4.0, expected 0 to 1'),
        ('name: obs', 'name: observation', r"inputs are \['observation'\], expected one of"),
        ('{term: base_angular_velocity}', '{term: gyro}', r"terms\[0\]\.term is 'gyro'"),
        ('beta: 1.0', 'beta: 1.1', r'dagger\.rounds\[0\]: beta is 1\.1, expected 0 to 1'),
    ],
)
def test_wrong_recipe_is_refused_with_file_and_key(changed, old, new, message):
    path = changed(old, new)
    with pytest.raises(ConfigError, match=message) as caught:
        read_recipe(path)
    assert str(path) in str(caught.value)
