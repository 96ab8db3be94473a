# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""A policy of two networks: an encoder sums up its inputs in a latent, a term of the policy's."""

from __future__ import annotations

from dataclasses import dataclass

from distill_runtime.errors import ConfigError

from .tensors import InputSpec
from .terms import Latent


@dataclass(frozen=True, kw_only=True)
class EncoderSpec:
    """A network that runs before the policy; its output is the policy's term latent."""

    model: str
    """File beside the policy."""
    output: str | int = 0
    """Name in its graph, or its position."""

    def __post_init__(self) -> None:
        """Refuse a path: what a spec names must not lie anywhere."""
        if not self.model or self.model in ('.', '..') or set(self.model) & set('/\\\0'):
            raise ConfigError(
                f'model is {self.model!r}, expected the name of a file beside the policy'
            )


def check_encoder(encoder: EncoderSpec | None, inputs: tuple[InputSpec, ...]) -> None:
    """Refuse an encoder without inputs or without a latent, and either without an encoder."""
    encoder_inputs = [entry for entry in inputs if entry.network == 'encoder']
    latents = [
        (index, entry)
        for index, entry in enumerate(inputs)
        for term in entry.terms
        if isinstance(term, Latent)
    ]
    if encoder is None:
        if latents:
            raise ConfigError(
                f'inputs[{latents[0][0]}] has a term latent, expected it only with an encoder'
            )
        if encoder_inputs:
            raise ConfigError('an input has network encoder, expected it only with an encoder')
        return
    if not encoder_inputs:
        raise ConfigError('encoder has no input, expected one with network: encoder')
    if len(encoder_inputs) == len(inputs):
        raise ConfigError('inputs are all of the encoder, expected one of the policy too')
    if len(latents) != 1:
        raise ConfigError(
            f'inputs have {len(latents)} terms latent, expected 1: where the output of the '
            'encoder goes'
        )
    index, entry = latents[0]
    if entry.network == 'encoder':
        raise ConfigError(f'inputs[{index}] of the encoder has a term latent, expected none')
    if any(entry.lags(term) != (0,) for term in entry.terms if isinstance(term, Latent)):
        raise ConfigError(
            f'inputs[{index}] has frames of the term latent, expected the newest alone: give it '
            'history: {length: 1}, or no history to the tensor'
        )


def latent_range(inputs: tuple[InputSpec, ...], num_joints: int, act_dim: int) -> tuple[int, int]:
    """Return where the latent begins in the observation, all inputs behind one another, and ends.

    Args:
        inputs: Of a policy with an encoder.
        num_joints: Number of joints.
        act_dim: Width of the action.
    """
    start = 0
    for entry in inputs:
        for term in entry.terms:
            if isinstance(term, Latent):
                return start, start + term.width
            start += term.dim(num_joints, act_dim) * len(entry.lags(term))
    raise AssertionError('no term latent: check_encoder was not called')
