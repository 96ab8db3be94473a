# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from distill_runtime.distill.students import NetworkConfig, Student
from distill_runtime.distill.train import (
    Episode,
    evaluate,
    fit,
    FitConfig,
    LossConfig,
    make_loss,
    Rows,
    split,
)
from distill_runtime.errors import ConfigError
import numpy as np
import pytest
import torch
from torch.nn.functional import mse_loss


def linear_rows(seed, count):
    random = np.random.default_rng(seed)
    observation = random.normal(size=(count, 4)).astype(np.float32)
    weights = np.array([[0.3], [-0.2], [0.1], [0.0]], np.float32)
    return Rows(observation, observation @ weights)


def make_student():
    torch.manual_seed(0)
    return Student(4, 1, NetworkConfig(hidden=(16,), output='linear'))


def train(student, epochs=10, on_epoch=None, **changes):
    config = FitConfig(**{'batch_size': 64, 'learning_rate': 0.01, **changes})
    return fit(
        student,
        linear_rows(0, 1000),
        linear_rows(1, 200),
        loss=mse_loss,
        epochs=epochs,
        config=config,
        seed=5,
        on_epoch=on_epoch,
    )


def test_loss_falls():
    student = make_student()
    before = evaluate(student, linear_rows(1, 200), mse_loss)
    result = train(student)
    assert result.validation_loss < 0.02 * before
    assert result.epochs == 10


def test_student_of_the_best_epoch_is_kept():
    student, losses = make_student(), []
    result = train(student, 20, lambda epoch, _, loss: losses.append(loss), learning_rate=0.5)
    assert result.validation_loss == min(losses)
    assert evaluate(student, linear_rows(1, 200), mse_loss) == pytest.approx(min(losses))


def test_training_stops_when_nothing_gets_better():
    result = train(make_student(), 100, learning_rate=0.9, patience=3)
    assert result.epochs < 100


ACTION = torch.tensor([[0.0, 1.0], [0.5, -0.25]])
LABEL = torch.tensor([[0.1, 0.0], [0.5, -0.05]])


@pytest.mark.parametrize(
    ('config', 'expected'),
    [
        (LossConfig(kind='mse'), (0.01 + 1.0 + 0.04) / 4),
        # half the square up to delta, linear beyond
        (LossConfig(kind='huber', delta=0.2), (0.01 / 2 + 0.2 * (1.0 - 0.1) + 0.04 / 2) / 4),
    ],
)
def test_loss_is_the_mean_over_rows_and_elements(config, expected):
    assert make_loss(config)(ACTION, LABEL).item() == pytest.approx(expected)


@pytest.mark.parametrize(
    ('config', 'changes', 'message'),
    [
        (FitConfig, {'learning_rate': 0.0}, 'learning_rate is 0.0'),
        (FitConfig, {'batch_size': 0}, 'batch_size is 0'),
        (FitConfig, {'patience': 0}, 'patience is 0'),
        (FitConfig, {'num_threads': 0}, 'num_threads is 0'),
        (LossConfig, {'kind': 'kl'}, r"kind is 'kl', expected one of \['mse', 'huber'\]"),
        (LossConfig, {'delta': 0.0}, r'delta is 0\.0, expected above 0'),
        (LossConfig, {'delta': float('nan')}, 'delta is nan, expected above 0'),
    ],
)
def test_config_out_of_range_is_refused(config, changes, message):
    with pytest.raises(ConfigError, match=message):
        config(**changes)


def episode(number, length=3):
    return Episode(
        np.full((length, 2), number, np.float32), np.full((length, 1), number, np.float32)
    )


def test_whole_episodes_are_kept_for_validation():
    train, validation = split([episode(number) for number in range(7)], 3)
    assert set(validation.label[:, 0]) == {2.0, 5.0}
    assert set(train.label[:, 0]) == {0.0, 1.0, 3.0, 4.0, 6.0}
    assert train.observation.shape == (15, 2)
