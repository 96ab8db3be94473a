# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""A finding about a policy, and the case that the checks examine."""

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
    """Stable, dotted; part of the interface."""
    severity: Severity
    """error: the policy must not run; warning: needs a review; info: good to know."""
    message: str
    """The problem, with numbers."""
    hint: str
    """How to fix it."""


@dataclass(frozen=True, kw_only=True)
class Case:
    """A spec with its provenance, and the robot that it is for."""

    sourced: SourcedSpec
    robot: RobotDescription | None = None
    """None if unknown."""

    @property
    def spec(self) -> PolicySpec:
        """The spec."""
        return self.sourced.spec
