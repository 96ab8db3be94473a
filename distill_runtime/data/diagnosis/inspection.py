# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Inspect a contract with a recording: all findings of `check --bag`."""

from __future__ import annotations

from dataclasses import dataclass

from distill_runtime.core.step import Policy
from distill_runtime.data.recording.recording import Recording
from distill_runtime.data.ticks.windows import Windows
from distill_runtime.spec.compile import compile_spec
from distill_runtime.spec.findings.finding import Finding
from distill_runtime.spec.robot_description import RobotDescription
from distill_runtime.spec.spec import PolicySpec

from . import imu_findings, joint_findings, stream_findings, target_findings
from .bag_case import BagCase, make_case
from .drive_fit import DriveFit
from .stream_findings import missing_externals
from .tick_phase import best_run

SENSOR_CHECKS = (*stream_findings.CHECKS, *imu_findings.CHECKS, *joint_findings.CHECKS)
"""Checks that need no network."""


@dataclass(frozen=True, kw_only=True)
class Inspection:
    """Findings about a contract from a recording."""

    findings: tuple[Finding, ...]
    num_ticks: int = 0
    """Ticks of the policy over the recording; 0: it was not run."""
    num_valid: int = 0
    """Ticks with complete inputs."""
    drive_fit: DriveFit | None = None
    """None: the recording holds neither commands nor efforts to compare with."""


def inspect(
    spec: PolicySpec,
    policy: Policy | None,
    recording: Recording,
    robot: RobotDescription | None = None,
    *,
    windows: Windows | None = None,
    tries_variants: bool = True,
) -> Inspection:
    """Inspect a contract with a recording.

    Args:
        spec: The contract.
        policy: Its network; None: check the sensors only.
        recording: Of the robot, best under control of this policy; see read_samples.
        robot: The search tries its motor order, too.
        windows: Selected the samples; None: they are all.
        tries_variants: Whether to search for a contract that fits better; takes seconds. Skipped
            where the sensors have errors.

    Raises:
        RecordingError: If no JointState has a stamp.
    """
    case = make_case(spec, recording, windows)
    checks = SENSOR_CHECKS if case.names else stream_findings.CHECKS
    findings = [finding for check in checks for finding in check(case)]
    if policy is None or not can_run(case):
        return Inspection(findings=tuple(findings))
    run, drive_fit = best_run(case, spec, policy)
    given = target_findings.PolicyCase(case, policy, run, drive_fit, robot)
    # the search would blame errors of the sensors on the contract
    searches = tries_variants and all(finding.severity != 'error' for finding in findings)
    for policy_check in target_findings.CHECKS:
        if searches or policy_check is not target_findings.better_variant:
            findings += policy_check(given)
    is_valid = run.playback.is_valid
    return Inspection(
        findings=tuple(findings),
        num_ticks=len(is_valid),
        num_valid=int(is_valid.sum()),
        drive_fit=drive_fit,
    )


def can_run(case: BagCase) -> bool:
    """Whether the recording has all inputs of the policy."""
    compiled, recording = compile_spec(case.spec), case.recording
    return (
        case.names == case.spec.joints
        and not (compiled.needs_imu and recording.imu is None)
        and not (compiled.needs_odometry and recording.odometry is None)
        and not missing_externals(case)
    )
