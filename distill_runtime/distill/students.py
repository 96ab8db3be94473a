# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Student networks: multilayer perceptrons with a built-in normaliser."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
import math
from typing import Literal

from distill_runtime.core.arrays import Float32Array
from distill_runtime.errors import ConfigError, ShapeError
import numpy as np
import torch
from torch import nn, Tensor

_ACTIVATIONS = {'elu': nn.ELU, 'tanh': nn.Tanh}
_MIN_STD = 1e-3


@dataclass(frozen=True, kw_only=True)
class NetworkConfig:
    """Shape of a student."""

    hidden: tuple[int, ...]
    """Widths of the hidden layers."""
    activation: Literal['elu', 'tanh'] = 'elu'
    output: Literal['linear', 'tanh'] = 'tanh'
    """tanh: the action is in -1 to 1, for teachers with the same range."""

    def __post_init__(self) -> None:
        """Reject widths out of range and unknown names."""
        if not all(1 <= width <= 65536 for width in self.hidden):
            raise ConfigError(f'hidden is {list(self.hidden)}, expected widths of 1 to 65536')
        if self.activation not in _ACTIVATIONS:
            raise ConfigError(
                f'activation is {self.activation!r}, expected one of {sorted(_ACTIVATIONS)}'
            )
        if self.output not in ('linear', 'tanh'):
            raise ConfigError(f"output is {self.output!r}, expected one of ['linear', 'tanh']")


class Normaliser(nn.Module):
    """Shifts and scales each observation element to mean 0 and standard deviation 1.

    Attributes:
        mean: Shape (obs_dim,).
        std: Shape (obs_dim,); at least 0.001, which keeps constant elements finite.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, obs_dim: int) -> None:
        """Start as the identity."""
        super().__init__()
        self.register_buffer('mean', torch.zeros(obs_dim))
        self.register_buffer('std', torch.ones(obs_dim))

    def adapt(self, observation: Float32Array) -> None:
        """Set mean and standard deviation from observations.

        Args:
            observation: Shape (B, obs_dim).

        Raises:
            ShapeError: If it has no rows or another width.
        """
        if observation.ndim != 2 or not len(observation) or observation.shape[1] != len(self.mean):
            raise ShapeError(
                f'observation has shape {observation.shape}, expected (B, {len(self.mean)}) with '
                'at least one row'
            )
        mean = observation.mean(axis=0, dtype=np.float64)
        std = observation.std(axis=0, dtype=np.float64)
        self.mean.copy_(torch.from_numpy(mean))
        self.std.copy_(torch.from_numpy(np.maximum(std, _MIN_STD)))

    def forward(self, observation: Tensor) -> Tensor:
        """Return the normalised observation, shape (B, obs_dim)."""
        return (observation - self.mean) / self.std


class Student(nn.Module):
    """A normaliser followed by a multilayer perceptron.

    Attributes:
        normaliser: First layer; not trained.
        layers: Linear layers; an activation follows each but the last.
    """

    def __init__(self, obs_dim: int, act_dim: int, config: NetworkConfig) -> None:
        """Initialize weights orthogonally from torch's generator, and biases to zero."""
        super().__init__()
        self.config = config
        self.normaliser = Normaliser(obs_dim)
        widths = (obs_dim, *config.hidden, act_dim)
        self.layers = nn.ModuleList(
            nn.Linear(width, following) for width, following in pairwise(widths)
        )
        self._activation = _ACTIVATIONS[config.activation]()
        for layer in self.layers:
            is_last = layer is self.layers[-1]
            nn.init.orthogonal_(layer.weight, 0.1 if is_last else math.sqrt(2.0))
            nn.init.zeros_(layer.bias)

    def forward(self, observation: Tensor) -> Tensor:
        """Return the raw action, shape (B, act_dim)."""
        hidden = self.normaliser(observation)
        for layer in self.layers[:-1]:
            hidden = self._activation(layer(hidden))
        action = self.layers[-1](hidden)
        return torch.tanh(action) if self.config.output == 'tanh' else action

    @property
    def num_parameters(self) -> int:
        """Number of trained parameters."""
        return sum(parameter.numel() for parameter in self.parameters())
