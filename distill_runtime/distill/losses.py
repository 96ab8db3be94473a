# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Losses between the student's action and the teacher's.

Both are raw network outputs, as fed back by ``last_action``. Every loss is the mean over rows and
action elements.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Literal

from distill_runtime.errors import ConfigError
from torch import Tensor
from torch.nn import functional

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
