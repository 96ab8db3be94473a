# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""The joints of a policy and their control modes and gains, as a scene needs them."""

from __future__ import annotations

from dataclasses import dataclass

from distill_runtime.errors import ConfigError
from distill_runtime.spec.spec import PolicySpec

_MODES = ('position', 'velocity', 'effort')


@dataclass(frozen=True, kw_only=True)
class DrivenJoints:
    """The joints of a policy; every tuple is in policy order, of length num_joints."""

    names: tuple[str, ...]
    modes: tuple[str, ...]
    """Control mode: position, velocity or effort."""
    default_position: tuple[float, ...]
    """Start pose in [rad]."""
    stiffness: tuple[float, ...] | None = None
    """In [N m]/[rad]."""
    damping: tuple[float, ...] | None = None
    """In [N m s]/[rad]."""
    effort: tuple[float, ...] | None = None
    """Torque limit in [N m]; None: the scene's."""

    def __post_init__(self) -> None:
        """Reject wrong lengths and unknown modes."""
        if not self.names:
            raise ConfigError('joints are [], expected at least one')
        for field in ('modes', 'default_position', 'stiffness', 'damping', 'effort'):
            values = getattr(self, field)
            if values is not None and len(values) != len(self.names):
                raise ConfigError(f'{field} has {len(values)} values, expected {len(self.names)}')
        for name, mode in zip(self.names, self.modes, strict=True):
            if mode not in _MODES:
                raise ConfigError(f'modes[{name}] is {mode!r}, expected one of {list(_MODES)}')


def driven_joints(spec: PolicySpec) -> DrivenJoints:
    """Return the joints of a spec, in policy order."""
    return DrivenJoints(
        names=spec.joints,
        modes=spec.modes,
        default_position=spec.default_position,
        stiffness=spec.stiffness,
        damping=spec.damping,
        effort=spec.limits.effort,
    )
