# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from distill_runtime.distill.train import Aggregate, Episode
from distill_runtime.errors import ConfigError
import numpy as np
import pytest


def episode(number, length=3):
    return Episode(
        np.full((length, 2), number, np.float32), np.full((length, 1), number, np.float32)
    )


def test_whole_episodes_are_kept_for_validation():
    aggregate = Aggregate(3)
    aggregate.add([episode(number) for number in range(4)])
    aggregate.add([episode(number) for number in range(4, 7)])
    assert set(aggregate.validation.label[:, 0]) == {2.0, 5.0}
    assert set(aggregate.train.label[:, 0]) == {0.0, 1.0, 3.0, 4.0, 6.0}
    assert aggregate.train.observation.shape == (15, 2)


def test_no_episodes_are_refused():
    with pytest.raises(ConfigError, match='there are no episodes'):
        _ = Aggregate(2).train


def test_split_that_trains_on_nothing_is_refused():
    with pytest.raises(ConfigError, match='validation_every is 1, expected at least 2'):
        Aggregate(1)
