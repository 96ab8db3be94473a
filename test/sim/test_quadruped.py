# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from distill_runtime.sim.scene import SHIPPED_SCENE
import mujoco
import numpy as np
import pytest
from support.sim import quadruped, QUADRUPED_JOINTS, QUADRUPED_POSE


@pytest.fixture(scope='module')
def model():
    return mujoco.MjModel.from_xml_path(str(SHIPPED_SCENE))


@pytest.fixture(scope='module')
def go1(shared_data):
    return mujoco.MjModel.from_xml_path(str(shared_data / 'robots' / 'go1' / 'go1.xml'))


def state(model, pose=QUADRUPED_POSE):
    data = mujoco.MjData(model)
    data.qpos[:] = [0, 0, 0.3, 1, 0, 0, 0, *pose]
    mujoco.mj_forward(model, data)
    return data


def test_joints_stand_in_the_order_of_the_policy(model):
    assert [model.joint(j).name for j in range(1, model.njnt)] == list(QUADRUPED_JOINTS)


def test_torque_limits_are_the_published_ones():
    assert quadruped().scene.effort.tolist() == [23.7, 23.7, 35.55] * 4


def test_joints_have_no_viscous_damping(model):
    assert not model.dof_damping.any()


def test_feet_are_below_the_hips_in_the_default_pose(model):
    data = state(model)
    foot = data.site('FR_foot').xpos
    # thigh and calf are 0.213 m long, and fold by 0.9 rad each way
    assert foot[0] == pytest.approx(0.1881, abs=1e-9)
    assert foot[2] == pytest.approx(0.3 - 2 * 0.213 * np.cos(0.9) * np.cos(0.1), abs=2e-2)


def test_left_and_right_mirror_each_other(model):
    data = state(model)
    for front in 'FR':
        left, right = data.site(f'{front}L_foot').xpos, data.site(f'{front}R_foot').xpos
        np.testing.assert_allclose(left, right * [1, -1, 1], atol=1e-12)


def test_every_part_touches_the_floor_and_none_another_part(model):
    floor = model.geom('floor').id
    geoms = [geom for geom in range(model.ngeom) if geom != floor]
    assert all(model.geom_conaffinity[geom] & model.geom_contype[floor] for geom in geoms)
    assert not model.geom_contype[geoms].any()


def test_robot_that_gives_way_lies_on_its_trunk():
    robot = quadruped(stiffness=(0.0,) * 12, damping=(0.2,) * 12)
    robot.advance(1000)
    assert robot.has_fallen
    assert 0.05 < robot.height < 0.15


def inertia(model, pose):
    """Return the mass matrix, shape (18, 18)."""
    data = state(model, pose)
    columns = np.zeros((18, 18))
    for column, unit in zip(columns, np.eye(18), strict=True):
        mujoco.mj_mulM(model, data, column, unit)
    return columns


@pytest.mark.parametrize('pose', [QUADRUPED_POSE, (0.0, 0.5, -1.2) * 4])
def test_masses_and_inertia_are_near_those_of_a_model_of_the_real_robot(model, go1, pose):
    np.testing.assert_allclose(inertia(model, pose), inertia(go1, pose), atol=2e-3)
