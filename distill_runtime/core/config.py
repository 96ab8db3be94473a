# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Options of a runner; none of them depends on the robot or the policy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
import math
from typing import Literal

from distill_runtime.core.checks.registry import CheckConfig, CHECKS, DEFAULT_CHECKS
from distill_runtime.errors import ConfigError

from .limits import POSITION_LIMITS, PositionLimits
from .modes import FAULT_ACTIONS, FaultAction


@dataclass(frozen=True, kw_only=True)
class RunnerConfig:
    """Options of PolicyRunner."""

    ticks_per_step: int = 1
    """Control ticks per policy step."""
    interpolation: Literal['hold', 'linear'] = 'hold'
    """Between two policy steps: hold the target, or move to it linearly, one policy period
    late.
    """
    start_in: Literal['standby', 'policy'] = 'standby'
    """Mode of the first tick that has all its inputs."""
    ramp_time: float = 2.0
    """Time from the measured pose to the default pose in standby, in [s]."""
    max_input_age: float = 0.1
    """Greatest age of JointState, Imu and Odometry, in [s]."""
    cmd_vel_timeout: float = 0.5
    """Age of the velocity command above which it counts as zero, in [s]; 0: never."""
    stop_deceleration: float = 1.0
    """Rate at which a stop takes the velocity command to zero, in [m]/[s²] and [rad]/[s²]; 0: at
    once.
    """
    stop_timeout: float = 5.0
    """Time after which a stop ends in standby even if the robot does not stand still, in [s]; 0:
    at once, without slowing down.
    """
    tilt_limit: float = 1.0
    """Angle between the base's z axis and up that is a fault, in [rad]; 0: not checked."""
    fault_action: FaultAction = 'damp'
    """What a fault does to the joints."""
    escalation_time: float = 5.0
    """How long the cause of a fault may last before hold and default_pose become damp, and damp
    becomes stop, in [s]; 0: never.
    """
    start_pose_limit: float = 0.5
    """Greatest distance of a joint from its default position at a start, in [rad]; 0: any."""
    start_tilt_limit: float = 0.5
    """Greatest tilt of the base at a start, in [rad]; 0: any."""
    torque_limit: float = 1.0
    """Share of a joint's effort limit that its PD law may be asked for; 0: any torque."""
    position_limits: PositionLimits = 'soft'
    """How targets of the policy beyond the range of their joint are limited: soft reduces the
    torque outward near the limit and clips joints without known gains, clip, or off.
    """
    checks: Mapping[str, CheckConfig] = field(default_factory=lambda: DEFAULT_CHECKS)
    """One for each key of CHECKS."""
    max_joint_step: float = 1.0
    """Largest change of a position command per tick, in [rad]; 0: unlimited."""

    def __post_init__(self) -> None:
        """Refuse values out of range."""
        if not self.ticks_per_step >= 1:
            raise ConfigError(f'ticks_per_step is {self.ticks_per_step}, expected at least 1')
        _one_of('interpolation', self.interpolation, ('hold', 'linear'))
        _one_of('start_in', self.start_in, ('standby', 'policy'))
        _one_of('fault_action', self.fault_action, FAULT_ACTIONS)
        _one_of('position_limits', self.position_limits, POSITION_LIMITS)
        if not 0.0 < self.max_input_age < 60.0:
            raise ConfigError(
                f'max_input_age is {self.max_input_age} s, expected above 0 s and below 60 s'
            )
        for name in ('tilt_limit', 'start_tilt_limit'):
            if not 0.0 <= getattr(self, name) <= math.pi:
                raise ConfigError(f'{name} is {getattr(self, name)} rad, expected 0 rad to pi rad')
        for name in (
            'ramp_time',
            'cmd_vel_timeout',
            'stop_deceleration',
            'stop_timeout',
            'max_joint_step',
            'escalation_time',
            'start_pose_limit',
            'torque_limit',
        ):
            value = getattr(self, name)
            if not 0.0 <= value < 1e6:
                raise ConfigError(f'{name} is {value}, expected at least 0 and finite')
        if set(self.checks) != set(CHECKS):
            raise ConfigError(f'checks are {sorted(self.checks)}, expected {sorted(CHECKS)}')
        for name in ('input_age', 'action_value', 'estop'):
            if self.checks[name].action in ('warn', 'ignore'):
                raise ConfigError(
                    f'checks.{name}.action is {self.checks[name].action!r}, expected a fault '
                    'action: this check cannot be turned off'
                )


def position_limits_for(wanted: PositionLimits, command_type: str) -> PositionLimits:
    """Return the position limits for a type of command.

    Args:
        wanted: Option of the user.
        command_type: Of student_node. A trajectory is tracked exactly, whatever the gains: a soft
            limit becomes a clip.
    """
    return 'clip' if wanted == 'soft' and command_type == 'trajectory' else wanted


def _one_of(name: str, value: str, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise ConfigError(f'{name} is {value!r}, expected one of {list(allowed)}')
