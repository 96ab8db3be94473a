# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""What only the file of a model tells: its opset, its exporter, the files it needs beside it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from distill_runtime.errors import ModelError
import onnx

_STANDARD = {'', 'ai.onnx', 'ai.onnx.ml'}


@dataclass(frozen=True, kw_only=True)
class OnnxFacts:
    """Facts about a model file that a session does not give."""

    opset: int
    """Version of the standard operators; 0 if none is used."""
    domains: tuple[str, ...]
    """Operator sets beside those of ONNX that the graph uses."""
    producer: str
    """Program that wrote the file; '' if it does not say."""
    external_files: tuple[str, ...]
    """Files that hold weights, relative to the model."""


def read_onnx_facts(model: Path) -> OnnxFacts:
    """Read a model file, but not its weights.

    Raises:
        ModelError: If it is no ONNX.
    """
    try:
        proto = onnx.load(str(model), load_external_data=False)
    except Exception as error:  # of many types, protobuf's among them
        raise ModelError(f'{model} cannot be read as ONNX: {error}') from error
    opsets = {entry.domain or 'ai.onnx': entry.version for entry in proto.opset_import}
    graphs = list(_graphs(proto.graph))
    return OnnxFacts(
        opset=opsets.get('ai.onnx', 0),
        domains=tuple(
            sorted({node.domain for graph in graphs for node in graph.node} - _STANDARD)
        ),
        producer=f'{proto.producer_name} {proto.producer_version}'.strip(),
        external_files=tuple(
            sorted({name for graph in graphs for name in _external_files(graph)})
        ),
    )


def _graphs(graph: onnx.GraphProto) -> Iterator[onnx.GraphProto]:
    """Yield a graph and the graphs inside its nodes."""
    yield graph
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.HasField('g'):
                yield from _graphs(attribute.g)
            for inner in attribute.graphs:
                yield from _graphs(inner)


def _external_files(graph: onnx.GraphProto) -> Iterator[str]:
    """Yield where the weights of one graph lie that are not in the file."""
    for tensor in graph.initializer:
        if tensor.data_location == onnx.TensorProto.EXTERNAL:
            yield from (entry.value for entry in tensor.external_data if entry.key == 'location')
