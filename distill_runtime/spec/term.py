# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""What all observation terms share: bounds, history, and the interface of a term."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
import math
from typing import Any, ClassVar, Literal, TYPE_CHECKING

from distill_runtime.core.arrays import FloatArray, locked_floats
from distill_runtime.core.sensors import SensorLayout
from distill_runtime.errors import ConfigError

from .mapping import fields_to_mapping, joined, read_fields, shown

if TYPE_CHECKING:
    from .spec import PolicySpec

ClipPair = tuple[float | None, float | None]
"""Lower and upper bound; None: no bound on that side."""
Clip = tuple[ClipPair, ...] | ClipPair | None


def check_clip(clip: Clip, width: int, name: str = 'clip') -> None:
    """Refuse an empty clip, one of another width, and bounds in the wrong order."""
    if clip == ():
        raise ConfigError(
            f'{name} is empty, expected [lower, upper], or one such pair per element'
        )
    pairs = clip_pairs(clip, width)
    if len(pairs) not in (0, width):
        raise ConfigError(f'{name} has {len(pairs)} pairs, expected {width}')
    for lower, upper in pairs:
        if lower is not None and upper is not None and not lower < upper:
            raise ConfigError(f'{name} is [{lower}, {upper}], expected the lower bound first')


def clip_pairs(clip: Clip, width: int) -> tuple[ClipPair, ...]:
    """Return one pair per element; none if nothing is clipped."""
    if not clip:
        return ()
    return clip if isinstance(clip[0], tuple) else (clip,) * width


def clip_arrays(pairs: Sequence[ClipPair]) -> tuple[FloatArray, FloatArray] | None:
    """Return lower and upper bounds per element; None if nothing is bounded."""
    if all(pair == (None, None) for pair in pairs):
        return None
    lower = (-math.inf if low is None else low for low, _ in pairs)
    upper = (math.inf if high is None else high for _, high in pairs)
    return locked_floats(lower), locked_floats(upper)


def spread(value: float | tuple[float, ...], width: int) -> tuple[float, ...]:
    """Return one number per element; a single number applies to all."""
    return value if isinstance(value, tuple) else (value,) * width


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
        """Refuse a history that is empty, doubled, or given twice."""
        length, steps = self.length, self.steps
        if (length is None) == (steps is None):
            raise ConfigError('history has length and steps, expected one of them')
        if length is not None and not 1 <= length <= 1000:
            raise ConfigError(f'history.length is {length}, expected 1 to 1000')
        if steps is not None:
            if not steps or len(set(steps)) != len(steps):
                raise ConfigError(f'history.steps is {list(steps)}, expected different ages')
            if not all(0 <= step < 1000 for step in steps):
                raise ConfigError(
                    f'history.steps is {list(steps)}, expected ages of 0 to 999 ticks'
                )


@dataclass(frozen=True, kw_only=True)
class RunnerVector:
    """Where the runner's vector holds what a term may read; see core.compiled_spec."""

    sensors: SensorLayout
    joints: tuple[str, ...]
    """Joints of the policy, in its order."""
    gravity: slice
    last_action: slice
    phases: Mapping[Term, slice]
    """Elements of the clock of each gait phase."""
    zero: int
    """Element that is always zero."""


TERMS: dict[str, type[Term]] = {}
"""The class of each kind of term; terms.py fills it."""


@dataclass(frozen=True, kw_only=True)
class Term:
    """One kind of observation; a new kind is a subclass with a ``kind``, and nothing else."""

    kind: ClassVar[str] = ''
    """Its name in a spec."""
    source: ClassVar[str] = ''
    """What provides it: a message type, or network, encoder, spec or clock."""
    _unit: ClassVar[str] = '-'

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
        """Register the kind with the reader."""
        if cls.kind:
            TERMS[cls.kind] = cls

    @property
    def unit(self) -> str:
        """Unit of the elements before the scale; '-' for none."""
        return self._unit

    @property
    def origin(self) -> str:
        """Message, topic or component that provides the values."""
        return self.source

    @property
    def needs_command(self) -> bool:
        """Whether the term depends on the velocity command."""
        return False

    def dim(self, spec: PolicySpec) -> int:
        """Return the number of elements of one frame."""
        return len(self.element_names(spec))

    def element_names(self, spec: PolicySpec) -> tuple[str, ...]:
        """Return a name for each element of one frame."""
        return self._names

    def elements(self, vector: RunnerVector) -> Sequence[int]:
        """Return the elements of the runner's vector that the term reads, in tensor order."""
        return self._read(vector)

    def offset(self, spec: PolicySpec) -> tuple[float, ...]:
        """Return what is subtracted from each element."""
        return (0.0,) * self.dim(spec)

    @property
    def _names(self) -> tuple[str, ...]:
        """Names of the elements where they do not depend on the policy."""
        return ('x', 'y', 'z')

    def _read(self, vector: RunnerVector) -> Sequence[int]:
        raise NotImplementedError

    def _check(self, joints: tuple[str, ...]) -> None:
        """Refuse impossible fields."""

    def check(self, spec: PolicySpec) -> None:
        """Refuse impossible fields, a scale or clip of another width, and unknown joints."""
        self._check(spec.joints)
        width = self.dim(spec)
        if isinstance(self.scale, tuple) and len(self.scale) != width:
            raise ConfigError(f'scale has {len(self.scale)} elements, expected {width}')
        check_clip(self.clip, width)
        check_clip(self.trained_range, width, 'trained_range')

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
