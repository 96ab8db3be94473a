# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Findings about the targets of a policy over a recording: validity, drive fit, scale, gains.

Thresholds: over simulated walks of three robots the right contract has an R squared of 99.7 % or
more, and 95 % where a command is seen one tick late or where a fifth of the efforts is noise.
Wrong contracts mostly have less than half; docs/mutations.md lists those with more.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Literal, NamedTuple

from distill_runtime.core.step import Policy
from distill_runtime.errors import ConfigError, ModelError, RecordingError
from distill_runtime.spec.findings.finding import Finding
from distill_runtime.spec.robot_description import RobotDescription
import numpy as np

from .bag_case import BagCase, Run
from .drive_fit import DriveFit, fit_drive
from .tick_phase import best_run
from .variants import variants

Fill = Literal['first', 'zeros']
GOOD = 0.9
"""R squared from which targets count as those that were sent."""
CLOSE = 0.99
"""R squared from which no other contract is searched."""
ABSURD = np.pi
"""Distance of a target from the measured position that no trained policy keeps, in [rad]."""


class PolicyCase(NamedTuple):
    """A policy that was run over a recording, and its drive fit."""

    case: BagCase
    policy: Policy
    run: Run
    drive_fit: DriveFit | None
    robot: RobotDescription | None


def invalid_ticks(given: PolicyCase) -> Iterator[Finding]:
    """Find ticks at which the node would not run the policy."""
    playback = given.run.playback
    if not playback.is_valid.all():
        reasons = ', '.join(f'{code} ({entry.count})' for code, entry in playback.reasons.items())
        count = int((~playback.is_valid).sum())
        yield Finding(
            code='bag.ticks_invalid',
            severity='warning' if count > 0.05 * len(playback.is_valid) else 'info',
            message=f'{count} of {len(playback.is_valid)} ticks lack an input: {reasons}',
            hint='the node would take its fault action there',
        )


def implausible(given: PolicyCase) -> Iterator[Finding]:
    """Find targets that are absurdly far from the measured positions."""
    run, valid = given.run, given.run.playback.is_valid
    order = [given.case.names.index(name) for name in run.spec.joints]
    measured = given.case.position[run.ticks.joints][:, order]
    is_position = np.array([mode == 'position' for mode in run.spec.modes])
    distance = np.abs(run.playback.target - measured)[valid][:, is_position]
    if not distance.size:
        return
    high = np.quantile(distance, 0.99, axis=0)
    if high.max() > ABSURD:
        name = np.array(run.spec.joints)[is_position][int(high.argmax())]
        yield Finding(
            code='bag.targets_implausible',
            severity='warning',
            message=f'the policy would send {name} {high.max():.3g} rad away from its position '
            f'(99th percentile; {int((high > ABSURD).sum())} of {len(high)} joints)',
            hint='scales, signs, joint order or term order of the spec differ from the training, '
            'or the recording is from another robot',
        )


def unexplained(given: PolicyCase) -> Iterator[Finding]:
    """Compare the targets with the recorded commands or efforts."""
    fit = given.drive_fit
    if fit is None:
        period = given.run.spec.period
        yield Finding(
            code='bag.no_reference',
            severity='info',
            message='the recording holds neither joint commands nor efforts with velocities for '
            f'{max(0.5, period) + 50 * period:.1f} s: the targets cannot be compared',
            hint='record joint_command, too; joint order, scales and history are not verified',
        )
        return
    if fit.median_r_squared >= GOOD:
        return
    worst = int(fit.r_squared.argmin())
    yield Finding(
        code='bag.targets_unexplained',
        severity='warning',
        message=f'over the recording, the targets of the policy explain '
        f'{percent(fit.median_r_squared)} of the {fit.reference}, expected {GOOD:.0%} or more '
        f'(worst: {fit.names[worst]}, {percent(fit.r_squared[worst])})',
        hint='did this policy control the robot in the recording? If so the spec differs from the '
        'training: scales, signs, history, joint order, term order or period',
    )


def better_variant(given: PolicyCase) -> Iterator[Finding]:
    """Search for a contract that fits better."""
    fit = given.drive_fit
    if fit is None or fit.median_r_squared >= CLOSE:
        return
    best, best_score = '', fit.median_r_squared
    for text, spec in variants(given.run.spec, given.robot):
        try:
            other = best_run(given.case, spec, given.policy).drive_fit
        except (ConfigError, ModelError, RecordingError):
            continue
        if other is not None and other.median_r_squared > best_score:
            best, best_score = text, other.median_r_squared
    if best_score >= GOOD and 1.0 - best_score < 0.25 * (1.0 - fit.median_r_squared):
        yield Finding(
            code='bag.contract_differs',
            severity='error',
            message=f'the targets would explain {percent(best_score)} of the {fit.reference} '
            f'instead of {percent(fit.median_r_squared)} if {best}',
            hint='correct this in the spec, and check again',
        )


def action_mapping(given: PolicyCase) -> Iterator[Finding]:
    """Find a wrong scale, offset or gain of correct actions."""
    fit = given.drive_fit
    if fit is None or fit.median_r_squared < GOOD:
        return
    scale = float(np.nanmedian(fit.scale))
    if not 0.8 <= scale <= 1.25:
        yield Finding(
            code='bag.action_scale',
            severity='error',
            message=f'the {fit.reference} fit an action scale {scale:.2f} times the given one',
            hint='look up outputs.action.scale in the training',
        )
    elif np.nanmax(np.abs(fit.shift)) > 0.2:
        worst = int(np.nanargmax(np.abs(fit.shift)))
        yield Finding(
            code='bag.action_offset',
            severity='error',
            message=f'the {fit.reference} fit targets {fit.shift[worst]:+.2f} rad away from the '
            f'given ones for {fit.names[worst]}',
            hint='is outputs.action.offset the default pose, in the order of joints? Were these '
            'the gains?',
        )
    yield from _gains(given, fit)


def _gains(given: PolicyCase, fit: DriveFit) -> Iterator[Finding]:
    stiffness = given.run.spec.stiffness
    if stiffness is None or np.isnan(fit.stiffness).all():
        return
    expected = np.array([stiffness[given.run.spec.joints.index(name)] for name in fit.names])
    ratio = fit.stiffness / np.maximum(expected, 1e-9)
    differs = (ratio < 0.67) | (ratio > 1.5)
    if differs.any():
        worst = int(np.nanargmax(np.abs(np.log(np.maximum(ratio, 1e-9)))))
        yield Finding(
            code='bag.gains',
            severity='warning',
            message=f'efforts of {fit.names[worst]} fit a stiffness of '
            f'{fit.stiffness[worst]:.3g} N m/rad, stiffness is {expected[worst]:.3g} N m/rad '
            f'({int(differs.sum())} of {len(differs)} joints)',
            hint='are stiffness and damping in the order of joints, and what the driver uses?',
        )


def history_fill(given: PolicyCase) -> Iterator[Finding]:
    """Find a wrong fill of the history from the first ticks of the policy."""
    spec = given.run.spec
    depth = max(entry.depth for entry in given.run.compiled.inputs)
    if depth == 1 or given.drive_fit is None:
        return
    other_fill: dict[Fill | None, Fill | None]
    other_fill = {'zeros': 'first', 'first': 'zeros', None: None}
    inputs = tuple(
        replace(entry, history=replace(entry.history, fill=other_fill[entry.history.fill]))
        for entry in spec.inputs
    )
    stretches = given.run.stretches
    other_spec = replace(spec, inputs=inputs)
    other_run = Run(other_spec, given.policy, given.case.recording, stretches)
    fit = fit_drive(given.case, given.run, first=2 * depth)
    other = fit_drive(given.case, other_run, first=2 * depth)
    if fit is None or other is None:
        return
    score, other_score = fit.median_r_squared, other.median_r_squared
    if other_score >= GOOD and 1.0 - other_score < 0.2 * (1.0 - score):
        yield Finding(
            code='bag.history_fill',
            severity='error',
            message=f'the targets of the first {2 * depth} ticks explain {percent(score)} of the '
            f'{fit.reference}, and would explain {percent(other_score)} if history.fill were '
            f'{inputs[0].history.fill}',
            hint='correct history.fill in the spec',
        )


def percent(r_squared: float) -> str:
    """Format an R squared; negative ones as zero."""
    return f'{max(r_squared, 0.0):.1%}'


CHECKS = (invalid_ticks, implausible, unexplained, better_variant, action_mapping, history_fill)
