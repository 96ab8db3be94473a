# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""All that a recording says about a policy: `check --bag`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from distill_runtime.core.step import Policy
from distill_runtime.data.recording.recording import Recording
from distill_runtime.spec.compile import compile_spec
from distill_runtime.spec.findings.finding import Finding
from distill_runtime.spec.robot_description import RobotDescription
from distill_runtime.spec.spec import PolicySpec

from . import (
    command_findings,
    imu_findings,
    joint_findings,
    order_findings,
    stream_findings,
    target_findings,
)
from .bag_case import BagCase, make_case
from .drive_fit import DriveFit
from .tick_phase import best_run

SENSOR_CHECKS = (
    *stream_findings.CHECKS,
    *imu_findings.CHECKS,
    *joint_findings.CHECKS,
    *order_findings.CHECKS,
)
"""Each takes a case; none needs the network."""
TRIAL_CHECKS = (*target_findings.CHECKS, *command_findings.CHECKS)
"""Each takes a trial: the policy has been run over the recording."""


@dataclass(frozen=True, kw_only=True)
class Inspection:
    """What a recording says about a contract."""

    findings: tuple[Finding, ...]
    num_ticks: int = 0
    """Ticks of the policy in the recording; 0: it was not run."""
    num_valid: int = 0
    """Those at which it had all that it reads."""
    explained: DriveFit | None = None
    """None: nothing in the recording tells what the robot was asked for."""


def inspect(
    spec: PolicySpec,
    policy: Policy | None,
    recording: Recording,
    robot: RobotDescription | None = None,
    *,
    tries_variants: bool = True,
) -> Inspection:
    """Find out what a recording says about a contract.

    Args:
        spec: The contract.
        policy: Its network; None: only the sensors are looked at.
        recording: Of the robot, best with this policy in charge.
        robot: Its motor order is one of the variants that are tried.
        tries_variants: Whether to look for a contract that fits better; takes seconds. Nothing is
            tried on sensors that are wrong themselves.

    Raises:
        RecordingError: If no JointState has a stamp.
    """
    case = make_case(spec, recording)
    checks = SENSOR_CHECKS if case.names else stream_findings.CHECKS
    findings = [finding for check in checks for finding in check(case)]
    if policy is None or not can_run(case):
        return Inspection(findings=tuple(findings))
    run, explained = best_run(case, spec, policy)
    trial = target_findings.Trial(case, policy, run, explained, robot)
    # what the sensors get wrong would be blamed on the contract
    are_sound = all(finding.severity != 'error' for finding in findings)
    findings += _trial_findings(trial, tries_variants and are_sound)
    is_valid = run.playback.is_valid
    return Inspection(
        findings=tuple(findings),
        num_ticks=len(is_valid),
        num_valid=int(is_valid.sum()),
        explained=explained,
    )


def can_run(case: BagCase) -> bool:
    """Whether the recording has all that the policy reads."""
    compiled, recording = compile_spec(case.spec), case.recording
    return (
        case.names == case.spec.joints
        and not (compiled.needs_imu and recording.imu is None)
        and not (compiled.needs_odometry and recording.odometry is None)
        and not compiled.layout.externals
    )


def _trial_findings(trial: target_findings.Trial, tries_variants: bool) -> Iterator[Finding]:
    for check in TRIAL_CHECKS:
        if tries_variants or check is not target_findings.better_variant:
            yield from check(trial)
