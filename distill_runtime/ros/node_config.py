# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""The parameters of student_node."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
import math
from typing import Any, get_args

from distill_runtime.core.checks.registry import CHECK_ACTIONS, CheckConfig, CHECKS
from distill_runtime.core.config import position_limits_for, RunnerConfig
from distill_runtime.core.limits import POSITION_LIMITS
from distill_runtime.core.modes import FAULT_ACTIONS
from distill_runtime.core.swap.swap import SwapOptions
from distill_runtime.errors import ConfigError
from distill_runtime.policy.session import Provider
from distill_runtime.ros.loop.commands import COMMAND_TYPES
from rclpy.node import Node
from rclpy.parameter import Parameter

from .parameters import (
    AT_LEAST_0,
    check_ranges,
    Declaration,
    declarations,
    FIXED,
    LIVE,
    parameter,
    read_values,
    Span,
)

CHECKS_PREFIX = 'checks.'
_RUNNER = RunnerConfig()
_TERMS = SwapOptions()


@dataclass(frozen=True, kw_only=True)
class StudentNodeConfig:
    """What a user may set; config/student_node.yaml has each with its default."""

    model: str = parameter('', 'ONNX file of the policy', change=LIVE)
    spec: str = parameter(
        '',
        "spec file that overrides or completes that of the model; '' for none; while the node is "
        'configured it is set together with model, atomically',
        change=LIVE,
    )
    blend_time: float = parameter(
        _TERMS.blend_time,
        'time in s in which commands move to those of the next model',
        change=LIVE,
        span=AT_LEAST_0,
    )
    shadow_time: float = parameter(
        _TERMS.shadow_time,
        'time in s that the next model runs in shadow of the present one before it is active',
        change=LIVE,
        span=AT_LEAST_0,
    )
    max_divergence: float = parameter(
        _TERMS.max_divergence,
        'difference of a target in rad that rejects a model in shadow; 0: any',
        change=LIVE,
        span=AT_LEAST_0,
    )
    probation_time: float = parameter(
        _TERMS.probation_time,
        'time in s after a swap in which a fault rolls the model back',
        change=LIVE,
        span=AT_LEAST_0,
    )
    model_root: str = parameter(
        '',
        "folder that all files of a model must lie in, links resolved; '' for any",
        change=FIXED,
    )
    trusted_keys: tuple[str, ...] = parameter(
        ('',),
        "PEM files of public keys, one of which must have signed the model; ['']: unsigned too",
        change=FIXED,
    )
    robot: str = parameter('', "robot profile, a file stem of config/robots; '' for none")
    robot_description: str = parameter(
        '',
        "URDF that gives the limits: file, XML text, or std_msgs/String topic that has it; '' for "
        'none',
    )
    provider: str = parameter(
        'cpu', 'execution provider of onnxruntime', one_of=get_args(Provider)
    )
    command_type: str = parameter(
        'joint_state', 'what joint_command carries', one_of=COMMAND_TYPES
    )
    trigger: str = parameter('timer', 'what starts a tick', one_of=('timer', 'joint_states'))
    decimation: int = parameter(
        1, 'with trigger joint_states: tick at every n-th JointState', span=Span(1)
    )
    trigger_timeout: float = parameter(
        1.0,
        'with trigger joint_states: silence in s after which the fault action starts; 0: never',
        span=AT_LEAST_0,
    )
    control_rate: float = parameter(
        0.0,
        "ticks per second in Hz, a whole multiple of the policy's rate; 0: the policy's rate",
        span=AT_LEAST_0,
    )
    interpolation: str = parameter(
        'hold', 'target between two policy steps', one_of=('hold', 'linear')
    )
    autostart: bool = parameter(False, 'configure and activate at start', change=FIXED)
    start_in: str = parameter(
        'standby',
        'mode that an activation enters',
        one_of=('standby', 'policy'),
    )
    shadow: bool = parameter(False, 'compute everything and send no command')
    ramp_time: float = parameter(
        _RUNNER.ramp_time, 'time from the measured to the default pose in s', span=AT_LEAST_0
    )
    max_input_age: float = parameter(
        _RUNNER.max_input_age,
        'greatest age of JointState, Imu and Odometry in s, above 0',
        span=Span(0.0, 60.0),
    )
    input_stamps: str = parameter(
        'header',
        'age of a sample counts from its header stamp, or from its arrival',
        one_of=('header', 'arrival'),
    )
    cmd_vel_timeout: float = parameter(
        _RUNNER.cmd_vel_timeout,
        'age in s above which cmd_vel counts as zero; 0: never',
        span=AT_LEAST_0,
    )
    stop_deceleration: float = parameter(
        _RUNNER.stop_deceleration,
        'rate at which ~/stop takes the velocity command to zero in m/s² and rad/s²; 0: at once',
        span=AT_LEAST_0,
    )
    stop_timeout: float = parameter(
        _RUNNER.stop_timeout,
        'time in s after which ~/stop goes on to standby even if the robot does not stand still; '
        '0: at once, without slowing down',
        span=AT_LEAST_0,
    )
    enable_stamped_cmd_vel: bool = parameter(False, 'cmd_vel is a TwistStamped')
    tilt_limit: float = parameter(
        _RUNNER.tilt_limit,
        'tilt of the base in rad that is a fault; 0: not checked',
        span=Span(0.0, math.pi),
    )
    fault_action: str = parameter(
        _RUNNER.fault_action, 'what a fault does to the joints', one_of=FAULT_ACTIONS
    )
    escalation_time: float = parameter(
        _RUNNER.escalation_time,
        'how long the cause of a fault may last in s before hold and default_pose become damp, '
        'and damp becomes stop; 0: for ever',
        span=AT_LEAST_0,
    )
    start_pose_limit: float = parameter(
        _RUNNER.start_pose_limit,
        'distance of a joint from its default position in rad that ~/start allows; 0: any',
        span=AT_LEAST_0,
    )
    start_tilt_limit: float = parameter(
        _RUNNER.start_tilt_limit,
        'tilt of the base in rad that ~/start allows; 0: any',
        span=Span(0.0, math.pi),
    )
    torque_limit: float = parameter(
        _RUNNER.torque_limit,
        "share of a joint's effort limit that a target may ask of the PD law; 0: any torque",
        span=AT_LEAST_0,
    )
    position_limits: str = parameter(
        _RUNNER.position_limits,
        'targets beyond the range of their joint: soft (less torque outward near the limit; clip '
        'where gains are unknown, and with command_type trajectory), clip or off',
        one_of=POSITION_LIMITS,
    )
    max_joint_step: float = parameter(
        _RUNNER.max_joint_step,
        'largest change of a position command per tick in rad; 0: unlimited',
        span=AT_LEAST_0,
    )
    publish_internals: bool = parameter(False, 'publish ~/observation and ~/action', change=LIVE)
    blackbox_dir: str = parameter(
        '~/.ros/distill_runtime/blackbox', "folder that dumps go to, rosbag2 each; '' for none"
    )
    blackbox_seconds: float = parameter(
        10.0, 'time in s that the black box holds in memory', span=Span(1.0, 600.0)
    )
    blackbox_quota: float = parameter(
        500.0, 'size of all dumps in MB, above which the oldest are removed', span=Span(1.0, 1e7)
    )
    record_to: str = parameter(
        '', "folder that gets a recording of every activation, a rosbag2 each; '' for none"
    )
    realtime_priority: int = parameter(
        0,
        'SCHED_FIFO priority of the control thread, 10 above the other threads; 0: none',
        span=Span(0, 99),
    )
    cpu_affinity: tuple[int, ...] = parameter((-1,), 'processors of the control thread; [-1]: any')
    lock_memory: bool = parameter(False, 'keep all pages in memory (mlockall)')

    def __post_init__(self) -> None:
        """Reject what is wrong for any policy."""
        check_ranges(self)
        if self.robot and self.robot_description:
            raise ConfigError('robot and robot_description are both set, expected one of them')

    @property
    def terms(self) -> SwapOptions:
        """Options of the next swap."""
        return SwapOptions(**self._shared_with(SwapOptions))

    def runner_config(self, period: float, checks: Mapping[str, CheckConfig]) -> RunnerConfig:
        """Return the options of the runner.

        Args:
            period: Time between policy steps in [s].
            checks: Parameters of the checks.

        Raises:
            ConfigError: If the control rate is no whole multiple of the policy's.
        """
        ticks = self.control_rate * period if self.control_rate else 1.0
        if round(ticks) < 1 or abs(ticks - round(ticks)) > 1e-6 * ticks:
            raise ConfigError(
                f'control_rate is {self.control_rate} Hz, expected a whole multiple of the '
                f"policy's {1.0 / period:g} Hz"
            )
        options = self._shared_with(RunnerConfig)
        options['position_limits'] = position_limits_for(
            options['position_limits'], self.command_type
        )
        return RunnerConfig(ticks_per_step=round(ticks), checks=checks, **options)

    def _shared_with(self, cls: type) -> dict[str, Any]:
        """Return the values of the parameters that are fields of another dataclass, too."""
        names = {field.name for field in fields(self)} & {field.name for field in fields(cls)}
        return {name: getattr(self, name) for name in names}


def _check_parameters() -> Iterator[Declaration]:
    """Yield checks.<name>.limit, .debounce and .action of each check."""
    for name, check in CHECKS.items():
        prefix, default = f'{CHECKS_PREFIX}{name}.', check.default
        if check.limit_text:
            text = f'{check.text}: {check.limit_text}'
            yield Declaration(f'{prefix}limit', default.limit, float, text, AT_LEAST_0)
        if check.has_debounce:
            text = 'how long it must last before it counts, in s'
            yield Declaration(f'{prefix}debounce', default.debounce, float, text, AT_LEAST_0)
        text = "what is done about it; '' for fault_action"
        yield Declaration(f'{prefix}action', default.action, str, text, one_of=CHECK_ACTIONS)


CHECK_PARAMETERS = tuple(_check_parameters())
PARAMETERS = (*declarations(StudentNodeConfig), *CHECK_PARAMETERS)
"""All of student_node."""


def read_checks(node: Node, changes: Sequence[Parameter[Any]] = ()) -> Mapping[str, CheckConfig]:
    """Return the checks as the parameters have them; see read_values.

    Raises:
        ConfigError: If a value is of the wrong type or out of range.
    """
    options: dict[str, dict[str, Any]] = {name: {} for name in CHECKS}
    for full, value in read_values(node, CHECK_PARAMETERS, changes).items():
        _, name, option = full.split('.')
        options[name][option] = value
    checks = {}
    for name, values in options.items():
        try:
            checks[name] = CheckConfig(**values)
        except ConfigError as error:
            raise ConfigError(f'{CHECKS_PREFIX}{name}.{error}') from error
    return checks
