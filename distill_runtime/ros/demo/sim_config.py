# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Parameters of sim_node, as one frozen, checked value."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
import math
import typing

from distill_runtime.errors import ConfigError
from distill_runtime.ros.parameters import parameter, read_parameters
from distill_runtime.sim.disturb import DisturbConfig, NoiseConfig
from distill_runtime.sim.scene import SceneConfig, SHIPPED_SCENE
from rcl_interfaces.msg import ParameterDescriptor
from rclpy.node import Node

COMMAND_TYPES = ('joint_state', 'position_array', 'trajectory', 'effort')


@dataclass(frozen=True, kw_only=True)
class SimNodeConfig:
    """What sim_node simulates, and how it connects to other nodes."""

    model: str = parameter('', 'ONNX policy, for its spec: joints, gains, default pose, period')
    spec: str = parameter('', "spec file that overrides or completes that of the model; '': none")
    robot: str = parameter('', "robot profile, or path of a URDF; '': none")
    robot_description: str = parameter('', "as student_node's; '': none")
    scene: str = parameter('', "MJCF scene; '': the quadruped that comes with this package")
    imu_site: str = parameter('', "site of the Imu; '': one on the base named imu, or the base")
    actuators: str = parameter('pd', "pd: servos with the spec's gains; scene: those of the scene")
    timestep: float = parameter(0.0, "physics step in s; 0: the scene's")
    command_type: str = parameter(
        'joint_state', 'joint_state, position_array, trajectory or effort'
    )
    sensor_rate: float = parameter(
        0.0,
        "sensor messages per second in Hz; 0: in real time a multiple of the policy's rate of up "
        "to 250 Hz, in lock-step the policy's",
    )
    real_time_factor: float = parameter(
        1.0, 'simulated over real time; 0: as fast as possible, in lock-step only'
    )
    lockstep: bool = parameter(False, 'time waits for the command of each tick')
    decimation: int = parameter(
        1, "in lock-step, sensor messages per awaited command: decimation of the policy's node"
    )
    resend_after: float = parameter(
        1.0, 'in lock-step, time in s without an answer after which the first sensors come again'
    )
    publish_clock: bool = parameter(
        False, 'publish /clock; time then starts at 1 s, else at the time of the system'
    )
    velocity_command: tuple[float, ...] = parameter(
        (), 'vx, vy, yaw rate to publish on cmd_vel with the sensors; empty: another node does'
    )
    seconds: float = parameter(0.0, 'simulated time in s after which the node ends; 0: never')
    noise: float = parameter(0.0, 'level of sensor noise; 1: that of MuJoCo Playground')
    push_speed: float = parameter(0.0, 'velocity in m/s of pushes in random directions')
    push_interval: float = parameter(3.0, 'time between pushes in s')
    latency: int = parameter(0, 'delay of a command in sensor periods')
    drop: float = parameter(0.0, 'probability that a sensor message is lost')
    seed: int = parameter(0, 'of all the randomness')

    def __post_init__(self) -> None:
        """Refuse values out of range, and those that lock-step cannot have."""
        if not self.model:
            raise ConfigError("model is '', expected the path of an ONNX policy")
        if self.robot and self.robot_description:
            raise ConfigError('robot and robot_description are both set, expected one of them')
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
        numbers = [v for v in self.velocity_command if isinstance(v, float | int)]
        if self.velocity_command and not (
            len(self.velocity_command) == len(numbers) == 3 and all(map(math.isfinite, numbers))
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
    hints = typing.get_type_hints(SimNodeConfig)
    for field in dataclasses.fields(SimNodeConfig):
        default: object = field.default
        # 1 is as good as 1.0, and an empty list has no type
        is_dynamic = isinstance(default, tuple) or hints[field.name] is float
        if isinstance(default, tuple):
            default = list(default)
        descriptor = ParameterDescriptor(
            description=field.metadata['text'], read_only=True, dynamic_typing=is_dynamic
        )
        node.declare_parameter(field.name, default, descriptor)
    return read_parameters(node, SimNodeConfig)
