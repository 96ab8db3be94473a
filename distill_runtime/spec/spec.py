# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""The policy spec: the contract between a policy and a robot, as one frozen, checked value."""

from __future__ import annotations

from dataclasses import dataclass
import math
from typing import Annotated

from distill_runtime.errors import ConfigError

from .robot_description import check_limits
from .tensors import (
    check_encoder,
    EncoderSpec,
    Golden,
    InputSpec,
    JointMode,
    Outputs,
    StateSpec,
)
from .term import check_clip, Term
from .terms import Latent

_Lower = Annotated[float, -math.inf]
_Upper = Annotated[float, math.inf]


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Hard limits of the joints, in policy order; None: not limited.

    A joint without a limit, such as a wheel, has an infinite one here and null in a file, since
    JSON has no infinity.
    """

    position: tuple[tuple[_Lower, _Upper], ...] | None = None
    """In [rad], (lower, upper)."""
    velocity: tuple[_Upper, ...] | None = None
    """In [rad]/[s]."""
    effort: tuple[_Upper, ...] | None = None
    """In [N m]."""


_UNLIMITED = Limits()
MAX_HISTORY = 10_000_000
"""Elements of the history of one tensor."""


@dataclass(frozen=True, kw_only=True)
class CommandRange:
    """Velocity commands that the policy was trained on."""

    lower: tuple[float, float, float]
    """(vx, vy) in [m]/[s], yaw rate in [rad]/[s]."""
    upper: tuple[float, float, float]

    def __post_init__(self) -> None:
        """Refuse an inverted range."""
        for name, lower, upper in zip(('vx', 'vy', 'yaw'), self.lower, self.upper, strict=True):
            if not lower <= upper:
                raise ConfigError(f'lower {name} is {lower}, expected at most upper = {upper}')


@dataclass(frozen=True, kw_only=True)
class PolicySpec:
    """The whole contract between a policy and a robot. See docs/spec.md for every key."""

    name: str
    period: float
    """Time between policy steps, in [s]."""
    joints: tuple[str, ...]
    """Policy order, the names seen on /joint_states."""
    default_position: tuple[float, ...]
    """In [rad]."""
    inputs: tuple[InputSpec, ...]
    outputs: Outputs
    spec_version: int = 1
    stiffness: tuple[float, ...] | None = None
    """In [N m]/[rad]."""
    damping: tuple[float, ...] | None = None
    """In [N m s]/[rad]."""
    limits: Limits = _UNLIMITED
    command: CommandRange | None = None
    encoder: EncoderSpec | None = None
    """Network that runs before the policy."""
    state: tuple[StateSpec, ...] = ()
    golden: Golden | None = None

    def __post_init__(self) -> None:
        """Refuse invalid values and contradictions between fields."""
        if self.spec_version != 1:
            raise ConfigError(
                f'spec_version is {self.spec_version}, expected 1: update distill_runtime'
            )
        if not 1e-4 <= self.period <= 10.0:
            raise ConfigError(f'period is {self.period} s, expected 0.0001 s to 10 s')
        self._check_joints()
        self._check_gains()
        self._check_limits()
        self._check_action()
        for index, entry in enumerate(self.inputs):
            for number, term in enumerate(entry.terms):
                try:
                    term.check(self)
                except ConfigError as error:
                    where = f'inputs[{index}].terms[{number}] ({term.kind})'
                    raise ConfigError(f'{where}: {error}') from error
            self._check_size(entry, f'inputs[{index}]')
        if not self.inputs:
            raise ConfigError('inputs is empty, expected at least one tensor')
        check_encoder(self.encoder, self.inputs)

    @property
    def terms(self) -> tuple[Term, ...]:
        """The terms of all inputs."""
        return tuple(term for entry in self.inputs for term in entry.terms)

    @property
    def modes(self) -> tuple[JointMode, ...]:
        """The mode of each joint."""
        mode = self.outputs.mode
        return mode if isinstance(mode, tuple) else (mode,) * len(self.joints)

    @property
    def action_joints(self) -> tuple[str, ...]:
        """Joints that the policy acts on, in the order of its targets."""
        return self.joints if self.outputs.action.joints is None else self.outputs.action.joints

    @property
    def act_dim(self) -> int:
        """Width of the network output."""
        choices = self.outputs.action.choices
        return len(self.action_joints) if choices is None else len(choices)

    def input_dim(self, entry: InputSpec) -> int:
        """Width of one input tensor."""
        return sum(term.dim(self) * len(entry.lags(term)) for term in entry.terms)

    @property
    def latent_range(self) -> tuple[int, int]:
        """First element of the latent in the concatenated inputs, and the one after it."""
        start = 0
        for entry in self.inputs:
            for term in entry.terms:
                if isinstance(term, Latent):
                    return start, start + term.width
                start += term.dim(self) * len(entry.lags(term))
        raise AssertionError('no term latent: the spec has no encoder')

    def _check_size(self, entry: InputSpec, where: str) -> None:
        depth = 1 + max(max(entry.lags(term)) for term in entry.terms)
        frame = sum(term.dim(self) for term in entry.terms)
        if depth * frame > MAX_HISTORY:
            raise ConfigError(
                f'{where} has a history of {depth} frames of {frame} elements, expected at most '
                f'{MAX_HISTORY} elements in all'
            )

    def _check_joints(self) -> None:
        if not self.joints:
            raise ConfigError('joints is empty, expected the joint names in policy order')
        for name in self.joints:
            if self.joints.count(name) > 1:
                raise ConfigError(
                    f'joints has {name!r} {self.joints.count(name)} times, expected once'
                )
        self._check_length('default_position', self.default_position)
        self._check_length('outputs.mode', self.modes)

    def _check_length(self, field: str, values: tuple[object, ...] | None) -> None:
        if values is not None and len(values) != len(self.joints):
            raise ConfigError(
                f'{field} has {len(values)} elements, expected {len(self.joints)}, one per joint'
            )

    def _check_gains(self) -> None:
        for field in ('stiffness', 'damping'):
            values = getattr(self, field)
            self._check_length(field, values)
            for joint, value in zip(self.joints, values or (), strict=False):
                if not (value >= 0.0 and math.isfinite(value)):
                    raise ConfigError(
                        f'{field}[{joint}] is {value}, expected finite and at least 0'
                    )
        if (self.stiffness is None) != (self.damping is None):
            raise ConfigError('stiffness or damping is missing, expected both or neither')
        for joint, stiffness, damping in zip(
            self.joints, self.stiffness or (), self.damping or (), strict=False
        ):
            if stiffness == 1.0 and damping == 0.0 and math.copysign(1.0, damping) < 0.0:
                raise ConfigError(
                    f'stiffness, damping of {joint} are (1.0, -0.0), expected real gains: an '
                    'exporter writes this pair for unknown actuators'
                )
        if self.stiffness and not any(self.stiffness) and not any(self.damping or ()):
            raise ConfigError(
                'stiffness and damping are all 0, expected gains that hold the robot'
            )

    def _check_limits(self) -> None:
        limits = self.limits
        check_limits(self.joints, limits.position, limits.velocity, limits.effort, 'limits.')
        ranges = limits.position or ()
        for joint, (lower, upper), default, mode in zip(
            self.joints, ranges, self.default_position, self.modes, strict=False
        ):
            if mode == 'position' and not lower <= default <= upper:
                raise ConfigError(
                    f'default_position[{joint}] is {default} rad, expected within its limits '
                    f'[{lower}, {upper}] rad: is the joint order right?'
                )

    def _check_action(self) -> None:
        action = self.outputs.action
        num_targets = len(self.action_joints)
        for name in self.action_joints:
            if name not in self.joints:
                raise ConfigError(
                    f'outputs.action.joints has {name!r}, expected names of {list(self.joints)}'
                )
        if len(set(self.action_joints)) != num_targets:
            raise ConfigError(
                f'outputs.action.joints is {list(self.action_joints)}, expected each once'
            )
        for field in ('scale', 'offset'):
            values = getattr(action, field)
            if isinstance(values, tuple) and len(values) != num_targets:
                raise ConfigError(
                    f'outputs.action.{field} has {len(values)} elements, expected {num_targets}'
                )
        if action.choices is not None and len(action.choices[0]) != num_targets:
            raise ConfigError(
                f'outputs.action.choices has rows of {len(action.choices[0])}, expected '
                f'{num_targets}'
            )
        try:
            check_clip(action.clip, self.act_dim)
            check_clip(action.target_clip, num_targets)
        except ConfigError as error:
            raise ConfigError(f'outputs.action: {error}') from error
