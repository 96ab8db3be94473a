# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""A walk through the messages of an ONNX file; field numbers are those of onnx.proto."""

from __future__ import annotations

from collections.abc import Iterator

from .protobuf import fields

_EXTERNAL = 1
MAX_FIELDS = 5_000_000
"""Fields that are looked at; a network of a thousand layers has some ten thousand."""
MAX_DEPTH = 50
"""Messages within one another."""


class OnnxScan:
    """A walk through a model that notes what it comes by.

    Attributes:
        has_graph: Whether there is a graph at all.
        opsets: Version of each operator set.
        domains: Operator sets of all nodes.
        function_domains: Those that functions of the model define.
        locations: Files that tensors lie in.
        producer: Program that wrote the file.
        version: Its version.
    """

    def __init__(self) -> None:
        self.has_graph = False
        self.opsets: dict[str, int] = {}
        self.domains: set[str] = set()
        self.function_domains: set[str] = set()
        self.locations: set[str] = set()
        self.producer = self.version = ''
        self._num_fields = 0

    def model(self, message: memoryview) -> None:
        """Walk through a ModelProto."""
        for number, value in self._fields(message):
            if number == 2:
                self.producer = _text(value)
            elif number == 3:
                self.version = _text(value)
            elif number == 7:
                self.has_graph = True
                self._graph(_message(value), 1)
            elif number == 8:
                self._opset(_message(value))
            elif number == 20:
                for _, graph in self._fields(_message(value)):
                    if isinstance(graph, memoryview):
                        self._graph(graph, 1)
            elif number == 25:
                self._function(_message(value))

    def _opset(self, message: memoryview) -> None:
        domain, version = '', 0
        for number, value in self._fields(message):
            if number == 1:
                domain = _text(value)
            elif number == 2 and isinstance(value, int):
                version = value
        self.opsets[domain] = version

    def _function(self, message: memoryview) -> None:
        for number, value in self._fields(message):
            if number == 7:
                self._node(_message(value), 1)
            elif number == 10:
                self.function_domains.add(_text(value))

    def _graph(self, message: memoryview, depth: int) -> None:
        if depth > MAX_DEPTH:
            raise ValueError(f'its graphs lie more than {MAX_DEPTH} deep in one another')
        for number, value in self._fields(message):
            if number == 1:
                self._node(_message(value), depth)
            elif number == 5:
                self._tensor(_message(value))
            elif number == 15:
                self._sparse_tensor(_message(value))

    def _node(self, message: memoryview, depth: int) -> None:
        domain = ''
        for number, value in self._fields(message):
            if number == 7:
                domain = _text(value)
            elif number == 5:
                self._attribute(_message(value), depth)
        self.domains.add(domain)

    def _attribute(self, message: memoryview, depth: int) -> None:
        for number, value in self._fields(message):
            if number in (5, 10):
                self._tensor(_message(value))
            elif number in (6, 11):
                self._graph(_message(value), depth + 1)
            elif number in (22, 23):
                self._sparse_tensor(_message(value))

    def _sparse_tensor(self, message: memoryview) -> None:
        for number, value in self._fields(message):
            if number in (1, 2):
                self._tensor(_message(value))

    def _tensor(self, message: memoryview) -> None:
        location, is_external = None, False
        for number, value in self._fields(message):
            if number == 13:
                entry = {key: _text(text) for key, text in self._fields(_message(value))}
                location = entry.get(2, '') if entry.get(1) == 'location' else location
            elif number == 14:
                is_external = value == _EXTERNAL
        if is_external:
            self.locations.add(location or '')

    def _fields(self, message: memoryview) -> Iterator[tuple[int, int | memoryview]]:
        for entry in fields(message):
            self._num_fields += 1
            if self._num_fields > MAX_FIELDS:
                raise ValueError(f'it has more than {MAX_FIELDS} fields')
            yield entry


def _message(value: int | memoryview) -> memoryview:
    if isinstance(value, int):
        raise ValueError(f'{value} stands where a message should')
    return value


def _text(value: int | memoryview) -> str:
    if isinstance(value, int):
        raise ValueError(f'{value} stands where a text should')
    return bytes(value).decode('utf-8')
