# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Interface of a dialect reader, and what readers share: checked access to foreign files."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
import math
from pathlib import Path
from typing import Any

from distill_runtime.errors import ConfigError

from .mapping import joined, MAX_INTEGER, shown
from .robot_description import RobotDescription
from .sources import SpecSource


class Fields:
    """A mapping with typed access; errors name the dotted key.

    A key without a value, or with null, is refused unless a default is given.
    """

    def __init__(self, values: object, where: str = '') -> None:
        """Take the content of a file, or of the section at a dotted key."""
        if not isinstance(values, Mapping):
            raise ConfigError(f'{where or "content"} is {shown(values)}, expected a mapping')
        self.where = where
        self._values = values

    def __contains__(self, key: str) -> bool:
        """Whether a key has a value other than null."""
        return self._values.get(key) is not None

    def __iter__(self) -> Iterator[str]:
        """Iterate over the keys in the order of the file."""
        return iter(self._values)

    def path(self, key: object) -> str:
        """Return the dotted path of a key."""
        return joined(self.where, key)

    def any(self, key: str, default: Any = None) -> Any:
        """Return a value of any type."""
        value = self._values.get(key)
        if value is None:
            value = default
        if value is None:
            raise ConfigError(f'{self.path(key)} is missing')
        return value

    def number(self, key: str, default: float | None = None) -> float:
        """Return a finite number."""
        return _number(self.any(key, default), self.path(key))

    def integer(self, key: str, default: int | None = None) -> int:
        """Return an integer of at least 0."""
        return _integer(self.any(key, default), self.path(key))

    def text(self, key: str, default: str | None = None) -> str:
        """Return a text."""
        return _text(self.any(key, default), self.path(key))

    def flag(self, key: str, *, default: bool = False) -> bool:
        """Return true or false."""
        value = self.any(key, default)
        if not isinstance(value, bool):
            raise ConfigError(f'{self.path(key)} is {shown(value)}, expected true or false')
        return value

    def mapping(self, key: str, default: Mapping[str, Any] | None = None) -> Fields:
        """Return a section that is a mapping."""
        return Fields(self.any(key, default), self.path(key))

    def mappings(self, key: str, what: str) -> list[Fields]:
        """Return a list of sections, at least one; what names them in messages."""
        entries = self.any(key)
        if not isinstance(entries, list) or not entries:
            raise ConfigError(f'{self.path(key)} is {shown(entries)}, expected a list of {what}')
        return [Fields(entry, f'{self.path(key)}[{at}]') for at, entry in enumerate(entries)]

    def numbers(self, key: str, length: int | None = None) -> list[float]:
        """Return a list of finite numbers, of a given length."""
        return [_number(*entry) for entry in self._entries(key, length)]

    def integers(
        self, key: str, length: int | None = None, default: list[int] | None = None
    ) -> list[int]:
        """Return a list of integers of at least 0, of a given length."""
        return [_integer(*entry) for entry in self._entries(key, length, default)]

    def lists(self, key: str, length: int) -> list[list[float]]:
        """Return lists of finite numbers, of a given number."""
        return [
            Fields({where: value}).numbers(where) for value, where in self._entries(key, length)
        ]

    def texts(self, key: str, length: int | None = None) -> list[str]:
        """Return a list of texts, of a given length."""
        return [_text(*entry) for entry in self._entries(key, length)]

    def number_or_numbers(
        self, key: str, length: int | None = None, default: float | None = None
    ) -> float | list[float]:
        """Return one number, or a list of a given length."""
        if isinstance(self.any(key, default), (list, tuple)):
            return self.numbers(key, length)
        return self.number(key, default)

    def spread(self, key: str, length: int, default: float | None = None) -> list[float]:
        """Return a list of a given length; a single number is repeated."""
        value = self.number_or_numbers(key, length, default)
        return value if isinstance(value, list) else [value] * length

    def pair(self, key: str) -> list[float]:
        """Return two numbers."""
        return self.numbers(key, 2)

    def pairs(self, key: str, length: int, *, open_sides: bool = False) -> list[list[Any]]:
        """Return pairs of bounds; with open sides, infinity is allowed, and None in the result."""
        pairs = self.any(key)
        if not isinstance(pairs, list) or len(pairs) != length:
            raise ConfigError(f'{self.path(key)} is {shown(pairs)}, expected {length} pairs')
        result = []
        for index, pair in enumerate(pairs):
            where = f'{self.path(key)}[{index}]'
            if not isinstance(pair, list) or len(pair) != 2:
                raise ConfigError(f'{where} is {shown(pair)}, expected a pair')
            infinities = (math.inf, -math.inf) if open_sides else ()
            result.append([None if b in infinities else _number(b, where) for b in pair])
        return result

    def ranges(self, *keys: str) -> dict[str, list[float]]:
        """Return the range of commands of pairs under several keys."""
        pairs = [self.pair(key) for key in keys]
        return {'lower': [low for low, _ in pairs], 'upper': [high for _, high in pairs]}

    def joint_numbers(
        self, key: str, num_joints: int, default: list[int] | None = None
    ) -> list[int]:
        """Return numbers of joints, each once."""
        numbers = self.integers(key, default=default)
        for number in numbers:
            if number >= num_joints:
                raise ConfigError(
                    f'{self.path(key)} has {number}, expected below {num_joints}, the number of '
                    'joints'
                )
        if len(set(numbers)) != len(numbers):
            raise ConfigError(f'{self.path(key)} is {shown(numbers)}, expected each joint once')
        return numbers

    def _entries(
        self, key: str, length: int | None, default: list[int] | None = None
    ) -> list[tuple[object, str]]:
        values = self.any(key, default)
        if not isinstance(values, (list, tuple)):
            raise ConfigError(f'{self.path(key)} is {shown(values)}, expected a list')
        if length is not None and len(values) != length:
            raise ConfigError(f'{self.path(key)} has {len(values)} elements, expected {length}')
        return [(value, f'{self.path(key)}[{index}]') for index, value in enumerate(values)]


def _number(value: object, where: str) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise ConfigError(f'{where} is {shown(value)}, expected a number')
    if isinstance(value, int) and not -MAX_INTEGER < value < MAX_INTEGER:
        raise ConfigError(f'{where} is an integer beyond 64 bits, expected a number')
    if not math.isfinite(value):
        raise ConfigError(f'{where} is {value}, expected a finite number')
    return value


def _integer(value: object, where: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < MAX_INTEGER:
        raise ConfigError(f'{where} is {shown(value)}, expected an integer of at least 0')
    return value


def _text(value: object, where: str) -> str:
    if not isinstance(value, str):
        raise ConfigError(f'{where} is {shown(value)}, expected a text')
    return value


@dataclass(frozen=True, kw_only=True)
class TensorShape:
    """Name and shape of a graph tensor; a symbolic size is a string."""

    name: str
    shape: tuple[int | str | None, ...]

    @property
    def width(self) -> int | None:
        """Number of elements for one robot; None if a size but the first is symbolic."""
        sizes = [size for size in self.shape[1:] if isinstance(size, int)]
        if not self.shape or len(sizes) != len(self.shape) - 1:
            return None
        first = self.shape[0]
        return math.prod(sizes) * (first if isinstance(first, int) else 1)


@dataclass(frozen=True, kw_only=True)
class ModelContext:
    """Facts that a reader may need in addition to its file."""

    model: Path
    """The model file; side-car files are in the same folder."""
    root: Path | None = None
    """Folder that must contain all files, links resolved; None: no restriction."""
    robot: RobotDescription | None = None
    """Names the motors; None if unknown."""
    inputs: tuple[TensorShape, ...] = ()
    """Of the graph, in its order; empty if no model was opened."""
    outputs: tuple[TensorShape, ...] = ()


def has_keys(*keys: str) -> Callable[[Mapping[str, Any]], bool]:
    """Return the test whether a mapping has all of some keys."""
    return lambda values: set(values) >= set(keys)


@dataclass(frozen=True, kw_only=True)
class FileDialect:
    """A file format that describes policies."""

    name: str
    """Shown in messages."""
    files: tuple[str, ...]
    """Where to look: glob patterns relative to the folder of the model; {stem} is the name of the
    model without its suffix.
    """
    matches: Callable[[Mapping[str, Any]], bool]
    """Whether the content of a YAML or JSON file is of this dialect."""
    read: Callable[[Mapping[str, Any], Path, ModelContext], SpecSource]
    """Converts the content of the file at a path to a SpecSource. Raises ConfigError if a key is
    missing or does not fit the others; the registry adds the path to its messages.
    """


@dataclass(frozen=True, kw_only=True)
class MetadataDialect:
    """A set of ONNX metadata keys that describe policies; fields as of a FileDialect."""

    name: str
    matches: Callable[[Mapping[str, str]], bool]
    read: Callable[[Mapping[str, str], ModelContext], SpecSource]


ISAAC_LAB_TERMS: dict[str, dict[str, Any]] = {
    'base_lin_vel': {'term': 'base_linear_velocity'},
    'base_ang_vel': {'term': 'base_angular_velocity'},
    'projected_gravity': {'term': 'projected_gravity'},
    'joint_pos': {'term': 'joint_position', 'relative': False},
    'joint_pos_rel': {'term': 'joint_position', 'relative': True},
    'joint_vel': {'term': 'joint_velocity'},
    'joint_vel_rel': {'term': 'joint_velocity'},
    'last_action': {'term': 'last_action'},
}
"""Terms of the observation functions of Isaac Lab."""


class UnsuppliedError(Exception):
    """A field that only the user can describe; the text is the hint."""


def no_command(what: str) -> str:
    """Return the hint of the field command; what has none, with its verb."""
    return (
        f'{what} no command ranges: give command: {{lower: [vx, vy, yaw], upper: [vx, vy, yaw]}} '
        'of the training in a file with --spec'
    )


@contextmanager
def hinted(hints: dict[str, str], field: str) -> Iterator[None]:
    """Turn an UnsuppliedError into the hint of a field."""
    try:
        yield
    except UnsuppliedError as error:
        hints[field] = str(error)


def merged_history(
    terms: Sequence[dict[str, Any]], lengths: Sequence[int], major: str = 'term'
) -> dict[str, Any]:
    """Return the history of a tensor, oldest first, filled with the first observation.

    The tensor has the most frames of all terms; a term with fewer is given its own history.
    """
    longest = max(lengths)
    if longest == 1:
        return {'length': 1}
    for term, length in zip(terms, lengths, strict=True):
        if length != longest:
            term['history'] = {'length': length}
    return {'length': longest, 'major': major, 'order': 'oldest_first', 'fill': 'first'}


_NOT_SENSED = {
    'the joints of a reference motion': ('motion_command', 'command_motion'),
    'the phase of a reference motion': ('ref_motion_phase',),
    'the progress of a reference motion': ('phase',),
    'the position of a reference motion in the robot frame': ('motion_anchor_pos_b',),
    'the orientation of a reference motion in the robot frame': (
        'motion_anchor_ori_b',
        'motion_ref_ori_b',
    ),
    'the orientation of a body in the world': ('robot_anchor_ori_w',),
    'positions of bodies': ('body_pos',),
    'orientations of bodies': ('body_ori',),
    'the height of the base above the ground': ('base_pos_z', 'root_height'),
    'heights of the ground around the robot': ('height_scan', 'height_scanner'),
    'contacts of the feet': ('foot_contact', 'feet_contact'),
    'contact forces': ('contact_forces',),
}
"""Observations of training frameworks that no sensor of a robot gives."""


def unknown_observation(where: str, name: str, known: Collection[str]) -> UnsuppliedError:
    """Return why an observation at a dotted key has no term, given the names that have one."""
    what = next((what for what, names in _NOT_SENSED.items() if name in names), None)
    if what is None:
        return UnsuppliedError(
            f'{where} is unknown, expected one of {list(known)}: describe the inputs in a file '
            'with --spec, with a term external for a topic that your node publishes'
        )
    return UnsuppliedError(
        f'{where} is {what}, which neither JointState nor Imu nor Odometry provides: publish it '
        'from your node, and describe the inputs in a file with --spec, with a term external '
        'for it'
    )
