# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from distill_runtime.distill.variation import draw_episode, VariationConfig
from distill_runtime.errors import ConfigError
import numpy as np
import pytest

LOWER, UPPER = (-1.5, -0.8, -1.2), (1.5, 0.8, 1.2)


def draws(count=200, **changes):
    config = VariationConfig(**changes)
    return [
        draw_episode(config, LOWER, UPPER, np.random.default_rng(seed)) for seed in range(count)
    ]


def test_commands_lie_in_the_trained_range_and_reach_far_into_it():
    commands = np.array([draw.commands for draw in draws()])
    assert commands.shape == (200, 4, 3)
    flat = commands.reshape(-1, 3)
    assert (flat >= LOWER).all()
    assert (flat <= UPPER).all()
    assert (flat.max(axis=0) > 0.9 * np.array(UPPER)).all()
    assert 0.15 < (flat[:, 0] == 0.0).mean() < 0.35


def test_shares_are_kept():
    fixed = (0.5, 0.0, 0.0)
    drawn = draws(fixed_commands=(fixed,), fixed_share=0.4, noiseless_share=0.2)
    assert 0.3 < np.mean([draw.commands == (fixed,) for draw in drawn]) < 0.5
    assert 0.1 < np.mean([draw.noise == 0.0 for draw in drawn]) < 0.3


def test_zero_share_of_one_always_stands():
    assert not np.any([draw.commands for draw in draws(10, zero_share=1.0)])


def test_spans_are_kept():
    drawn = draws(latency=(0, 1), friction=(0.7, 1.3), gains=(0.95, 1.05), stand_seconds=(0.5, 1))
    assert {draw.latency for draw in drawn} == {0, 1}
    assert all(0.7 <= draw.friction <= 1.3 for draw in drawn)
    assert all(0.95 <= draw.stiffness <= 1.05 for draw in drawn)
    assert all(draw.stand_seconds == 0.0 or draw.stand_seconds >= 0.5 for draw in drawn)
    assert 0.3 < np.mean([draw.stand_seconds == 0.0 for draw in drawn]) < 0.7


@pytest.mark.parametrize(
    ('changes', 'message'),
    [
        ({'seconds': 0.0}, 'seconds is 0.0 s'),
        ({'zero_share': 1.5}, 'zero_share is 1.5, expected 0 to 1'),
        ({'fixed_share': 0.5}, 'fixed_share is given, expected fixed_commands too'),
        ({'noise': (1.0, 0.5)}, r'noise is \[1\.0, 0\.5\], expected 0 <= lower <= upper'),
        ({'latency': (-1, 0)}, r'latency is \[-1, 0\]'),
        ({'mass': (0.0, 1.0)}, r'mass is \[0\.0, 1\.0\], expected above 0'),
        ({'start_pose': float('nan')}, 'start_pose is nan rad'),
    ],
)
def test_wrong_range_is_refused(changes, message):
    with pytest.raises(ConfigError, match=message):
        VariationConfig(**changes)
