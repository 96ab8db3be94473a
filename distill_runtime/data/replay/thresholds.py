# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Thresholds of a replay (`--rules`), by metric, joint and term.

tolerance: 1e-5                  # largest difference of commands, observations and actions
invalid: 0.1                     # largest share of ticks that are not valid
commands: {rms: 1e-3, p99: 0.01} # replaces the tolerance
observation: {max: 1e-4}
action: {max: 1e-3}
joints: {FL_calf_joint: {max: 0.02}}       # replaces commands
terms: {projected_gravity: {max: 1e-6}}    # replaces observation
motion: {step_max: 0.3, saturated: 0.1, bound: 0.2, lag: 0.06, apart: 0.2}
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from distill_runtime.errors import ConfigError
from distill_runtime.spec.files import read_yaml
from distill_runtime.spec.mapping import read_dataclass, read_fields, shown

DEFAULT_TOLERANCE = 1e-5
"""In [rad], [rad]/[s] or [N m]: above rounding differences between machines."""


class _UpperBounds:
    """Fields that are None or at least 0."""

    def __post_init__(self) -> None:
        """Refuse negative values."""
        for name, value in vars(self).items():
            if value is not None and not value >= 0.0:
                raise ConfigError(f'{name} is {value}, expected at least 0')


@dataclass(frozen=True, kw_only=True)
class Limits(_UpperBounds):
    """Upper bounds of a difference; None: no bound."""

    max: float | None = None
    rms: float | None = None
    p50: float | None = None
    p95: float | None = None
    p99: float | None = None

    @property
    def is_empty(self) -> bool:
        """Whether there is no bound."""
        return all(value is None for value in vars(self).values())


@dataclass(frozen=True, kw_only=True)
class MotionLimits(_UpperBounds):
    """Upper bounds of the motion metrics of each joint, see Motion; None: no bound."""

    step_rms: float | None = None
    step_max: float | None = None
    bound: float | None = None
    saturated: float | None = None
    lag: float | None = None
    apart: float | None = None


@dataclass(frozen=True, kw_only=True)
class Thresholds:
    """Thresholds of a replay."""

    tolerance: float = DEFAULT_TOLERANCE
    invalid: float = 1.0
    commands: Limits = Limits()
    observation: Limits = Limits()
    action: Limits = Limits()
    motion: MotionLimits = MotionLimits()
    joints: Mapping[str, Limits] = field(default_factory=dict)
    terms: Mapping[str, Limits] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse values out of range."""
        if not 0.0 <= self.tolerance < 1e6:
            raise ConfigError(f'tolerance is {self.tolerance}, expected at least 0 and finite')
        if not 0.0 <= self.invalid <= 1.0:
            raise ConfigError(f'invalid is {self.invalid}, expected a share from 0 to 1')

    @classmethod
    def from_mapping(cls, mapping: object, where: str) -> Thresholds:
        """Read a mapping strictly; joints and terms map names to limits."""
        if not isinstance(mapping, Mapping):
            raise ConfigError(f'{where or "rules"} is {shown(mapping)}, expected a mapping')
        named = {}
        for key in ('joints', 'terms'):
            entries = mapping.get(key, {})
            if not isinstance(entries, Mapping):
                raise ConfigError(f'{key} is {shown(entries)}, expected limits by name')
            named[key] = {
                str(name): read_dataclass(Limits, limits, f'{key}.{name}')
                for name, limits in entries.items()
            }
        plain = read_fields(cls, mapping, where, ignore=('joints', 'terms'))
        return cls(**{**vars(plain), **named})

    def limits_of(self, what: str, name: str) -> Limits:
        """Return the limits of a joint or term.

        Args:
            what: commands, observation or action.
            name: Of the joint or term.
        """
        named = {'commands': self.joints, 'observation': self.terms}.get(what, {}).get(name)
        general: Limits = getattr(self, what)
        chosen = named or general
        return Limits(max=self.tolerance) if chosen.is_empty else chosen


def read_thresholds(path: Path | None, tolerance: float | None = None) -> Thresholds:
    """Read thresholds.

    Args:
        path: YAML file; None: the defaults.
        tolerance: Replaces that of the file; None: keep it.

    Raises:
        ConfigError: If the file cannot be read or a value is wrong.
    """
    content: object = {} if path is None else read_yaml(path)
    if tolerance is not None and isinstance(content, Mapping):
        content = {**content, 'tolerance': tolerance}
    try:
        return read_dataclass(Thresholds, content, '')
    except ConfigError as error:
        raise ConfigError(f'{path}: {error}' if path else str(error)) from None
