# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from distill_runtime.core.sensors import ExternalInput, SensorLayout, Sensors
from distill_runtime.errors import ConfigError
from distill_runtime.sim.robot import FallConfig, SimRobot
from distill_runtime.sim.scene import clearance, load_scene, SceneConfig
import mujoco
import numpy as np
import pytest
from support.sim import arm, box, driven, quadruped, QUADRUPED_JOINTS, QUADRUPED_POSE

FLOOR = '<geom type="plane" size="0 0 1"/>'


@pytest.fixture
def make(tmp_path):
    def make_robot(text, joints, layout_joints=None, **config):
        path = tmp_path / 'scene.xml'
        path.write_text(text)
        scene = load_scene(SceneConfig(path=str(path), **config), joints)
        return SimRobot(scene, SensorLayout(joints=layout_joints or joints.joints))

    return make_robot


def test_robot_starts_at_the_origin_with_its_feet_on_the_ground():
    robot = quadruped()
    scene = robot.scene
    assert robot.data.qpos[:2].tolist() == [0.0, 0.0]
    assert robot.data.qpos[3:7].tolist() == [1.0, 0.0, 0.0, 0.0]
    np.testing.assert_array_equal(robot.data.qpos[7:], QUADRUPED_POSE)
    assert clearance(scene.model, robot.data, scene.base, scene.floors) == pytest.approx(
        0, abs=1e-9
    )
    assert robot.height == pytest.approx(0.294, abs=2e-3)
    assert robot.stamp_ns == 0


def test_start_does_not_depend_on_where_the_scene_puts_the_robot(make):
    robot = make(box(floor=FLOOR), driven(['hinge']))
    np.testing.assert_allclose(robot.data.qpos, [0, 0, 0.32, 1, 0, 0, 0, 0], atol=1e-9)


def test_robot_that_nothing_can_hold_is_refused(make):
    text = box(floor=FLOOR).replace('type="box"', 'type="box" contype="0" conaffinity="0"')
    text = text.replace('type="capsule"', 'type="capsule" contype="0" conaffinity="0"')
    with pytest.raises(
        ConfigError, match='nothing of the robot in the scene can touch the ground'
    ):
        make(text, driven(['hinge']))


def test_time_counts_steps_and_never_drifts(make):
    robot = make(arm().replace('0.001', '0.003'), driven(['elbow']))
    for _ in range(1000):
        robot.advance(1)
    assert robot.stamp_ns == 3_000_000_000


def test_read_delivers_the_joints_of_the_layout_by_name():
    order = tuple(reversed(QUADRUPED_JOINTS))[:5]
    robot = quadruped(layout_joints=order)
    robot.data.qvel[6:] = np.arange(12.0)
    sensors = Sensors(robot.layout)
    robot.read(sensors)
    np.testing.assert_array_equal(sensors.joint_position, QUADRUPED_POSE[::-1][:5])
    np.testing.assert_array_equal(sensors.joint_velocity, [11.0, 10.0, 9.0, 8.0, 7.0])


def test_layout_joint_that_the_scene_lacks_is_refused():
    with pytest.raises(ConfigError, match="joint 'tail' is in the policy but not in the scene"):
        quadruped(layout_joints=('tail',))


def test_external_input_is_refused(make):
    height_scan = ExternalInput(topic='/height_scan', width=187)
    layout = SensorLayout(joints=QUADRUPED_JOINTS, externals=(height_scan,))
    with pytest.raises(ConfigError, match=r"the policy reads \['/height_scan'\], expected inputs"):
        SimRobot(quadruped().scene, layout)


def test_velocities_are_those_of_the_imu_in_its_own_frame(make):
    site = '<site name="imu" pos="0.1 0 0" euler="0 0 90"/>'
    robot = make(box(floor=FLOOR, site=site), driven(['hinge']))
    # base turned by 90 degrees about z, moving along world x, turning about z by 2 rad/s
    robot.data.qpos[3:7] = [np.sqrt(0.5), 0, 0, np.sqrt(0.5)]
    robot.data.qvel[:6] = [1.0, 0.0, 0.0, 0.0, 0.0, 2.0]
    robot.push(np.zeros(2))
    sensors = Sensors(robot.layout)
    robot.read(sensors)
    # Imu at 0.1 y in the world, turned by 180 degrees: world velocity (1 - 2 0.1, 0, 0)
    np.testing.assert_allclose(sensors.angular_velocity, [0, 0, 2], atol=1e-12)
    np.testing.assert_allclose(sensors.base_linear_velocity, [-0.8, 0, 0], atol=1e-12)
    np.testing.assert_allclose(np.abs(sensors.quat_base_to_world), [0, 0, 0, 1], atol=1e-12)


def test_samples_are_those_of_the_new_state_not_of_the_step_before():
    robot = quadruped()
    robot.apply(np.array(QUADRUPED_POSE) + 0.3)
    robot.advance(7)
    sensors = Sensors(robot.layout)
    robot.read(sensors)
    rotation = np.zeros(9)
    mujoco.mju_quat2Mat(rotation, robot.data.qpos[3:7])
    offset = robot.scene.model.site_pos[robot.scene.imu_site]
    rate = robot.data.qvel[3:6]
    velocity = rotation.reshape(3, 3).T @ robot.data.qvel[:3] + np.cross(rate, offset)
    np.testing.assert_allclose(sensors.angular_velocity, rate, atol=1e-12)
    np.testing.assert_allclose(sensors.base_linear_velocity, velocity, atol=1e-12)
    np.testing.assert_allclose(sensors.quat_base_to_world, robot.data.qpos[3:7], atol=1e-12)


def test_accelerometer_reads_gravity_at_rest():
    robot = quadruped()
    robot.advance(1000)
    acceleration = robot.linear_acceleration()
    assert acceleration[2] > 9.7
    assert np.linalg.norm(acceleration) == pytest.approx(9.81, abs=0.01)


def test_push_adds_to_the_velocity_of_the_base():
    robot = quadruped()
    robot.push(np.array([0.3, -0.4]))
    np.testing.assert_allclose(robot.linear_velocity, [0.3, -0.4, 0.0])


def test_fixed_base_cannot_be_pushed_and_never_falls(make):
    robot = make(arm(), driven(['elbow', 'shoulder']))
    robot.advance(500)
    assert not robot.has_fallen
    with pytest.raises(ConfigError, match='base of the scene is fixed, expected a floating one'):
        robot.push(np.ones(2))


@pytest.mark.parametrize(
    ('element', 'value'),
    [(2, 0.1), (slice(3, 7), [np.cos(0.7), np.sin(0.7), 0, 0]), (8, np.nan), (9, np.inf)],
)
def test_low_tilted_or_broken_robot_has_fallen(element, value):
    robot = quadruped()
    robot.data.qpos[element] = value
    robot.push(np.zeros(2))
    assert robot.has_fallen


def test_broken_state_stays_broken():
    robot = quadruped()
    robot.data.qvel[3] = np.nan
    robot.advance(10)
    assert robot.has_fallen


def test_reset_gives_the_same_run_again():
    robot = quadruped()
    runs = []
    for _ in range(2):
        robot.reset()
        robot.apply(np.array(QUADRUPED_POSE) + 0.1)
        robot.advance(100)
        runs.append(robot.data.qpos.copy())
    np.testing.assert_array_equal(*runs)


def test_torque_is_in_policy_order(make):
    robot = make(arm(), driven(['elbow', 'shoulder'], stiffness=(20.0, 30.0)))
    robot.apply(np.array([0.1, 0.2]))
    robot.advance(1)
    np.testing.assert_allclose(robot.torque, [2.0, 6.0], rtol=1e-6)


@pytest.mark.parametrize(
    ('changes', 'message'),
    [({'max_tilt': 0.0}, 'max_tilt is'), ({'min_height': 1.0}, 'min_height is 1.0, expected in')],
)
def test_fall_config_out_of_range_is_refused(changes, message):
    with pytest.raises(ConfigError, match=message):
        FallConfig(**changes)
