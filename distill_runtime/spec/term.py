# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""What all observation terms have in common, and how one is read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from distill_runtime.errors import ConfigError

from .clip import check_clip, Clip, clip_pairs, ClipPair
from .mapping import fields_to_mapping, joined, read_fields, shown

TERMS: dict[str, type[Term]] = {}
"""The class of each kind of term."""


@dataclass(frozen=True, kw_only=True)
class TermHistory:
    """The history of one term, where it differs from its input's; only with ``major: term``."""

    length: int | None = None
    """Number of frames."""
    steps: tuple[int, ...] | None = None
    """Ages of the frames in ticks (0 = newest) instead of a length; in tensor order unless the
    input's history has an order.
    """

    def __post_init__(self) -> None:
        """Refuse both or neither."""
        check_length_or_steps(self.length, self.steps)


def check_length_or_steps(length: int | None, steps: tuple[int, ...] | None) -> None:
    """Refuse a history that is empty, doubled, or given twice."""
    if (length is None) == (steps is None):
        raise ConfigError('history has length and steps, expected one of them')
    if length is not None and not 1 <= length <= 1000:
        raise ConfigError(f'history.length is {length}, expected 1 to 1000')
    if steps is not None:
        if not steps or len(set(steps)) != len(steps):
            raise ConfigError(f'history.steps is {list(steps)}, expected different ages')
        if not all(0 <= step < 1000 for step in steps):
            raise ConfigError(f'history.steps is {list(steps)}, expected ages of 0 to 999 ticks')


@dataclass(frozen=True, kw_only=True)
class Term:
    """What all terms have: scale, clip, their order, and a history of their own."""

    kind: ClassVar[str] = ''

    scale: float | tuple[float, ...] = 1.0
    """Factor, one for all elements or one each."""
    clip: Clip = None
    """Lower and upper bound, one pair for all elements or one each; null on a side: no bound
    there.
    """
    order: Literal['clip_then_scale', 'scale_then_clip'] = 'clip_then_scale'
    history: TermHistory | None = None
    trained_range: Clip = None
    """Least and greatest value seen in training, after scale and clip, in the form of a clip."""

    def __init_subclass__(cls) -> None:
        """Make the kind known to the reader."""
        if cls.kind:
            TERMS[cls.kind] = cls

    def dim(self, num_joints: int, act_dim: int) -> int:
        """Return the number of elements of one frame of this term."""
        raise NotImplementedError

    def check(self, num_joints: int, act_dim: int, joints: tuple[str, ...]) -> None:
        """Refuse a scale or clip of another width, and joints that the policy does not have."""
        width = self.dim(num_joints, act_dim)
        if isinstance(self.scale, tuple) and len(self.scale) != width:
            raise ConfigError(f'scale has {len(self.scale)} elements, expected {width}')
        check_clip(self.clip, width)
        check_clip(self.trained_range, width, 'trained_range')

    def clip_pairs(self, width: int) -> tuple[ClipPair, ...]:
        """Return one pair per element; none if nothing is clipped."""
        return clip_pairs(self.clip, width)

    @classmethod
    def from_mapping(cls, mapping: object, where: str) -> Term:
        """Read the term that the key ``term`` names.

        Raises:
            ConfigError: If it names none, or another key does not belong to it.
        """
        if not isinstance(mapping, Mapping):
            raise ConfigError(f'{where} is {shown(mapping)}, expected a mapping with the key term')
        kind = mapping.get('term')
        if not isinstance(kind, str) or kind not in TERMS:
            raise ConfigError(
                f'{joined(where, "term")} is {shown(kind)}, expected one of {sorted(TERMS)}'
            )
        return read_fields(TERMS[kind], mapping, where, ignore=('term',))

    def to_mapping(self) -> dict[str, Any]:
        """Return the mapping that from_mapping reads."""
        return {'term': self.kind, **fields_to_mapping(self)}
