# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""The simulated robot: sensors, commands, and time in physics steps."""

from __future__ import annotations

from dataclasses import dataclass
import math

from distill_runtime.core.arrays import FloatArray, IndexArray, locked_floats, locked_indices
from distill_runtime.core.sensors import SensorLayout, Sensors
from distill_runtime.errors import ConfigError
import mujoco
import numpy as np

from .scene import clearance, Scene

_START_HEIGHT = 3.0
"""Height in [m] from which the robot is lowered; less than half the reach of ``clearance``."""


@dataclass(frozen=True, kw_only=True)
class FallConfig:
    """Thresholds of a fall."""

    max_tilt: float = 1.2
    """Angle between the base's z axis and up, in [rad]."""
    min_height: float = 0.5
    """Height of the base as a fraction of its height at the start, in [-]."""

    def __post_init__(self) -> None:
        """Reject values out of range."""
        if not 0.0 < self.max_tilt <= math.pi:
            raise ConfigError(f'max_tilt is {self.max_tilt} rad, expected in (0, pi] rad')
        if not 0.0 <= self.min_height < 1.0:
            raise ConfigError(f'min_height is {self.min_height}, expected in [0, 1)')


class SimRobot:
    """A robot in a scene, which starts in the default pose of its policy.

    In one scene, equal commands give equal states, bit for bit.

    Attributes:
        scene: The scene.
        layout: Joints that ``read`` writes, and their order.
        data: MuJoCo's state; changed by ``advance`` and ``push`` only.
        linear_velocity: Velocity of the Imu in the Imu frame in [m]/[s], shape (3,).
        angular_velocity: Angular velocity of the Imu in the Imu frame in [rad]/[s], shape (3,).
        orientation: Quaternion from Imu to world (w, x, y, z).
        default_command: Default pose for position joints, 0 for others, shape (num_joints,).
    """

    def __init__(self, scene: Scene, layout: SensorLayout, fall: FallConfig | None = None) -> None:
        """Find the joints of the layout and put the robot at its start.

        Raises:
            ConfigError: If the scene lacks a joint, nothing of the robot can touch the ground, or
                the layout has external inputs.
        """
        if layout.externals:
            topics = [entry.topic for entry in layout.externals]
            raise ConfigError(
                f'the policy reads {topics}, expected inputs that a scene can supply'
            )
        self.scene = scene
        self.layout = layout
        self.data = mujoco.MjData(scene.model)
        self.linear_velocity = np.zeros(3)
        self.angular_velocity = np.zeros(3)
        self.orientation = np.zeros(4)
        self._fall = fall or FallConfig()
        self.default_command = locked_floats(
            position if mode == 'position' else 0.0
            for position, mode in zip(
                scene.policy.default_position, scene.policy.modes, strict=True
            )
        )
        self._policy_positions, _ = self._addresses(scene.policy.joints)
        self._positions, self._velocities = self._addresses(layout.joints)
        self._motion = np.zeros(6)
        self._steps = 0
        self._start = self._start_position()
        self._start_height = 0.0
        self.reset()

    def reset(self) -> None:
        """Put the robot at the origin, facing x, in the default pose, at rest, at time 0."""
        mujoco.mj_resetData(self.scene.model, self.data)
        self.data.qpos[:] = self._start
        self.data.ctrl[self.scene.actuators] = self.default_command
        self._steps = 0
        self._refresh()
        self._start_height = self.height

    @property
    def stamp_ns(self) -> int:
        """Time since the reset in [ns]."""
        return round(self._steps * float(self.scene.model.opt.timestep) * 1e9)

    @property
    def position(self) -> FloatArray:
        """Position of the base in the world in [m], shape (3,)."""
        return self.data.xpos[self.scene.base].copy()

    @property
    def height(self) -> float:
        """Height of the base's origin above 0, in [m]."""
        return float(self.data.xpos[self.scene.base, 2])

    @property
    def tilt(self) -> float:
        """Angle between the base's z axis and up, in [rad]."""
        return math.acos(min(1.0, max(-1.0, float(self.data.xmat[self.scene.base, 8]))))

    @property
    def has_fallen(self) -> bool:
        """Whether the base is tilted or low, or the state not finite; a fixed base never falls."""
        if not math.isfinite(np.add.reduce(self.data.qpos) + np.add.reduce(self.data.qvel)):
            return True
        if not self.scene.is_floating:
            return False
        low = self._fall.min_height * self._start_height
        return self.tilt > self._fall.max_tilt or self.height < low

    @property
    def torque(self) -> FloatArray:
        """Torque of each servo in the last physics step in [N m], shape (num_joints,)."""
        return self.data.actuator_force[self.scene.actuators]

    @property
    def joint_torque(self) -> FloatArray:
        """Torque on each joint of the layout in the last physics step, in [N m]."""
        return self.data.qfrc_actuator[self._velocities]

    def read(self, sensors: Sensors) -> None:
        """Write the current state and stamp into the sensors."""
        stamp_ns = self.stamp_ns
        sensors.joint_position[:] = self.data.qpos[self._positions]
        sensors.joint_velocity[:] = self.data.qvel[self._velocities]
        sensors.angular_velocity[:] = self.angular_velocity
        sensors.quat_base_to_world[:] = self.orientation
        sensors.base_linear_velocity[:] = self.linear_velocity
        sensors.joint_stamp_ns = stamp_ns
        sensors.imu_stamp_ns = stamp_ns
        sensors.odometry_stamp_ns = stamp_ns

    def apply(self, command: FloatArray) -> None:
        """Set the command of the servos.

        Args:
            command: In [rad], [rad]/[s] or [N m] by the mode of each joint, policy order, shape
                (num_joints,).
        """
        self.data.ctrl[self.scene.actuators] = command

    def advance(self, num_steps: int) -> None:
        """Simulate a number of physics steps.

        Args:
            num_steps: Physics steps; ``scene.steps_in`` converts a period.
        """
        mujoco.mj_step(self.scene.model, self.data, num_steps)
        self._steps += num_steps
        self._refresh()

    def push(self, velocity: FloatArray) -> None:
        """Add to the velocity of a floating base.

        Args:
            velocity: Velocity in the world to add, in [m]/[s], shape (2,): x and y.

        Raises:
            ConfigError: If the base is fixed.
        """
        self.require_floating_base()
        dof = int(self.scene.model.body_dofadr[self.scene.base])
        self.data.qvel[dof : dof + 2] += velocity
        self._refresh()

    def require_floating_base(self) -> None:
        """Raise if the base is fixed.

        Raises:
            ConfigError: If the base is fixed.
        """
        if not self.scene.is_floating:
            raise ConfigError('the base of the scene is fixed, expected a floating one to push')

    def linear_acceleration(self) -> FloatArray:
        """Return the accelerometer reading at the Imu in [m]/[s^2], shape (3,)."""
        mujoco.mj_rnePostConstraint(self.scene.model, self.data)
        mujoco.mj_objectAcceleration(
            self.scene.model,
            self.data,
            mujoco.mjtObj.mjOBJ_SITE,
            self.scene.imu_site,
            self._motion,
            1,
        )
        return self._motion[3:].copy()

    def _addresses(self, names: tuple[str, ...]) -> tuple[IndexArray, IndexArray]:
        pairs = [self.scene.address(name) for name in names]
        return locked_indices(p for p, _ in pairs), locked_indices(v for _, v in pairs)

    def _start_position(self) -> FloatArray:
        """Return qpos in the default pose, standing on the ground."""
        model, data, scene = self.scene.model, self.data, self.scene
        mujoco.mj_resetData(model, data)
        data.qpos[self._policy_positions] = scene.policy.default_position
        if not scene.is_floating:
            return data.qpos.copy()
        base = int(model.jnt_qposadr[model.body_jntadr[scene.base]])
        data.qpos[base : base + 7] = [0.0, 0.0, _START_HEIGHT, 1.0, 0.0, 0.0, 0.0]
        mujoco.mj_kinematics(model, data)
        above = clearance(model, data, scene.base, scene.floors)
        if not math.isfinite(above):
            raise ConfigError(
                'nothing of the robot in the scene can touch the ground, expected a geom'
            )
        data.qpos[base + 2] -= above
        return data.qpos.copy()

    def _refresh(self) -> None:
        """Compute current poses and velocities; a physics step leaves those of its start."""
        model, data, site = self.scene.model, self.data, self.scene.imu_site
        mujoco.mj_kinematics(model, data)
        mujoco.mj_comPos(model, data)
        mujoco.mj_comVel(model, data)
        mujoco.mj_objectVelocity(model, data, mujoco.mjtObj.mjOBJ_SITE, site, self._motion, 1)
        self.angular_velocity[:] = self._motion[:3]
        self.linear_velocity[:] = self._motion[3:]
        mujoco.mju_mat2Quat(self.orientation, data.site_xmat[site])
