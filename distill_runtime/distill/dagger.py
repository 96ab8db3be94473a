# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Dataset aggregation: who leads visits the states, the teacher labels them, the student learns.

Round k runs ``beta_k teacher + (1 - beta_k) student`` with a coin at every tick, labels every
state that was visited with the teacher's action, and trains the student on the rows of all rounds.

Source:
    Ross, Gordon, Bagnell, AISTATS 2011.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from distill_runtime.errors import ConfigError
import numpy as np
import torch

from .episodes import Aggregate, Episode
from .export import export_student
from .losses import LossConfig, make_loss
from .students import NetworkConfig, Student
from .train import fit, FitConfig


@dataclass(frozen=True, kw_only=True)
class RoundConfig:
    """One round."""

    beta: float
    """Probability that the teacher leads a tick."""
    episodes: int
    epochs: int
    """Greatest number of passes over all rows so far."""

    def __post_init__(self) -> None:
        """Refuse values out of range."""
        if not 0.0 <= self.beta <= 1.0:
            raise ConfigError(f'beta is {self.beta}, expected 0 to 1')
        for name in ('episodes', 'epochs'):
            if not getattr(self, name) >= 1:
                raise ConfigError(f'{name} is {getattr(self, name)}, expected at least 1')


@dataclass(frozen=True, kw_only=True)
class DaggerConfig:
    """All rounds, and how each one trains."""

    network: NetworkConfig
    rounds: tuple[RoundConfig, ...]
    loss: LossConfig = field(default_factory=LossConfig)
    fit: FitConfig = field(default_factory=FitConfig)
    validation_every: int = 10
    """One of so many episodes is for validation."""

    def __post_init__(self) -> None:
        """Refuse a schedule that cannot start, and a split that leaves nothing to either side."""
        if not self.rounds:
            raise ConfigError('rounds is empty, expected at least one')
        if not self.rounds[0].beta > 0.0:
            raise ConfigError(
                'rounds[0].beta is 0, expected above 0: a student that has learnt nothing would '
                'visit states that teach nothing'
            )
        if not 2 <= self.validation_every <= self.rounds[0].episodes:
            raise ConfigError(
                f'validation_every is {self.validation_every}, expected 2 to '
                f'rounds[0].episodes = {self.rounds[0].episodes}'
            )


class Collect(Protocol):
    """Makes the episodes of a round."""

    def __call__(self, student: bytes, beta: float, count: int, first: int) -> Sequence[Episode]:
        """Run episodes.

        Args:
            student: ONNX file.
            beta: Probability that the teacher leads a tick.
            count: How many episodes.
            first: How many there were in the rounds before; the episodes' seeds follow from it.
        """


class RoundReport(NamedTuple):
    """What came out of a round."""

    beta: float
    episodes: int
    falls: int
    """Episodes of this round that ended by a fall."""
    rows: int
    """Rows of all rounds so far, for training."""
    train_loss: float
    validation_loss: float


class Report(Protocol):
    """Is told of progress."""

    def epoch(self, number: int, train_loss: float, validation_loss: float) -> None:
        """Take note of an epoch, counted from 1."""

    def round(self, number: int, report: RoundReport) -> None:
        """Take note of a finished round, counted from 1."""


def dagger(
    obs_dim: int, act_dim: int, config: DaggerConfig, seed: int, collect: Collect, report: Report
) -> Student:
    """Distil a student.

    The normaliser is adapted to the rows of the first round and then kept; the weights go on from
    round to round.

    Args:
        obs_dim: Width of the student's observation.
        act_dim: Width of the action.
        config: Rounds and training.
        seed: Of weights and order of rows; the episodes' seeds are the collector's.
        collect: Makes episodes.
        report: Is told of progress.
    """
    torch.manual_seed(seed)
    student = Student(obs_dim, act_dim, config.network)
    content = export_student(student, np.zeros((1, obs_dim), np.float32))
    aggregate = Aggregate(config.validation_every)
    count = 0
    for number, stage in enumerate(config.rounds, start=1):
        episodes = collect(content, stage.beta, stage.episodes, count)
        count += len(episodes)
        aggregate.add(episodes)
        train, validation = aggregate.train, aggregate.validation
        if number == 1:
            student.normaliser.adapt(train.observation)
        result = fit(
            student,
            train,
            validation,
            loss=make_loss(config.loss),
            epochs=stage.epochs,
            config=config.fit,
            seed=seed + number,
            on_epoch=report.epoch,
        )
        content = export_student(student, validation.observation[:1024])
        report.round(
            number,
            RoundReport(
                beta=stage.beta,
                episodes=len(episodes),
                falls=sum(episode.fell for episode in episodes),
                rows=len(train.observation),
                train_loss=result.train_loss,
                validation_loss=result.validation_loss,
            ),
        )
    return student
