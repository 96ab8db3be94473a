# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Parameters of sim_node, as one frozen, checked value."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
import math
from typing import TYPE_CHECKING

from distill_runtime.errors import ConfigError
from distill_runtime.sim.disturb import DisturbConfig, NoiseConfig
from distill_runtime.sim.scene import SceneConfig, SHIPPED_SCENE

if TYPE_CHECKING:
    from rclpy.node import Node

COMMAND_TYPES = ('joint_state', 'position_array', 'trajectory', 'effort')


@dataclass(frozen=True, kw_only=True)
class SimNodeConfig:
    """What sim_node simulates, and how it meets the rest of the system."""

    model: str = ''
    """ONNX policy, of which only the spec is used: joints, gains, default pose, limits, period."""
    spec: str = ''
    """Spec file, where the model has none inside."""
    robot: str = ''
    """Robot profile, or path of a URDF."""
    scene: str = ''
    """MJCF scene; '': the quadruped that comes with this package."""
    imu_site: str = ''
    """Site of the Imu; '': the first one on the base whose name contains imu, else the base."""
    actuators: str = 'pd'
    """pd: servos with the gains of the spec; scene: the scene's own."""
    timestep: float = 0.0
    """Physics step in [s]; 0: the scene's."""
    command_type: str = 'joint_state'
    """Message on joint_command: joint_state, position_array, trajectory, or effort."""
    sensor_rate: float = 0.0
    """Rate of the sensor messages in [Hz]; 0: 200 Hz in real time, the policy's in lock-step."""
    real_time_factor: float = 1.0
    """Simulated over real time; 0: as fast as possible, in lock-step only."""
    lockstep: bool = False
    """Whether time waits for the command of each tick."""
    decimation: int = 1
    """In lock-step, sensor messages per awaited command: the decimation of the policy's node."""
    resend_after: float = 1.0
    """Time in [s] without an answer after which the first sensors are sent again, in lock-step."""
    publish_clock: bool = False
    """Whether /clock is published; simulated time then starts at 1 s, else at the real time."""
    velocity_command: tuple[float, ...] = ()
    """vx, vy, yaw rate to publish on cmd_vel with the sensors; empty: others do that."""
    seconds: float = 0.0
    """Simulated time after which the node ends, in [s]; 0: never."""
    noise: float = 0.0
    """Level of sensor noise; 1: that of MuJoCo Playground."""
    push_speed: float = 0.0
    """Velocity in [m]/[s] of pushes in random directions."""
    push_interval: float = 3.0
    """Time between pushes, in [s]."""
    latency: int = 0
    """Sensor periods by which a command acts late."""
    drop: float = 0.0
    """Probability that a sensor message is lost."""
    seed: int = 0
    """Of all the randomness."""

    def __post_init__(self) -> None:
        """Refuse values out of range, and those that lock-step cannot have."""
        if not self.model:
            raise ConfigError("model is '', expected the path of an ONNX policy")
        if self.command_type not in COMMAND_TYPES:
            raise ConfigError(
                f'command_type is {self.command_type!r}, expected one of {list(COMMAND_TYPES)}'
            )
        for name in ('sensor_rate', 'real_time_factor', 'seconds'):
            if not 0.0 <= getattr(self, name) < 1e6:
                raise ConfigError(f'{name} is {getattr(self, name)}, expected at least 0')
        if not self.resend_after > 0.0:
            raise ConfigError(f'resend_after is {self.resend_after} s, expected above 0 s')
        if not self.decimation >= 1:
            raise ConfigError(f'decimation is {self.decimation}, expected at least 1')
        if self.velocity_command and not (
            len(self.velocity_command) == 3 and all(map(math.isfinite, self.velocity_command))
        ):
            raise ConfigError(
                f'velocity_command is {list(self.velocity_command)}, expected vx, vy and yaw rate'
            )
        self._check_lockstep()

    def _check_lockstep(self) -> None:
        if not self.lockstep:
            if self.real_time_factor == 0.0:
                raise ConfigError('real_time_factor is 0, expected above 0 without lockstep')
            if self.decimation != 1:
                raise ConfigError(f'decimation is {self.decimation}, expected 1 without lockstep')
            return
        if self.drop > 0.0:
            raise ConfigError(
                f'drop is {self.drop}, expected 0 with lockstep: time would wait for what is lost'
            )
        if self.command_type == 'position_array':
            raise ConfigError(
                "command_type is 'position_array', expected a message with a stamp for lockstep"
            )

    def scene_config(self) -> SceneConfig:
        """Return which scene is loaded."""
        return SceneConfig(
            path=self.scene or str(SHIPPED_SCENE),
            imu_site=self.imu_site,
            actuators=self.actuators,  # type: ignore[arg-type]  # checked there
            timestep=self.timestep,
        )

    def disturb_config(self) -> DisturbConfig:
        """Return what disturbs the robot."""
        return DisturbConfig(
            noise=NoiseConfig.playground(self.noise),
            push_speed=self.push_speed,
            push_interval=self.push_interval,
            latency=self.latency,
            drop=self.drop,
            seed=self.seed,
        )


def declare_config(node: Node) -> SimNodeConfig:
    """Declare the parameters as read-only, and return their values.

    Raises:
        ConfigError: If a value has the wrong type or is out of range.
    """
    from rcl_interfaces.msg import ParameterDescriptor

    # typed by hand below, so that 1 is as good as 1.0
    descriptor = ParameterDescriptor(read_only=True, dynamic_typing=True)
    values = {}
    for field in dataclasses.fields(SimNodeConfig):
        default = list(field.default) if isinstance(field.default, tuple) else field.default
        value = node.declare_parameter(field.name, default, descriptor).value
        values[field.name] = _converted(field.name, value, field.default)
    return SimNodeConfig(**values)  # type: ignore[arg-type]  # checked one by one


def _converted(name: str, value: object, default: object) -> object:
    """Return a value in the type of its default."""
    if isinstance(default, tuple):
        # an empty list has no type in ROS, and arrives as None or as bytes
        numbers = list(value) if value is not None else []  # type: ignore[call-overload]
        if all(isinstance(number, float | int) for number in numbers):
            return tuple(float(number) for number in numbers)
    elif isinstance(default, float) and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    elif type(value) is type(default):
        return value
    raise ConfigError(f'{name} is {value!r}, expected {type(default).__name__}')
