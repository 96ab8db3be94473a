# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from distill_runtime.distill.dagger import dagger, DaggerConfig, RoundConfig
from distill_runtime.distill.students import NetworkConfig
from distill_runtime.distill.train import Episode, FitConfig
from distill_runtime.errors import ConfigError
from distill_runtime.policy.session import open_session
import numpy as np
import pytest
import torch

GAIN = np.array([[-0.8, -1.2]])
ROUNDS = tuple(RoundConfig(beta=beta, episodes=10, epochs=15) for beta in (1.0, 0.5, 0.0))
CONFIG = DaggerConfig(
    network=NetworkConfig(hidden=(16,), output='linear'),
    rounds=ROUNDS,
    fit=FitConfig(batch_size=64, learning_rate=0.01),
    validation_every=5,
)


class Report:
    def __init__(self):
        self.rounds = []
        self.epochs = []

    def epoch(self, number, train_loss, validation_loss):
        self.epochs.append((number, train_loss, validation_loss))

    def round(self, number, report):
        self.rounds.append(report)


def double_integrator(student, beta, count, first):
    """Push a point mass towards 0 with a mixture of student and linear teacher."""
    session, _ = open_session(student)
    episodes = []
    for number in range(first, first + count):
        random = np.random.default_rng((7, number))
        state = random.uniform(-1.0, 1.0, 2)
        observations, labels = [], []
        for _ in range(40):
            observation = state.astype(np.float32)
            label = (GAIN @ state).astype(np.float32)
            observations.append(observation)
            labels.append(label)
            (action,) = session.run(['actions'], {'obs': observation[None]})
            force = label[0] if random.random() < beta else action[0, 0]
            state = state + 0.1 * np.array([state[1], force])
        episodes.append(Episode(np.array(observations), np.array(labels), abs(state[0]) > 2.0))
    return episodes


@pytest.fixture(scope='module')
def outcome():
    report = Report()
    student = dagger(2, 1, CONFIG, 3, double_integrator, report)
    return student, report


def test_student_learns_a_linear_teacher(outcome):
    _, report = outcome
    assert report.epochs[0][1] > 0.02
    assert report.rounds[-1].validation_loss < 1e-3


def test_rows_of_all_rounds_are_aggregated(outcome):
    _, report = outcome
    assert [entry.rows for entry in report.rounds] == [320, 640, 960]
    assert [entry.beta for entry in report.rounds] == [1.0, 0.5, 0.0]


def test_student_solves_the_task(outcome):
    student, _ = outcome
    state = np.array([1.0, 0.0])
    for _ in range(100):
        with torch.no_grad():
            (force,) = student(torch.tensor(state[None], dtype=torch.float32))[0].tolist()
        state = state + 0.1 * np.array([state[1], force])
    assert np.abs(state).max() < 0.1


def test_same_seed_gives_the_same_rounds(outcome):
    report = Report()
    dagger(2, 1, CONFIG, 3, double_integrator, report)
    assert report.rounds == outcome[1].rounds


@pytest.mark.parametrize(
    ('changes', 'message'),
    [
        ({'rounds': ()}, 'rounds is empty'),
        ({'rounds': (ROUNDS[2],)}, r'rounds\[0\]\.beta is 0, expected above 0'),
        ({'validation_every': 11}, r'validation_every is 11, expected 2 to .* = 10'),
    ],
)
def test_schedule_that_cannot_start_is_refused(changes, message):
    fields = {'network': CONFIG.network, 'rounds': ROUNDS, 'validation_every': 5}
    with pytest.raises(ConfigError, match=message):
        DaggerConfig(**{**fields, **changes})


@pytest.mark.parametrize(
    ('changes', 'message'),
    [
        ({'beta': 1.5}, 'beta is 1.5, expected 0 to 1'),
        ({'episodes': 0}, 'episodes is 0'),
        ({'epochs': 0}, 'epochs is 0'),
    ],
)
def test_round_out_of_range_is_refused(changes, message):
    with pytest.raises(ConfigError, match=message):
        RoundConfig(**{'beta': 0.5, 'episodes': 1, 'epochs': 1, **changes})
