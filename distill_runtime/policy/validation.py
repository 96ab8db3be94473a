# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Validate a model before it moves a robot."""

from __future__ import annotations

from collections.abc import Iterator
import contextlib
from dataclasses import dataclass, replace
from pathlib import Path

from distill_runtime.core.compiled_spec import CompiledSpec
from distill_runtime.errors import DistillError, SignatureError
from distill_runtime.policy.model_file.onnx_facts import OnnxFacts
from distill_runtime.spec.findings.finding import Case, Finding
from distill_runtime.spec.findings.registry import examine, sorted_findings
from distill_runtime.spec.robot_description import RobotDescription
from distill_runtime.spec.robots import load_robot
from distill_runtime.spec.sources import SourcedSpec
from distill_runtime.spec.spec import PolicySpec

from .model import load_policy, LoadedPolicy, Loading
from .network import Graph
from .self_test import dry_run, DryRun, first_step, FirstStep, limit_use, LimitUse
from .session import open_session
from .trust import ModelTrust, UNRESTRICTED

_HINTS = {
    'spec.refused': 'correct the source that the message names, or give the right value in a '
    'file with --spec, which overrides the others',
    'graph.mismatch': 'compare the inputs and outputs of the graph with those of the spec: is it '
    'the spec of this model?',
    'network.refused': 'run the model alone with onnxruntime; export it again if that fails too',
    'signature.refused': 'compare the keys: is it the file that was released for this robot?',
    'golden.mismatch': 'pack or export the model again with its golden vectors',
}
FAR = 1.0
"""Distance of a target at standstill from the default pose, in [rad], that is implausible."""


@dataclass(frozen=True, kw_only=True)
class Validation:
    """Result of a validation; a refused model has fewer fields."""

    path: Path
    graph: Graph
    robot: RobotDescription | None
    findings: tuple[Finding, ...]
    sourced: SourcedSpec | None
    """None if no complete, valid spec was found."""
    compiled: CompiledSpec | None
    """None as above."""
    policy: LoadedPolicy | None = None
    """None if the model is refused."""
    run: DryRun | None = None
    step: FirstStep | None = None
    limits: LimitUse | None = None
    """Effect of the joint limits on its targets."""

    @property
    def is_deployable(self) -> bool:
        """Whether there is no error; there may be warnings."""
        return all(finding.severity != 'error' for finding in self.findings)


def validate_model(
    model: Path, spec: Path | None = None, robot: str = '', trust: ModelTrust = UNRESTRICTED
) -> Validation:
    """Load a model as the node does, see load_policy, and examine it for further problems.

    Raises:
        ConfigError: If the robot is unknown.
        ModelError: If the file is not readable as ONNX.
    """
    description = load_robot(robot) if robot else None
    loading = Loading()
    try:
        policy = load_policy(model, spec, robot, trust=trust, loading=loading)
    except DistillError as refusal:
        code = loading.stage
        if isinstance(refusal, SignatureError):
            code = 'signature.refused'
            with contextlib.suppress(DistillError):  # to show what was signed
                load_policy(model, spec, robot, trust=replace(trust, keys=None), loading=loading)
        try:
            graph = loading.graph or open_session(model).graph
        except DistillError:
            raise refusal from None
        findings = [_finding(code, refusal)]
        if loading.sourced is not None:
            findings += examine(Case(sourced=loading.sourced, robot=description))
        return Validation(
            path=model,
            graph=graph,
            robot=description,
            findings=sorted_findings(findings),
            sourced=loading.sourced,
            compiled=loading.compiled,
        )
    run, step, results = self_test(policy, description)
    return Validation(
        path=model,
        graph=policy.graph,
        robot=description,
        findings=results,
        sourced=policy.sourced,
        compiled=loading.compiled,
        policy=policy,
        run=run,
        step=step,
        limits=None if step is None else limit_use(policy),
    )


def self_test(
    policy: LoadedPolicy, robot: RobotDescription | None
) -> tuple[DryRun | None, FirstStep | None, tuple[Finding, ...]]:
    """Run a loaded policy on synthetic inputs; return the runs and the findings, worst first."""
    run, step = None, None
    findings: list[Finding] = []
    try:
        run, step = dry_run(policy.session), first_step(policy)
        findings += self_test_findings(policy.spec, run, step)
    except DistillError as refusal:
        findings.append(_finding('network.refused', refusal))
    findings += examine(Case(sourced=policy.sourced, robot=robot))
    return run, step, sorted_findings(findings)


def _finding(code: str, refusal: DistillError) -> Finding:
    return Finding(code=code, severity='error', message=str(refusal), hint=_HINTS[code])


def self_test_findings(spec: PolicySpec, run: DryRun, step: FirstStep) -> Iterator[Finding]:
    """Report problems of a dry run and the first step."""
    if not run.is_finite:
        yield Finding(
            code='network.not_finite',
            severity='error',
            message=f'network gives NaN or infinity in {run.runs} steps of random observations',
            hint='export it again; was the checkpoint of a training that diverged?',
        )
    if run.median > spec.period:
        yield Finding(
            code='network.slow',
            severity='error',
            message=f'inference takes {run.median * 1e3:.2f} ms, expected below the period of '
            f'{spec.period * 1e3:g} ms',
            hint='use a smaller network or a faster computer',
        )
    elif run.p99 > 0.5 * spec.period:
        yield Finding(
            code='network.slow',
            severity='warning',
            message=f'one of 100 inferences takes above {run.p99 * 1e3:.2f} ms, expected below '
            f'half the period of {spec.period * 1e3:g} ms',
            hint='check again on the robot while it runs nothing else',
        )
    far = [
        (abs(target - default), name, target, default)
        for name, mode, target, default in zip(
            spec.joints, spec.modes, step.target.tolist(), spec.default_position, strict=True
        )
        if mode == 'position' and abs(target - default) > FAR
    ]
    if far:
        _, name, target, default = max(far)
        yield Finding(
            code='action.far_at_rest',
            severity='warning',
            message=f'standing still in the default pose, the policy moves {name} to '
            f'{target:.2f} rad, {target - default:+.2f} rad from its default '
            f'({len(far)} of {len(spec.joints)} joints are above {FAR:g} rad)',
            hint='compare scales, offsets, joint order and term order with the training',
        )


def file_findings(facts: OnnxFacts) -> Iterator[Finding]:
    """Report external weights and custom operators."""
    if facts.external_files:
        yield Finding(
            code='model.external_data',
            severity='warning',
            message=f'weights are outside the file, in {", ".join(facts.external_files)}',
            hint='copy all files together, or pack the model into one; the sha256 covers them all',
        )
    if facts.domains:
        yield Finding(
            code='model.custom_operators',
            severity='info',
            message=f'operators of {", ".join(facts.domains)} are used, which are not standard',
            hint='they exist in this onnxruntime; check on the robot as well',
        )
