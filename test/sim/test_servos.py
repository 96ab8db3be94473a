# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from distill_runtime.errors import ConfigError
from distill_runtime.sim.scene import load_scene, SceneConfig
import mujoco
import numpy as np
import pytest
from support.sim import arm, driven

BOTH = ['elbow', 'shoulder']


@pytest.fixture
def load(tmp_path):
    def load_text(text, joints, **config):
        path = tmp_path / 'arm.xml'
        path.write_text(text)
        return load_scene(SceneConfig(path=str(path), **config), joints)

    return load_text


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
