# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from distill_runtime.errors import ConfigError
from distill_runtime.sim.scene import clearance, floor_geoms, load_scene, SceneConfig
import mujoco
import numpy as np
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


BOTH = ['elbow', 'shoulder']


def torque(scene, position, velocity, command):
    """Return the torques of the policy's joints in a state given in policy order."""
    data = mujoco.MjData(scene.model)
    for index, name in enumerate(scene.policy.joints):
        position_address, velocity_address = scene.address(name)
        data.qpos[position_address] = position[index]
        data.qvel[velocity_address] = velocity[index]
    data.ctrl[scene.actuators] = command
    mujoco.mj_forward(scene.model, data)
    return [data.qfrc_actuator[scene.address(name)[1]] for name in scene.policy.joints]


def test_position_joint_is_driven_by_clipped_pd(load):
    scene = load(
        arm(), driven(BOTH, stiffness=(20.0, 30.0), damping=(0.5, 1.0), effort=(9.0, 9.0))
    )
    # 20 (0.3 - 0.1) - 0.5 2 = 3, 30 (0.9 + 0.2) - 1 (-1) = 34 clipped to 9
    np.testing.assert_allclose(torque(scene, [0.1, -0.2], [2.0, -1.0], [0.3, 0.9]), [3.0, 9.0])
    np.testing.assert_allclose(torque(scene, [0.1, 0.2], [2.0, 1.0], [0.3, -0.9]), [3.0, -9.0])


def test_velocity_joint_is_driven_by_its_damping(load):
    joints = driven(BOTH, ['velocity', 'position'], effort=(4.0, 100.0))
    scene = load(arm(), joints)
    # 0.5 (6 - 2) = 2, 20 (0.5 - 0) - 0.5 0 = 10
    np.testing.assert_allclose(torque(scene, [0.4, 0.0], [2.0, 0.0], [6.0, 0.5]), [2.0, 10.0])
    np.testing.assert_allclose(torque(scene, [0.4, 0.0], [2.0, 0.0], [60.0, 0.5]), [4.0, 10.0])


def test_effort_joint_gets_the_command_clipped(load):
    joints = driven(BOTH, ['effort'] * 2, stiffness=None, damping=None, effort=(4.0, 5.0))
    scene = load(arm(), joints)
    np.testing.assert_allclose(torque(scene, [0.4, 0.1], [2.0, 1.0], [3.0, -7.0]), [3.0, -5.0])


@pytest.mark.parametrize(
    ('fields', 'limit'),
    [
        ({}, np.inf),
        ({'shoulder': 'actuatorfrcrange="-12 12"'}, 12.0),
        ({'actuators': '<position joint="shoulder" kp="9" forcerange="-8 8"/>'}, 8.0),
        ({'actuators': '<motor joint="shoulder" gear="3" ctrlrange="-2 2"/>'}, 6.0),
        ({'actuators': '<position joint="shoulder" kp="9" ctrlrange="-2 2"/>'}, np.inf),
    ],
)
def test_effort_limit_comes_from_the_scene_if_the_spec_has_none(load, fields, limit):
    text = arm(**fields).replace('<mujoco>', '<mujoco><compiler autolimits="true"/>')
    scene = load(text, driven(['elbow', 'shoulder']))
    assert scene.effort.tolist() == [np.inf, limit]


def test_effort_limit_of_the_spec_replaces_that_of_the_scene(load):
    text = arm(shoulder='actuatorfrcrange="-2 2"')
    scene = load(text, driven(['shoulder'], effort=(5.0,)))
    np.testing.assert_allclose(torque(scene, [0.0], [0.0], [10.0]), [5.0])


def test_actuators_of_other_joints_stay(load):
    actuators = '<motor name="a" joint="shoulder"/><position name="b" joint="elbow" kp="4"/>'
    model = load(arm(actuators=actuators), driven(['shoulder'])).model
    assert [model.actuator(i).name for i in range(model.nu)] == ['b', 'servo_shoulder']


def test_defaults_of_the_scene_do_not_reach_a_servo(load):
    defaults = (
        '<general ctrlrange="-0.1 0.1" forcerange="-1 1" gear="7" dyntype="filter" dynprm="1"/>'
    )
    text = arm(defaults=defaults).replace('<mujoco>', '<mujoco><compiler autolimits="true"/>')
    scene = load(text, driven(['shoulder']))
    np.testing.assert_allclose(torque(scene, [0.0], [0.0], [1.0]), [20.0])


def test_keys_and_sensors_of_replaced_actuators_do_not_break_the_scene(load):
    more = """
      <sensor><actuatorfrc name="torque" actuator="a"/><jointpos joint="elbow"/></sensor>
      <keyframe><key qpos="0 0" ctrl="1"/></keyframe>
    """
    model = load(arm(actuators='<motor name="a" joint="elbow"/>', more=more), driven(BOTH)).model
    assert model.nsensor == 1


def test_actuators_of_the_scene_are_found_by_joint(load):
    actuators = '<position joint="shoulder" kp="3"/><position joint="elbow" kp="4"/>'
    joints = driven(BOTH, stiffness=None, damping=None)
    scene = load(arm(actuators=actuators), joints, actuators='scene')
    assert scene.actuators.tolist() == [1, 0]
    np.testing.assert_allclose(torque(scene, [0.0, 0.0], [0.0, 0.0], [1.0, 2.0]), [4.0, 6.0])


@pytest.mark.parametrize(
    ('actuators', 'message'),
    [
        ('', "joint 'elbow' has 0 actuators in the scene, expected 1"),
        ('<position joint="elbow"/><velocity joint="elbow"/>', "joint 'elbow' has 2 actuators"),
        ('<motor joint="elbow"/>', "actuator of joint 'elbow' .* takes effort, expected position"),
        ('<velocity joint="elbow" kv="2"/>', "joint 'elbow' .* takes velocity, expected position"),
    ],
)
def test_actuator_of_the_wrong_kind_is_refused(load, actuators, message):
    with pytest.raises(ConfigError, match=message):
        load(arm(actuators=actuators), driven(['elbow']), actuators='scene')


def test_missing_gain_is_refused(load):
    with pytest.raises(ConfigError, match="damping is absent, expected a gain for joint 'elbow'"):
        load(arm(), driven(['elbow'], stiffness=None, damping=None))


SCENE = """
<mujoco>
  <worldbody>
    <geom name="floor" type="plane" size="0 0 1" {floor}/>
    <geom name="picture" type="box" size="1 1 1" contype="0" conaffinity="0"/>
    <body name="step" pos="5 0 0"><geom name="step" type="box" size="1 1 0.2"/></body>
    <body name="ball" pos="{x} 0 1">
      <freejoint/>
      <geom name="ball" type="sphere" size="0.1" {ball}/>
      <geom name="shell" type="sphere" size="0.5" contype="0" conaffinity="0"/>
    </body>
  </worldbody>
  {pairs}
</mujoco>
"""


def distance(**fields):
    text = SCENE.format(**{'floor': '', 'ball': '', 'pairs': '', 'x': 0, **fields})
    model = mujoco.MjModel.from_xml_string(text)
    data = mujoco.MjData(model)
    mujoco.mj_kinematics(model, data)
    return clearance(model, data, model.body('ball').id, floor_geoms(model))


def test_floor_is_fixed_and_can_collide():
    model = mujoco.MjModel.from_xml_string(SCENE.format(floor='', ball='', pairs='', x=0))
    assert [model.geom(geom).name for geom in floor_geoms(model)] == ['floor', 'step']


def test_clearance_is_that_of_the_nearest_geom_that_collides():
    assert distance() == pytest.approx(0.9)


def test_clearance_over_a_step_is_less():
    assert distance(x=5) == pytest.approx(0.7)


def test_masks_decide_what_collides():
    assert distance(floor='contype="1" conaffinity="0"', ball='contype="0"') == pytest.approx(0.9)
    unmatched = distance(floor='contype="2" conaffinity="0"', ball='contype="0" conaffinity="4"')
    assert unmatched == float('inf')


def test_explicit_pair_collides_without_masks():
    pairs = '<contact><pair geom1="ball" geom2="floor"/></contact>'
    none = 'contype="0" conaffinity="0"'
    assert distance(floor=none, ball=none, pairs=pairs) == pytest.approx(0.9)
