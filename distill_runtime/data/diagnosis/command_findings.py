# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Findings about how actions become commands, and how the history begins."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from distill_runtime.spec.findings.finding import Finding
import numpy as np

from .bag_case import Run
from .drive_fit import DriveFit, explain
from .target_findings import GOOD, percent, Trial


def action_mapping(trial: Trial) -> Iterator[Finding]:
    """Right actions with the wrong scale, offset or gains give wrong commands."""
    result = trial.explained
    if result is None or result.total < GOOD:
        return
    scale = float(np.nanmedian(result.scale))
    if not 0.8 <= scale <= 1.25:
        yield Finding(
            code='bag.action_scale',
            severity='error',
            message=f'the {result.reference} are those of an action scale {scale:.2f} times the '
            'given one',
            hint='look up outputs.action.scale in the training',
        )
    elif np.nanmax(np.abs(result.shift)) > 0.2:
        worst = int(np.nanargmax(np.abs(result.shift)))
        yield Finding(
            code='bag.action_offset',
            severity='error',
            message=f'the {result.reference} are those of targets {result.shift[worst]:+.2f} rad '
            f'away from the given ones for {result.names[worst]}',
            hint='is outputs.action.offset the default pose, in the order of joints? Were these '
            'the gains?',
        )
    yield from _gains(trial, result)


def _gains(trial: Trial, result: DriveFit) -> Iterator[Finding]:
    stiffness = trial.run.spec.stiffness
    if stiffness is None or np.isnan(result.stiffness).all():
        return
    given = np.array([stiffness[trial.run.spec.joints.index(name)] for name in result.names])
    ratio = result.stiffness / np.maximum(given, 1e-9)
    odd = (ratio < 0.67) | (ratio > 1.5)
    if odd.any():
        worst = int(np.nanargmax(np.abs(np.log(np.maximum(ratio, 1e-9)))))
        yield Finding(
            code='bag.gains',
            severity='warning',
            message=f'efforts of {result.names[worst]} are those of a stiffness of '
            f'{result.stiffness[worst]:.3g} N m/rad, stiffness is {given[worst]:.3g} N m/rad '
            f'({int(odd.sum())} of {len(odd)} joints)',
            hint='are stiffness and damping in the order of joints, and what the driver uses?',
        )


def history_fill(trial: Trial) -> Iterator[Finding]:
    """The first ticks tell how the history began, if the recording holds them."""
    spec, result = trial.run.spec, trial.explained
    depth = max(entry.depth for entry in trial.run.compiled.inputs)
    if depth == 1 or result is None:
        return
    inputs = tuple(
        replace(
            entry,
            history=replace(
                entry.history, fill='zeros' if entry.history.fill == 'first' else 'first'
            ),
        )
        if entry.history.fill is not None
        else entry
        for entry in spec.inputs
    )
    other = Run(
        replace(spec, inputs=inputs), trial.policy, trial.case.recording, trial.run.stretches
    )
    given = explain(trial.case, trial.run, first=2 * depth)
    instead = explain(trial.case, other, first=2 * depth)
    if given is None or instead is None:
        return
    if instead.total >= GOOD and 1.0 - instead.total < 0.2 * (1.0 - given.total):
        yield Finding(
            code='bag.history_fill',
            severity='error',
            message=f'the first {2 * depth} ticks are explained to {percent(given.total)}, and '
            f'to {percent(instead.total)} if history.fill were '
            f'{inputs[0].history.fill}',
            hint='correct history.fill in the spec',
        )


CHECKS = (action_mapping, history_fill)
