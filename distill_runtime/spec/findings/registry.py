# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Examine a valid spec for values that are probably wrong."""

from __future__ import annotations

from collections.abc import Iterable

from . import actions as action_findings
from . import inputs as input_findings
from . import joints as joint_findings
from . import sources as source_findings
from .finding import Case, Finding, SEVERITIES

CHECKS = (
    *source_findings.CHECKS,
    *input_findings.CHECKS,
    *joint_findings.CHECKS,
    *action_findings.CHECKS,
)
"""Each takes a case and yields findings."""


def examine(case: Case) -> tuple[Finding, ...]:
    """Return all findings of a case, worst first."""
    return sorted_findings(finding for check in CHECKS for finding in check(case))


def sorted_findings(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Sort findings, worst first; the order within a severity is kept."""
    return tuple(sorted(findings, key=lambda finding: SEVERITIES.index(finding.severity)))
