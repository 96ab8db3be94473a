# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Findings about what a policy would have done in a recording, and what was done there.

Thresholds: over simulated walks of three robots the right contract explains 99.7 % of the efforts
or more, and 95 % where a command is seen one tick late or where a fifth of the efforts is noise.
Wrong contracts mostly explain less than half; docs/mutations.md lists those that explain more.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from distill_runtime.core.step import Policy
from distill_runtime.errors import ConfigError, ModelError, RecordingError
from distill_runtime.spec.findings.finding import Finding
from distill_runtime.spec.robot_description import RobotDescription
import numpy as np

from .bag_case import BagCase, Run
from .drive_fit import DriveFit
from .tick_phase import best_run
from .variants import variants

GOOD = 0.9
"""DriveFit share from which targets count as those that were sent."""
CLOSE = 0.99
"""DriveFit share from which no other contract is looked for."""
ABSURD = np.pi
"""Distance of a target from the measured position that no trained policy keeps up, in [rad]."""


class Trial(NamedTuple):
    """A policy, tried on a case."""

    case: BagCase
    policy: Policy
    run: Run
    explained: DriveFit | None
    robot: RobotDescription | None


def invalid_ticks(trial: Trial) -> Iterator[Finding]:
    """Ticks at which the node would not have run the policy."""
    playback = trial.run.playback
    if not playback.is_valid.all():
        reasons = ', '.join(f'{code} ({entry.count})' for code, entry in playback.reasons.items())
        count = int((~playback.is_valid).sum())
        yield Finding(
            code='bag.ticks_invalid',
            severity='warning' if count > 0.05 * len(playback.is_valid) else 'info',
            message=f'{count} of {len(playback.is_valid)} ticks lack an input: {reasons}',
            hint='the node would act on the fault there',
        )


def implausible(trial: Trial) -> Iterator[Finding]:
    """Targets that are absurdly far from where the joints are."""
    run, valid = trial.run, trial.run.playback.is_valid
    order = [trial.case.names.index(name) for name in run.spec.joints]
    measured = trial.case.position[run.ticks.joints][:, order]
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
            message=f'the policy would send {name} {high.max():.3g} rad away from where it is '
            f'(99 of 100 ticks are below; {int((high > ABSURD).sum())} of {len(high)} joints)',
            hint='scales, signs, joint order or term order of the spec are not those of the '
            'training, or the recording is of another robot',
        )


def unexplained(trial: Trial) -> Iterator[Finding]:
    """Targets must be the ones that the robot got, if this policy led it."""
    result = trial.explained
    if result is None:
        yield Finding(
            code='bag.no_reference',
            severity='info',
            message='the recording holds neither joint commands nor efforts with velocities for '
            f'{_least(trial)}: what the policy would do is not compared with what was done',
            hint='record joint_command too; joint order, scales and history are not proven here',
        )
        return
    if result.total >= GOOD:
        return
    worst = int(result.share.argmin())
    yield Finding(
        code='bag.targets_unexplained',
        severity='warning',
        message=f'over the recording, the targets of the policy explain {percent(result.total)} '
        f'of the {result.reference}, expected {GOOD:.0%} or more (worst: {result.names[worst]}, '
        f'{percent(result.share[worst])})',
        hint='was this policy in charge when it was recorded? If so the spec is not that of the '
        'training: scales, signs, history, joint order, term order or period',
    )


def better_variant(trial: Trial) -> Iterator[Finding]:
    """Another contract explains what this one does not."""
    result = trial.explained
    if result is None or result.total >= CLOSE:
        return
    best, best_share = '', result.total
    for text, spec in variants(trial.run.spec, trial.robot):
        try:
            other = best_run(trial.case, spec, trial.policy).explained
        except (ConfigError, ModelError, RecordingError):
            continue
        if other is not None and other.total > best_share:
            best, best_share = text, other.total
    if best_share >= GOOD and 1.0 - best_share < 0.25 * (1.0 - result.total):
        yield Finding(
            code='bag.contract_differs',
            severity='error',
            message=f'{percent(best_share)} of the {result.reference} would be explained instead '
            f'of {percent(result.total)} if {best}',
            hint='correct this in the spec, and check again',
        )


def _least(trial: Trial) -> str:
    return f'{max(0.5, trial.run.spec.period) + 50 * trial.run.spec.period:.1f} s'


def percent(share: float) -> str:
    """Write a share, what is below nothing as nothing."""
    return f'{max(share, 0.0):.1%}'


CHECKS = (invalid_ticks, implausible, unexplained, better_variant)
