# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from distill_runtime.distill.losses import huber, LossConfig, make_loss, mse
from distill_runtime.errors import ConfigError
import pytest
import torch

ACTION = torch.tensor([[0.0, 1.0], [0.5, -0.25]])
LABEL = torch.tensor([[0.1, 0.0], [0.5, -0.05]])
# differences 0.1, 1.0, 0, 0.2


def test_mse_is_the_mean_over_rows_and_elements():
    assert mse(ACTION, LABEL).item() == pytest.approx((0.01 + 1.0 + 0.04) / 4)


def test_huber_is_half_the_square_up_to_delta_and_linear_beyond():
    by_hand = (0.01 / 2 + 0.2 * (1.0 - 0.1) + 0.0 + 0.04 / 2) / 4
    assert huber(ACTION, LABEL, 0.2).item() == pytest.approx(by_hand)


def test_huber_with_a_large_delta_is_half_of_mse():
    assert huber(ACTION, LABEL, 10.0).item() == pytest.approx(mse(ACTION, LABEL).item() / 2)


def test_gradient_of_huber_never_exceeds_delta():
    action = torch.tensor([[3.0]], requires_grad=True)
    huber(action, torch.tensor([[0.0]]), 0.2).backward()
    assert action.grad.item() == pytest.approx(0.2)


def test_config_names_the_loss():
    assert make_loss(LossConfig(kind='mse'))(ACTION, LABEL) == mse(ACTION, LABEL)
    chosen = make_loss(LossConfig(kind='huber', delta=0.2))
    assert chosen(ACTION, LABEL) == huber(ACTION, LABEL, 0.2)


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
