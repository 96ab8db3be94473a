# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Findings about a model file and about what its network did on trial."""

from __future__ import annotations

from collections.abc import Iterator

from distill_runtime.policy.model_file.onnx_facts import OnnxFacts
from distill_runtime.spec.findings.finding import Finding
from distill_runtime.spec.spec import PolicySpec

from .self_test import DryRun, FirstStep

FAR = 1.0
"""Target at rest, measured from the default pose in [rad], that no trained policy asks for."""


def trial_findings(spec: PolicySpec, run: DryRun, step: FirstStep) -> Iterator[Finding]:
    """Say what was odd about a dry run and the first step."""
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
            hint='check again on the robot with nothing else running',
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
            message=f'standing still in the default pose, the policy wants {name} at '
            f'{target:.2f} rad, {target - default:+.2f} rad from its default '
            f'({len(far)} of {len(spec.joints)} joints are above {FAR:g} rad)',
            hint='compare scales, offsets, joint order and term order with the training',
        )


def file_findings(facts: OnnxFacts) -> Iterator[Finding]:
    """Say what the file of a model means for whoever copies it."""
    if facts.external_files:
        yield Finding(
            code='model.external_data',
            severity='warning',
            message=f'weights lie outside of the file, in {", ".join(facts.external_files)}',
            hint='copy all files together, or pack the model into one; the sha256 covers them all',
        )
    if facts.domains:
        yield Finding(
            code='model.custom_operators',
            severity='info',
            message=f'operators of {", ".join(facts.domains)} are used beside the standard ones',
            hint='they exist in this onnxruntime; check on the robot as well',
        )
