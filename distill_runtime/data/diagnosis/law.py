# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""The law by which a drive turns a target into what was recorded of a joint.

Of a command it is a line, of an effort

    effort = stiffness (target - position) - damping velocity + constant
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from distill_runtime.core.arrays import FloatArray, IndexArray
from distill_runtime.data.bags.chunk import BoolArray
import numpy as np


class Compared(NamedTuple):
    """Ticks of a run whose targets are compared with what was recorded."""

    target: FloatArray
    """Shape (n, num_joints)."""
    rows: IndexArray
    """JointState of each tick, shape (n,)."""
    answers: IndexArray
    """Row of what came of it, in what was recorded, alike."""


class Law:
    """One law per joint, linear in the target and in what was measured.

    Attributes:
        recorded: What came of the targets.
    """

    def __init__(self, recorded: FloatArray, measured: Sequence[FloatArray] = ()) -> None:
        """Prepare it.

        Args:
            recorded: Commands in [rad] or efforts in [N m], shape (N, num_joints).
            measured: What the drive knew beside the target, each alike.
        """
        self.recorded = recorded
        self._measured = tuple(measured)
        self._variance = np.var(recorded, axis=0).tolist()

    def columns(self, run: Compared, joint: int) -> FloatArray:
        """Return what the law multiplies with its weights, target first, shape (n, terms)."""
        measured = (values[run.answers, joint] for values in self._measured)
        ones = np.ones(len(run.answers))
        return np.column_stack((run.target[:, joint], *measured, ones))

    def answer(self, run: Compared, joint: int) -> FloatArray:
        """Return what was recorded of a joint, shape (n,)."""
        return self.recorded[run.answers, joint]

    def fit(self, parts: Sequence[tuple[Compared, BoolArray]]) -> FloatArray:
        """Return the weights of each joint, shape (num_joints, terms).

        Args:
            parts: Runs, and which of their ticks count.
        """
        runs = [
            Compared(run.target[which], run.rows[which], run.answers[which])
            for run, which in parts
        ]
        return np.array(
            [
                np.linalg.lstsq(
                    np.vstack([self.columns(run, joint) for run in runs]),
                    np.concatenate([self.answer(run, joint) for run in runs]),
                    rcond=None,
                )[0]
                for joint in range(self.recorded.shape[1])
            ]
        )

    def errors(self, run: Compared, weights: FloatArray) -> FloatArray:
        """Return the squared error of each tick, as a share of the variance, shape (n,)."""
        total = np.zeros(len(run.rows))
        for joint, (variance, row) in enumerate(zip(self._variance, weights, strict=True)):
            if variance > 1e-12:
                left = self.answer(run, joint) - self.columns(run, joint) @ row
                total += left**2 / variance
        return total
