# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Where the student differs from a teacher: over time, by joint and by velocity command."""

from __future__ import annotations

from dataclasses import dataclass

from distill_runtime.core.arrays import FloatArray, IndexArray
import numpy as np

from .dataset import Dataset, Selection

INTERVALS = 800
BINS = 24
"""Of each velocity, from its minimum to its maximum."""


@dataclass(frozen=True, kw_only=True, eq=False)
class LabelError:
    """The error of the student: its target less the teacher's, in [rad]; valid rows only."""

    joint_rms: FloatArray
    """Shape (num_joints,)."""
    joint_max: FloatArray
    """Shape (num_joints,)."""
    interval_rms: FloatArray
    """Over the joints and rows of each interval of rows, NaN where none is; (INTERVALS,)."""
    interval_bag: list[str]
    """Bag in which each interval starts; INTERVALS names."""
    command_rms: FloatArray | None
    """By forward velocity and yaw rate, NaN where none is; (BINS, BINS), or None."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Coverage:
    """How many ticks have which velocity command."""

    edges: tuple[FloatArray, FloatArray, FloatArray]
    """Of the bins of vx, vy in [m/s] and yaw rate in [rad/s]; each (BINS + 1,)."""
    vx_vy: IndexArray
    """Shape (BINS, BINS)."""
    vx_yaw: IndexArray
    """Shape (BINS, BINS)."""


def coverage(dataset: Dataset) -> Coverage | None:
    """Return the coverage of the valid, chosen rows; None: no commands are known."""
    if 'velocity_command' not in dataset.column_names():
        return None
    selection = Selection(valid=True, chosen=True)
    commands = dataset.load(['velocity_command'], selection)['velocity_command']
    if not len(commands):
        return None
    vx, vy, yaw = commands.T.astype(np.float64)
    edges = tuple(np.histogram_bin_edges(values, BINS) for values in (vx, vy, yaw))
    return Coverage(
        edges=(edges[0], edges[1], edges[2]),
        vx_vy=np.histogram2d(vx, vy, (edges[0], edges[1]))[0].astype(np.intp),
        vx_yaw=np.histogram2d(vx, yaw, (edges[0], edges[2]))[0].astype(np.intp),
    )


def label_error(dataset: Dataset, teacher: str, covered: Coverage | None) -> LabelError | None:
    """Return the error towards a teacher, read batch by batch.

    Args:
        dataset: The dataset.
        teacher: sha256 of the teacher.
        covered: Gives the bins of the velocity commands.

    Returns:
        None if the dataset has no targets of the student, or no valid rows of the teacher.
    """
    if 'student_target' not in dataset.column_names():
        return None
    selection = Selection(teacher=teacher, valid=True)
    total = sum(len(batch['step']) for batch in dataset.batches(['step'], selection))
    if not total:
        return None
    columns = ['bag', 'student_target', 'label_target', *(['velocity_command'] if covered else [])]
    squares, largest = np.zeros(1), np.zeros(1)
    sums, counts = np.zeros(INTERVALS), np.zeros(INTERVALS)
    names = [''] * INTERVALS
    binned, hits = np.zeros((BINS, BINS)), np.zeros((BINS, BINS))
    first = 0
    for batch in dataset.batches(columns, selection):
        error = np.abs(batch['student_target'] - batch['label_target'])
        squares = squares + np.square(error).sum(axis=0)
        largest = np.maximum(largest, error.max(axis=0))
        mean_square = np.square(error).mean(axis=1)
        interval = (first + np.arange(len(error))) * INTERVALS // total
        sums += np.bincount(interval, mean_square, INTERVALS)
        counts += np.bincount(interval, minlength=INTERVALS)
        for index, row in zip(*np.unique(interval, return_index=True), strict=True):
            names[index] = names[index] or batch['bag'][row]
        if covered:
            vx, _, yaw = batch['velocity_command'].T.astype(np.float64)
            bins = (covered.edges[0], covered.edges[2])
            binned += np.histogram2d(vx, yaw, bins, weights=mean_square)[0]
            hits += np.histogram2d(vx, yaw, bins)[0]
        first += len(error)
    with np.errstate(invalid='ignore'):
        return LabelError(
            joint_rms=np.sqrt(squares / total),
            joint_max=largest,
            interval_rms=np.sqrt(sums / counts),
            interval_bag=names,
            command_rms=np.sqrt(binned / hits) if covered else None,
        )
