# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from distill_runtime.errors import ConfigError
from distill_runtime.sim.scene import load_scene, SceneConfig
import mujoco
import pytest
from support.sim import arm, box, driven

IMU = '<site name="trunk_IMU" pos="0.1 0 0"/>'
FLOOR = '<geom type="plane" size="0 0 1"/>'


@pytest.fixture
def load(tmp_path):
    def load_text(text, joints, **config):
        path = tmp_path / 'scene.xml'
        path.write_text(text)
        return load_scene(SceneConfig(path=str(path), **config), joints)

    return load_text


def test_missing_joint_is_named_with_what_there_is(load):
    with pytest.raises(
        ConfigError, match=r"joint 'wrist' is in the policy but not .* has \['shoulder', 'elbow'\]"
    ):
        load(arm(), driven(['shoulder', 'wrist']))


def test_joints_of_the_robot_are_those_of_its_own_bodies(load):
    door = '<body><joint name="door"/><geom size="0.1" pos="9 0 0"/></body>'
    scene = load(box(floor=f'<geom type="plane" size="0 0 1"/>{door}'), driven(['hinge']))
    assert scene.joint_names == ('hinge',)


def test_free_joint_is_no_joint_of_a_policy(load):
    text = box().replace('<freejoint/>', '<freejoint name="free"/>')
    with pytest.raises(ConfigError, match="joint 'free' is in the policy but not in the scene"):
        load(text, driven(['free']))


def test_absent_file_is_refused_in_one_line():
    with pytest.raises(ConfigError, match=r'scene no\.xml is not a file, expected an MJCF scene'):
        load_scene(SceneConfig(path='no.xml'), driven(['a']))


@pytest.mark.parametrize('text', ['', 'no xml', '<mujoco><worldbody><bdy/></worldbody></mujoco>'])
def test_broken_file_is_refused_in_one_line(load, text):
    with pytest.raises(ConfigError, match='cannot be read') as error:
        load(text, driven(['a']))
    assert '\n' not in str(error.value)


def test_scene_that_does_not_compile_is_refused_in_one_line(load):
    text = arm().replace('mass="0.5"', 'mass="-1"')
    with pytest.raises(ConfigError, match=r'cannot be (read|compiled)') as error:
        load(text, driven(['elbow']))
    assert '\n' not in str(error.value)


def test_floor_is_added_under_a_floating_base_with_a_note(load):
    scene = load(box(site=IMU), driven(['hinge']))
    assert scene.is_floating
    assert [scene.model.geom_type[geom] for geom in scene.floors] == [mujoco.mjtGeom.mjGEOM_PLANE]
    assert scene.notes == ('the scene has no ground: a flat floor was added at height 0',)


def test_scene_with_a_floor_keeps_it(load):
    scene = load(box(floor=FLOOR, site=IMU), driven(['hinge']))
    assert len(scene.floors) == 1
    assert scene.notes == ()


def test_fixed_base_needs_no_floor(load):
    scene = load(arm(), driven(['shoulder', 'elbow']))
    assert not scene.is_floating
    assert scene.model.body(scene.base).name == 'upper'
    assert len(scene.floors) == 0


def test_imu_is_the_site_of_that_name_on_the_base(load):
    scene = load(box(site=f'<site name="front"/>{IMU}'), driven(['hinge']))
    assert scene.model.site(scene.imu_site).name == 'trunk_IMU'


def test_imu_site_can_be_chosen(load):
    scene = load(box(site=f'<site name="front"/>{IMU}'), driven(['hinge']), imu_site='front')
    assert scene.model.site(scene.imu_site).name == 'front'


def test_unknown_imu_site_is_refused(load):
    with pytest.raises(ConfigError, match=r"imu_site 'no' is not .* which has \['trunk_IMU'\]"):
        load(box(site=IMU), driven(['hinge']), imu_site='no')


def test_imu_is_the_base_if_it_has_no_site(load):
    scene = load(box(floor=FLOOR), driven(['hinge']))
    assert scene.model.site_bodyid[scene.imu_site] == scene.base
    assert not scene.model.site_pos[scene.imu_site].any()
    assert scene.notes == ("no site is named imu: the Imu is body 'base' itself",)


def test_period_is_a_whole_number_of_physics_steps(load):
    scene = load(arm(), driven(['elbow']))
    assert scene.steps_in(0.02) == 20
    with pytest.raises(
        ConfigError, match=r'period is 0\.0205 s, expected a multiple of .* 0\.001 s'
    ):
        scene.steps_in(0.0205)
    with pytest.raises(ConfigError, match=r'period is 0\.0001 s'):
        scene.steps_in(0.0001)


def test_timestep_can_be_chosen(load):
    assert load(arm(), driven(['elbow']), timestep=0.004).model.opt.timestep == 0.004


def test_driven_joint_has_only_the_damping_of_the_spec(load):
    scene = load(arm(), driven(['shoulder']))
    damping = scene.model.dof_damping
    assert damping[scene.address('shoulder')[1]] == 0.0
    assert damping[scene.address('elbow')[1]] == 0.7
    assert scene.model.dof_frictionloss[scene.address('shoulder')[1]] == 0.2
    assert any('damping of 1 joints' in note for note in scene.notes)


def test_effort_joint_without_gains_keeps_the_damping_of_the_scene(load):
    joints = driven(['shoulder'], ['effort'], stiffness=None, damping=None)
    scene = load(arm(), joints)
    assert scene.model.dof_damping[scene.address('shoulder')[1]] == 0.7


def test_servos_are_integrated_implicitly_with_enough_solver_iterations(load):
    option = load(box(site=IMU), driven(['hinge'])).model.opt
    assert option.integrator == mujoco.mjtIntegrator.mjINT_IMPLICITFAST
    assert option.iterations == 100


def test_actuators_of_the_scene_leave_the_physics_unchanged(load):
    actuators = '<position joint="elbow" kp="5"/>'
    scene = load(arm(actuators=actuators), driven(['elbow']), actuators='scene')
    assert scene.model.opt.integrator == mujoco.mjtIntegrator.mjINT_EULER
    assert scene.model.dof_damping[scene.address('elbow')[1]] == 0.7


@pytest.mark.parametrize(
    ('changes', 'message'),
    [
        ({'actuators': 'motor'}, "actuators is 'motor', expected one of"),
        ({'timestep': -1.0}, r'timestep is -1\.0 s, expected at least 0 s'),
        ({'timestep': float('nan')}, 'timestep is nan s'),
    ],
)
def test_config_out_of_range_is_refused(changes, message):
    with pytest.raises(ConfigError, match=message):
        SceneConfig(**changes)
