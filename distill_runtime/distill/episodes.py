# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Aggregate labeled episodes round by round, and split them into training and validation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from distill_runtime.core.arrays import Float32Array
from distill_runtime.errors import ConfigError
import numpy as np


class Episode(NamedTuple):
    """One run from a reset: observations of the student and actions of the teacher."""

    observation: Float32Array
    """Shape (T, obs_dim)."""
    label: Float32Array
    """The teacher's raw action, shape (T, act_dim)."""
    fell: bool = False
    """Whether the run ended in a fall."""


class Rows(NamedTuple):
    """Rows of several episodes, concatenated."""

    observation: Float32Array
    """Shape (B, obs_dim)."""
    label: Float32Array
    """Shape (B, act_dim)."""


class Aggregate:
    """All episodes so far.

    Every n-th episode as a whole is for validation: neighboring rows are nearly equal, so that a
    split by rows would not measure generalization.
    """

    def __init__(self, validation_every: int) -> None:
        """Start empty.

        Args:
            validation_every: Every n-th episode is for validation; at least 2.
        """
        if not validation_every >= 2:
            raise ConfigError(f'validation_every is {validation_every}, expected at least 2')
        self._every = validation_every
        self._train: list[Episode] = []
        self._validation: list[Episode] = []

    def add(self, episodes: Sequence[Episode]) -> None:
        """Add the episodes of a round."""
        for episode in episodes:
            count = len(self._train) + len(self._validation)
            is_validation = count % self._every == self._every - 1
            (self._validation if is_validation else self._train).append(episode)

    @property
    def train(self) -> Rows:
        """Rows to train on."""
        return _joined(self._train)

    @property
    def validation(self) -> Rows:
        """Rows to select the best student on."""
        return _joined(self._validation)


def _joined(episodes: list[Episode]) -> Rows:
    if not episodes:
        raise ConfigError('there are no episodes, expected some for training and for validation')
    return Rows(
        np.concatenate([episode.observation for episode in episodes]),
        np.concatenate([episode.label for episode in episodes]),
    )
