# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Dataset aggregation: roll out a behavior policy, label its states by the teacher, train.

Round k executes the teacher with probability beta_k and else the student, drawn at every tick,
labels every visited state with the teacher's action, and trains the student on the rows of all
rounds.

Source:
    Ross, Gordon, Bagnell, AISTATS 2011.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from distill_runtime.errors import ConfigError
import numpy as np
import torch

from .export import export_student
from .students import NetworkConfig, Student
from .train import Episode, fit, FitConfig, LossConfig, make_loss, split


@dataclass(frozen=True, kw_only=True)
class RoundConfig:
    """One round."""

    beta: float
    """Probability that the teacher's action is executed in a tick."""
    episodes: int
    epochs: int
    """Maximum number of passes over all rows so far."""

    def __post_init__(self) -> None:
        """Reject values out of range."""
        if not 0.0 <= self.beta <= 1.0:
            raise ConfigError(f'beta is {self.beta}, expected 0 to 1')
        for name in ('episodes', 'epochs'):
            if not getattr(self, name) >= 1:
                raise ConfigError(f'{name} is {getattr(self, name)}, expected at least 1')


@dataclass(frozen=True, kw_only=True)
class DaggerConfig:
    """Rounds and training."""

    network: NetworkConfig
    rounds: tuple[RoundConfig, ...]
    loss: LossConfig = field(default_factory=LossConfig)
    fit: FitConfig = field(default_factory=FitConfig)
    validation_every: int = 10
    """Every n-th episode is for validation."""

    def __post_init__(self) -> None:
        """Reject a schedule that cannot start, and a split with an empty side."""
        if not self.rounds:
            raise ConfigError('rounds is empty, expected at least one')
        if not self.rounds[0].beta > 0.0:
            raise ConfigError(
                'rounds[0].beta is 0, expected above 0: an untrained student visits no useful '
                'states'
            )
        if not 2 <= self.validation_every <= self.rounds[0].episodes:
            raise ConfigError(
                f'validation_every is {self.validation_every}, expected 2 to '
                f'rounds[0].episodes = {self.rounds[0].episodes}'
            )


Collect = Callable[[bytes, float, int, int], Sequence[Episode]]
"""collect(student, beta, count, first) runs the episodes of a round: with the ONNX file of the
student, the probability that the teacher's action is executed in a tick, the number of episodes,
and their number in earlier rounds, from which the seeds follow.
"""


class RoundReport(NamedTuple):
    """Result of a round."""

    beta: float
    episodes: int
    falls: int
    """Episodes of this round that ended in a fall."""
    rows: int
    """Training rows of all rounds so far."""
    train_loss: float
    validation_loss: float


class Report(Protocol):
    """Receives progress."""

    def epoch(self, number: int, train_loss: float, validation_loss: float) -> None:
        """Report an epoch, counted from 1."""

    def round(self, number: int, report: RoundReport) -> None:
        """Report a finished round, counted from 1."""


def dagger(
    obs_dim: int, act_dim: int, config: DaggerConfig, seed: int, collect: Collect, report: Report
) -> Student:
    """Distill a student.

    The normaliser is fitted to the rows of the first round and then fixed; every round continues
    from the weights of the round before.

    Args:
        obs_dim: Width of the student's observation.
        act_dim: Width of the action.
        config: Rounds and training.
        seed: Seed of weights and row order; ``collect`` has the seeds of episodes.
        collect: Collects episodes.
        report: Receives progress.
    """
    torch.manual_seed(seed)
    student = Student(obs_dim, act_dim, config.network)
    content = export_student(student, np.zeros((1, obs_dim), np.float32))
    all_episodes: list[Episode] = []
    for number, stage in enumerate(config.rounds, start=1):
        episodes = collect(content, stage.beta, stage.episodes, len(all_episodes))
        all_episodes += episodes
        train, validation = split(all_episodes, config.validation_every)
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
