# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""How far a student's action is from its teacher's.

Both are raw network outputs, what ``last_action`` feeds back. Every loss is the mean over rows and
action elements.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from distill_runtime.errors import ConfigError
import torch
from torch import Tensor

Loss = Callable[[Tensor, Tensor], Tensor]


@dataclass(frozen=True, kw_only=True)
class LossConfig:
    """Which loss."""

    kind: Literal['mse', 'huber'] = 'mse'
    """mse: squared difference; huber: squared up to delta, linear beyond."""
    delta: float = 0.1
    """Where huber becomes linear, in units of the action; nothing to mse."""

    def __post_init__(self) -> None:
        """Refuse values out of range."""
        if self.kind not in ('mse', 'huber'):
            raise ConfigError(f"kind is {self.kind!r}, expected one of ['mse', 'huber']")
        if not 0.0 < self.delta < 1e6:
            raise ConfigError(f'delta is {self.delta}, expected above 0 and finite')


def mse(action: Tensor, label: Tensor) -> Tensor:
    """Return the mean squared difference.

    Args:
        action: Of the student, shape (B, act_dim).
        label: Of the teacher, shape (B, act_dim).
    """
    return torch.square(action - label).mean()


def huber(action: Tensor, label: Tensor, delta: float) -> Tensor:
    """Return the mean of e^2 / 2 for |e| <= delta, and delta (|e| - delta / 2) beyond.

    Args:
        action: Of the student, shape (B, act_dim).
        label: Of the teacher, shape (B, act_dim).
        delta: Difference at which the loss becomes linear.
    """
    error = (action - label).abs()
    near = error.clamp(max=delta)
    return (near * (error - 0.5 * near)).mean()


def make_loss(config: LossConfig) -> Loss:
    """Return the loss that a config names."""
    if config.kind == 'mse':
        return mse
    return lambda action, label: huber(action, label, config.delta)
