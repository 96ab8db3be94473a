# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""How far a replay may be from what it is compared with: thresholds per metric, joint and term.

tolerance: 1e-5                  # largest difference of commands, observations and actions
invalid: 0.1                     # largest share of ticks that cannot be compared
commands: {rms: 1e-3, p99: 0.01} # what is given here stands in place of the tolerance
observation: {max: 1e-4}
action: {max: 1e-3}
joints: {FL_calf_joint: {max: 0.02}}       # stands in place of commands
terms: {projected_gravity: {max: 1e-6}}    # stands in place of observation
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
"""Of commands in [rad], [rad]/[s] or [N m]: what another machine's arithmetic may change."""


class _Values:
    """Largest values by name."""

    def __post_init__(self) -> None:
        """Refuse negative values."""
        for name, value in vars(self).items():
            if value is not None and not value >= 0.0:
                raise ConfigError(f'{name} is {value}, expected at least 0')


@dataclass(frozen=True, kw_only=True)
class Limits(_Values):
    """Largest values of a difference; None: not judged."""

    max: float | None = None
    rms: float | None = None
    p50: float | None = None
    p95: float | None = None
    p99: float | None = None

    @property
    def is_empty(self) -> bool:
        """Whether nothing is judged."""
        return all(value is None for value in vars(self).values())


@dataclass(frozen=True, kw_only=True)
class MotionLimits(_Values):
    """Largest values of each joint's motion, see data.motion; None: not judged."""

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
        """Read it strictly; joints and terms hold limits by name."""
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
        """Return what holds for a joint or term.

        Args:
            what: commands, observation or action.
            name: Of the joint or term.
        """
        own = {'commands': self.joints, 'observation': self.terms}.get(what, {}).get(name)
        general: Limits = getattr(self, what)
        chosen = own or general
        return Limits(max=self.tolerance) if chosen.is_empty else chosen


def read_thresholds(path: Path | None, tolerance: float | None = None) -> Thresholds:
    """Read a file of rules.

    Args:
        path: YAML file; None: the defaults.
        tolerance: Stands in place of the file's; None: the file's, or the default.

    Raises:
        ConfigError: If the file is unreadable or wrong.
    """
    content: object = {} if path is None else read_yaml(path)
    if tolerance is not None and isinstance(content, Mapping):
        content = {**content, 'tolerance': tolerance}
    try:
        return read_dataclass(Thresholds, content, '')
    except ConfigError as error:
        raise ConfigError(f'{path}: {error}' if path else str(error)) from None
