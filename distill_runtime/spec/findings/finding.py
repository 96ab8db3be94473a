# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""One thing that an examination of a policy has to say, and what it was said about."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from distill_runtime.spec.robot_description import RobotDescription
from distill_runtime.spec.sources import SourcedSpec
from distill_runtime.spec.spec import PolicySpec

Severity = Literal['error', 'warning', 'info']
SEVERITIES: tuple[Severity, ...] = ('error', 'warning', 'info')
"""The worst first."""


@dataclass(frozen=True, kw_only=True)
class Finding:
    """Something worth knowing before a policy moves a robot."""

    code: str
    """Stable, dotted; scripts may rely on it."""
    severity: Severity
    """error: the policy must not run; warning: somebody must look; info: good to know."""
    message: str
    """What is, with numbers."""
    hint: str
    """What to do."""


@dataclass(frozen=True, kw_only=True)
class Case:
    """A spec, where it came from, and the robot that it is for."""

    sourced: SourcedSpec
    robot: RobotDescription | None = None
    """None: not told."""

    @property
    def spec(self) -> PolicySpec:
        """The spec."""
        return self.sourced.spec
