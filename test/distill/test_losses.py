# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from distill_runtime.distill.train import LossConfig, make_loss
from distill_runtime.errors import ConfigError
import pytest
import torch

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
    ('changes', 'message'),
    [
        ({'kind': 'kl'}, r"kind is 'kl', expected one of \['mse', 'huber'\]"),
        ({'delta': 0.0}, r'delta is 0\.0, expected above 0'),
        ({'delta': float('nan')}, 'delta is nan, expected above 0'),
    ],
)
def test_config_out_of_range_is_refused(changes, message):
    with pytest.raises(ConfigError, match=message):
        LossConfig(**changes)
