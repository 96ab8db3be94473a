# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""The tensors of a spec: inputs, encoder, recurrent state, action, golden vectors."""

from __future__ import annotations

from dataclasses import dataclass
import math
from typing import Literal

from distill_runtime.errors import ConfigError

from .term import Clip, Term, TermHistory
from .terms import Latent

JointMode = Literal['position', 'velocity', 'effort']
MAX_STATE = 10_000_000
"""Elements of one recurrent state."""


@dataclass(frozen=True, kw_only=True)
class History(TermHistory):
    """How many frames a tensor holds, and their layout.

    A length above 1, or steps, needs major and fill; a length above 1 needs order as well: a
    wrong guess has the right width and a robot that falls.
    """

    major: Literal['term', 'frame'] | None = None
    """term: all frames of the first term, then of the next; frame: all terms of one frame, then
    of the next.
    """
    order: Literal['oldest_first', 'newest_first'] | None = None
    fill: Literal['first', 'zeros'] | None = None
    """Content of the frames before the first one: the first frame, or zeros."""

    def __post_init__(self) -> None:
        """Refuse a history whose layout is ambiguous."""
        super().__post_init__()
        if self.length == 1:
            return
        needed = ('major', 'fill', 'order') if self.length is not None else ('major', 'fill')
        for field in needed:
            if getattr(self, field) is None:
                raise ConfigError(f'{field} is missing, expected it for more than one frame')


@dataclass(frozen=True, kw_only=True)
class InputSpec:
    """One input tensor of the network."""

    name: str | int
    """Name in the graph, or its position where names carry no meaning."""
    terms: tuple[Term, ...]
    history: History = History(length=1)
    network: Literal['policy', 'encoder'] = 'policy'
    """The network that reads it."""

    def __post_init__(self) -> None:
        """Refuse an empty tensor, and per-term histories in a frame-major tensor."""
        if not self.terms:
            raise ConfigError('terms is empty, expected at least one')
        for index, term in enumerate(self.terms):
            if term.history is None:
                continue
            if self.history.major != 'term':
                raise ConfigError(
                    f'terms[{index}].history is given, expected it only with history.major term'
                )
            if term.history.length is not None and self.history.order is None:
                raise ConfigError(
                    f'terms[{index}].history.length is given, expected history.order too'
                )
            if self.history.fill is None:
                raise ConfigError(f'terms[{index}].history is given, expected history.fill too')

    def lags(self, term: Term) -> tuple[int, ...]:
        """Return the ages of a term's frames in ticks, in tensor order."""
        history = term.history or self.history
        order = self.history.order
        ages = history.steps if history.steps is not None else tuple(range(history.length or 1))
        return ages if order is None else tuple(sorted(ages, reverse=order == 'oldest_first'))


@dataclass(frozen=True, kw_only=True)
class EncoderSpec:
    """A network that runs before the policy; the policy reads its output as the term latent."""

    model: str
    """File in the folder of the policy."""
    output: str | int = 0
    """Name in its graph, or its position."""

    def __post_init__(self) -> None:
        """Refuse a path: the file must be in the folder of the policy."""
        if not self.model or self.model in ('.', '..') or set(self.model) & set('/\\\0'):
            raise ConfigError(
                f'model is {self.model!r}, expected the name of a file in its folder'
            )


def check_encoder(encoder: EncoderSpec | None, inputs: tuple[InputSpec, ...]) -> None:
    """Refuse an encoder without inputs or latent, and inputs or a latent without an encoder."""
    encoder_inputs = [entry for entry in inputs if entry.network == 'encoder']
    latents = [
        (index, entry, term)
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
    index, entry, latent = latents[0]
    if entry.network == 'encoder':
        raise ConfigError(f'inputs[{index}] of the encoder has a term latent, expected none')
    if entry.lags(latent) != (0,):
        raise ConfigError(
            f'inputs[{index}] has frames of the term latent, expected the newest alone: give it '
            'history: {length: 1}, or no history to the tensor'
        )


@dataclass(frozen=True, kw_only=True)
class StateSpec:
    """One recurrent state tensor: each output is the next input."""

    input: str
    output: str
    shape: tuple[int, ...]
    initial: tuple[float, ...] | None = None
    """Elements at reset, in the order of a flattened C array; null: zeros."""

    def __post_init__(self) -> None:
        """Refuse impossible shapes, and initial elements of another number."""
        if not self.shape or not all(size >= 1 for size in self.shape):
            raise ConfigError(f'shape is {list(self.shape)}, expected sizes of at least 1')
        size = math.prod(self.shape)
        if size > MAX_STATE:
            raise ConfigError(
                f'shape is {list(self.shape)}, {size} elements, expected at most {MAX_STATE}'
            )
        if self.initial is not None and len(self.initial) != size:
            raise ConfigError(
                f'initial has {len(self.initial)} elements, expected {size}, those of shape '
                f'{list(self.shape)}'
            )


@dataclass(frozen=True, kw_only=True)
class ActionSpec:
    """How the network output becomes joint targets."""

    name: str | int
    """Name in the graph, or its position."""
    clip: Clip = None
    scale: float | tuple[float, ...] | None = None
    """Required unless choices is given."""
    offset: Literal['default'] | tuple[float, ...] | None = None
    """default: the default position for position joints, 0 for others. Required unless choices
    is given.
    """
    target_clip: Clip = None
    """Bounds of the targets, after scale and offset; they do not affect last_action."""
    joints: tuple[str, ...] | None = None
    """Joints acted on, in tensor order; null: all, in policy order."""
    choices: tuple[tuple[float, ...], ...] | None = None
    """For discrete actions: the argmax of the logits selects a row of targets."""

    def __post_init__(self) -> None:
        """Refuse a missing scale or offset, and choices in addition to them."""
        if self.joints == ():
            raise ConfigError('joints is empty, expected at least one, or null for all')
        if self.choices is None:
            for field in ('scale', 'offset'):
                if getattr(self, field) is None:
                    raise ConfigError(
                        f'{field} is missing, expected it: a guess would move the robot'
                    )
        elif self.scale is not None or self.offset is not None:
            raise ConfigError('choices is given with scale or offset, expected the targets alone')
        elif self.target_clip is not None:
            raise ConfigError('choices is given with target_clip, expected the targets alone')
        elif not self.choices or any(len(row) != len(self.choices[0]) for row in self.choices):
            raise ConfigError(
                'choices has rows of different lengths, expected a row of targets each'
            )


@dataclass(frozen=True, kw_only=True)
class Outputs:
    """The output of the network."""

    action: ActionSpec
    mode: JointMode | tuple[JointMode, ...] = 'position'
    """Control mode of the targets, one for all joints or one each in policy order."""


@dataclass(frozen=True, kw_only=True)
class Golden:
    """Golden vectors: consecutive steps from a reset, replayed through the network at load."""

    observation: tuple[tuple[float, ...], ...]
    """All inputs concatenated, per step."""
    action: tuple[tuple[float, ...], ...]
    """Raw network output, per step."""
    tolerance: float = 1e-4
    """Largest difference of an action element."""

    def __post_init__(self) -> None:
        """Refuse different numbers of observations and actions."""
        if not self.observation or len(self.observation) != len(self.action):
            raise ConfigError(
                f'observation has {len(self.observation)} steps and action {len(self.action)}, '
                'expected the same number, at least one'
            )
        if not self.tolerance > 0.0:
            raise ConfigError(f'tolerance is {self.tolerance}, expected above 0')
