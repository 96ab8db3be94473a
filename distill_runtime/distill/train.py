# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Fit a student to labeled episodes: their split, the losses, the training."""

from __future__ import annotations

from collections.abc import Callable, Sequence
import copy
from dataclasses import dataclass
from functools import partial
import math
from typing import Literal, NamedTuple

from distill_runtime.core.arrays import Float32Array
from distill_runtime.errors import ConfigError
import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from .students import Student

_EVALUATION_ROWS = 16384


@dataclass(frozen=True, kw_only=True)
class FitConfig:
    """Optimizer settings."""

    learning_rate: float = 1e-3
    """Initial learning rate of Adam; decays to zero along half a cosine."""
    batch_size: int = 1024
    patience: int = 5
    """Epochs without a better validation loss after which training stops."""
    num_threads: int = 1
    """Threads of torch; the number changes rounding."""

    def __post_init__(self) -> None:
        """Reject values out of range."""
        if not 0.0 < self.learning_rate < 1.0:
            raise ConfigError(f'learning_rate is {self.learning_rate}, expected in (0, 1)')
        for name in ('batch_size', 'patience', 'num_threads'):
            value = getattr(self, name)
            if not value >= 1:
                raise ConfigError(f'{name} is {value}, expected at least 1')


class FitResult(NamedTuple):
    """Losses of a fit."""

    train_loss: float
    """Mean over the batches of the last epoch."""
    validation_loss: float
    """Lowest of all epochs: that of the returned student."""
    epochs: int
    """Number of epochs run."""


def fit(
    student: Student,
    train: Rows,
    validation: Rows,
    *,
    loss: Loss,
    epochs: int,
    config: FitConfig,
    seed: int,
    on_epoch: Callable[[int, float, float], None] | None = None,
) -> FitResult:
    """Train a student in place, and restore the weights of its best epoch.

    Args:
        student: Student; its normaliser stays fixed.
        train: Rows to train on.
        validation: Rows of other episodes, to select the best epoch.
        loss: Loss to minimize.
        epochs: Maximum number of passes over the rows.
        config: Optimizer settings.
        seed: Seed of the row order.
        on_epoch: Called with the epoch from 1, the training and the validation loss.
    """
    torch.set_num_threads(config.num_threads)
    observation, label = torch.from_numpy(train.observation), torch.from_numpy(train.label)
    generator = torch.Generator().manual_seed(seed)
    optimiser = torch.optim.Adam(student.parameters(), lr=config.learning_rate)
    num_batches = math.ceil(len(observation) / config.batch_size)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, epochs * num_batches)
    best, best_loss, best_epoch = copy.deepcopy(student.state_dict()), math.inf, 0
    train_loss, epoch = math.nan, 0
    while epoch < epochs and epoch - best_epoch < config.patience:
        epoch += 1
        total = 0.0
        for rows in torch.randperm(len(observation), generator=generator).chunk(num_batches):
            value = loss(student(observation[rows]), label[rows])
            optimiser.zero_grad()
            value.backward()
            optimiser.step()
            schedule.step()
            total += float(value.detach()) * len(rows)
        train_loss = total / len(observation)
        validation_loss = evaluate(student, validation, loss)
        if validation_loss < best_loss:
            best, best_loss, best_epoch = (
                copy.deepcopy(student.state_dict()),
                validation_loss,
                epoch,
            )
        if on_epoch is not None:
            on_epoch(epoch, train_loss, validation_loss)
    student.load_state_dict(best)
    return FitResult(train_loss, best_loss, epoch)


def evaluate(student: Student, rows: Rows, loss: Loss) -> float:
    """Return the mean loss over rows."""
    total = 0.0
    with torch.no_grad():
        for start in range(0, len(rows.observation), _EVALUATION_ROWS):
            batch = slice(start, start + _EVALUATION_ROWS)
            label: Tensor = torch.from_numpy(rows.label[batch])
            value = loss(student(torch.from_numpy(rows.observation[batch])), label)
            total += float(value) * len(label)
    return total / len(rows.observation)


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


def split(episodes: Sequence[Episode], validation_every: int) -> tuple[Rows, Rows]:
    """Return the rows to train on, and those to select the best student on.

    Every n-th episode as a whole is for validation: neighboring rows are nearly equal, so that a
    split by rows would not measure generalization.
    """
    last = validation_every - 1
    train = [entry for index, entry in enumerate(episodes) if index % validation_every != last]
    return _joined(train), _joined(episodes[last::validation_every])


def _joined(episodes: Sequence[Episode]) -> Rows:
    return Rows(
        np.concatenate([episode.observation for episode in episodes]),
        np.concatenate([episode.label for episode in episodes]),
    )


Loss = Callable[[Tensor, Tensor], Tensor]


@dataclass(frozen=True, kw_only=True)
class LossConfig:
    """Choice of the loss."""

    kind: Literal['mse', 'huber'] = 'mse'
    """mse: squared difference; huber: half of it up to delta, linear beyond."""
    delta: float = 0.1
    """Difference above which huber is linear, in units of the action; unused by mse."""

    def __post_init__(self) -> None:
        """Reject values out of range."""
        if self.kind not in ('mse', 'huber'):
            raise ConfigError(f"kind is {self.kind!r}, expected one of ['mse', 'huber']")
        if not 0.0 < self.delta < 1e6:
            raise ConfigError(f'delta is {self.delta}, expected above 0 and finite')


def make_loss(config: LossConfig) -> Loss:
    """Return the loss that a config selects."""
    if config.kind == 'mse':
        return functional.mse_loss
    return partial(functional.huber_loss, delta=config.delta)
