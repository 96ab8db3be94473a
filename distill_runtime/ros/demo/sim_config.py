# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Parameters of sim_node, as one frozen, checked value."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
import math

from distill_runtime.errors import ConfigError
from distill_runtime.ros.loop.commands import COMMAND_TYPES
from distill_runtime.ros.parameters import AT_LEAST_0, check_ranges, FIXED, parameter, Span
from distill_runtime.sim.disturb import DisturbConfig, NoiseConfig
from distill_runtime.sim.scene import SceneConfig, SHIPPED_SCENE

_parameter = partial(parameter, change=FIXED)


@dataclass(frozen=True, kw_only=True)
class SimNodeConfig:
    """What sim_node simulates, and how it connects to other nodes."""

    model: str = _parameter('', 'ONNX policy, for its spec: joints, gains, default pose, period')
    spec: str = _parameter('', "spec file that overrides or completes that of the model; '': none")
    robot: str = _parameter('', "robot profile, or path of a URDF; '': none")
    robot_description: str = _parameter('', "as student_node's; '': none")
    scene: str = _parameter('', "MJCF scene; '': the quadruped that comes with this package")
    imu_site: str = _parameter('', "site of the Imu; '': one on the base named imu, or the base")
    actuators: str = _parameter(
        'pd', "pd: servos with the spec's gains; scene: those of the scene"
    )
    timestep: float = _parameter(0.0, "physics step in s; 0: the scene's")
    command_type: str = _parameter(
        'joint_state', 'what joint_command carries', one_of=COMMAND_TYPES
    )
    sensor_rate: float = _parameter(
        0.0,
        "sensor messages per second in Hz; 0: in real time a multiple of the policy's rate of up "
        "to 250 Hz, in lock-step the policy's",
        span=AT_LEAST_0,
    )
    real_time_factor: float = _parameter(
        1.0,
        'simulated over real time; 0: as fast as possible, in lock-step only',
        span=AT_LEAST_0,
    )
    lockstep: bool = _parameter(False, 'time waits for the command of each tick')
    decimation: int = _parameter(
        1,
        "in lock-step, sensor messages per awaited command: decimation of the policy's node",
        span=Span(1),
    )
    resend_after: float = _parameter(
        1.0, 'in lock-step, time in s without an answer after which the first sensors come again'
    )
    publish_clock: bool = _parameter(
        False, 'publish /clock; time then starts at 1 s, else at the time of the system'
    )
    velocity_command: tuple[float, ...] = _parameter(
        (), 'vx, vy, yaw rate to publish on cmd_vel with the sensors; empty: another node does'
    )
    seconds: float = _parameter(
        0.0, 'simulated time in s after which the node ends; 0: never', span=AT_LEAST_0
    )
    noise: float = _parameter(0.0, 'level of sensor noise; 1: that of MuJoCo Playground')
    push_speed: float = _parameter(0.0, 'velocity in m/s of pushes in random directions')
    push_interval: float = _parameter(3.0, 'time between pushes in s')
    latency: int = _parameter(0, 'delay of a command in sensor periods')
    drop: float = _parameter(0.0, 'probability that a sensor message is lost')
    seed: int = _parameter(0, 'of all the randomness')

    def __post_init__(self) -> None:
        """Refuse values out of range, and those that lock-step cannot have."""
        check_ranges(self)
        if not self.model:
            raise ConfigError("model is '', expected the path of an ONNX policy")
        if self.robot and self.robot_description:
            raise ConfigError('robot and robot_description are both set, expected one of them')
        if not self.resend_after > 0.0:
            raise ConfigError(f'resend_after is {self.resend_after} s, expected above 0 s')
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
