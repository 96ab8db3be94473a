# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Interface of a dialect reader, and checked access to the content of a foreign file."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
import math
from pathlib import Path
from typing import Any

from distill_runtime.errors import ConfigError

from .mapping import joined, MAX_INTEGER, shown
from .robot_description import RobotDescription
from .sources import SpecSource


class Fields:
    """A mapping with typed access; errors name the dotted key."""

    def __init__(self, values: object, where: str = '') -> None:
        """Take a mapping.

        Args:
            values: Content of a file, or of a section of it.
            where: Dotted key of that section.

        Raises:
            ConfigError: If it is not a mapping.
        """
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

    def any(self, key: str) -> Any:
        """Return a required value.

        Raises:
            ConfigError: If it is missing.
        """
        value = self._values.get(key)
        if value is None:
            raise ConfigError(f'{self.path(key)} is missing')
        return value

    def number(self, key: str) -> float:
        """Return a finite number."""
        return _number(self.any(key), self.path(key))

    def integer(self, key: str) -> int:
        """Return an integer of at least 0."""
        return _integer(self.any(key), self.path(key))

    def text(self, key: str) -> str:
        """Return a text."""
        return _text(self.any(key), self.path(key))

    def flag(self, key: str) -> bool:
        """Return true or false; false if the key is missing."""
        value = self._values.get(key)
        if value is not None and not isinstance(value, bool):
            raise ConfigError(f'{self.path(key)} is {shown(value)}, expected true or false')
        return bool(value)

    def mapping(self, key: str) -> Fields:
        """Return a section that is a mapping."""
        return Fields(self.any(key), self.path(key))

    def numbers(self, key: str, length: int | None = None) -> list[float]:
        """Return a list of finite numbers, of a given length."""
        return [_number(*entry) for entry in self._entries(key, length)]

    def integers(self, key: str, length: int | None = None) -> list[int]:
        """Return a list of integers of at least 0, of a given length."""
        return [_integer(*entry) for entry in self._entries(key, length)]

    def texts(self, key: str, length: int | None = None) -> list[str]:
        """Return a list of texts, of a given length."""
        return [_text(*entry) for entry in self._entries(key, length)]

    def number_or_numbers(self, key: str, length: int | None = None) -> float | list[float]:
        """Return one number, or a list of a given length."""
        if isinstance(self.any(key), (list, tuple)):
            return self.numbers(key, length)
        return self.number(key)

    def pair(self, key: str) -> list[float]:
        """Return two numbers."""
        return self.numbers(key, 2)

    def _entries(self, key: str, length: int | None) -> list[tuple[object, str]]:
        values = self.any(key)
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
    """Converts the content to a SpecSource; the registry adds the path to its messages."""


@dataclass(frozen=True, kw_only=True)
class MetadataDialect:
    """A set of ONNX metadata keys that describe policies."""

    name: str
    matches: Callable[[Mapping[str, str]], bool]
    read: Callable[[Mapping[str, str], ModelContext], SpecSource]
