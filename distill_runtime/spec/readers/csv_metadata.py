# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Lists in the text of ONNX metadata: commas between elements, semicolons or brackets inside.

``1.000,0.500;0.250`` and ``[-inf, 5.0],[-1, 1]`` are lists of two.
"""

from __future__ import annotations

from collections.abc import Mapping
import math

from distill_runtime.errors import ConfigError
from distill_runtime.spec.mapping import shown

_OPENING, _CLOSING = '[(', '])'


class CsvMetadata:
    """Metadata of a model whose values are such lists."""

    def __init__(self, metadata: Mapping[str, str]) -> None:
        """Take the metadata."""
        self._metadata = metadata

    def __contains__(self, key: str) -> bool:
        """Whether a key has a value."""
        return bool(self._metadata.get(key, '').strip())

    def texts(self, key: str) -> list[str]:
        """Return the elements as they are, without quotes.

        Raises:
            ConfigError: If there are none, or brackets do not match.
        """
        text = self._metadata.get(key, '').strip()
        if not text:
            raise ConfigError(f'metadata {key!r} is missing')
        elements = _split(text, key)
        if len(elements) == 1 and elements[0][0] in _OPENING:
            elements = _split(elements[0][1:-1].strip(), key)
        return [element.strip('\'"') for element in elements]

    def numbers(self, key: str, length: int | None = None) -> list[float]:
        """Return a list of finite numbers.

        Raises:
            ConfigError: If it is none, or of another length.
        """
        values = [_number(element, key) for element in self.texts(key)]
        if length is not None and len(values) != length:
            raise ConfigError(f'metadata {key!r} has {len(values)} elements, expected {length}')
        return values

    def integers(self, key: str, length: int) -> list[int]:
        """Return a list of whole numbers of at least 0, which may be written like 5.000."""
        values = self.numbers(key, length)
        for value in values:
            if value < 0.0 or value != int(value):
                raise ConfigError(
                    f'metadata {key!r} has {value}, expected whole numbers of at least 0'
                )
        return [int(value) for value in values]

    def number_or_numbers(self, key: str) -> float | list[float]:
        """Return one number, or a list of more."""
        values = self.numbers(key)
        return values[0] if len(values) == 1 else values

    def nested(self, key: str, length: int, *, is_bound: bool = False) -> list[list[float]]:
        """Return a list of lists.

        Args:
            key: Key of the metadata.
            length: Number of inner lists.
            is_bound: Whether infinity may stand there.
        """
        elements = _split(self._metadata.get(key, '').strip(), key)
        if len(elements) != length:
            raise ConfigError(f'metadata {key!r} has {len(elements)} elements, expected {length}')
        return [
            [_number(number, key, is_bound=is_bound) for number in _inner(element)]
            for element in elements
        ]


def _inner(element: str) -> list[str]:
    if element[:1] in _OPENING and element[-1:] in _CLOSING:
        return element[1:-1].replace(';', ',').split(',')
    return element.split(';')


def _split(text: str, key: str) -> list[str]:
    """Split at the commas that are in no bracket."""
    elements, depth, start = [], 0, 0
    for index, character in enumerate(text):
        if character in _OPENING:
            depth += 1
        elif character in _CLOSING:
            depth -= 1
        elif character == ',' and depth == 0:
            elements.append(text[start:index].strip())
            start = index + 1
        if depth < 0:
            break
    elements.append(text[start:].strip())
    if depth != 0 or not all(elements):
        raise ConfigError(f'metadata {key!r} is {shown(text)}, expected a list with commas')
    return elements


def _number(text: str, key: str, *, is_bound: bool = False) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if math.isnan(value) or (math.isinf(value) and not is_bound):
        raise ConfigError(f'metadata {key!r} has {shown(text.strip())}, expected a number')
    return value
