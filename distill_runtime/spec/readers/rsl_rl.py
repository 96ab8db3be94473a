# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Graphs that rsl_rl exports: the recurrent state from the names of their tensors.

An LSTM has ``obs, h_in, c_in`` and ``actions, h_out, c_out``, a GRU ``obs, h_in`` and ``actions,
h_out``, an MLP ``obs`` and ``actions``. A state is [layers, 1, hidden], zeros at reset. There is
no metadata: the user supplies everything else.
"""

from __future__ import annotations

from collections.abc import Iterator

from distill_runtime.spec.dialect import ModelContext, TensorShape
from distill_runtime.spec.sources import SpecSource

_STATES = (('h_in', 'h_out'), ('c_in', 'c_out'))


def graph_sources(context: ModelContext) -> list[SpecSource]:
    """Return the state of the graph; empty without those tensors or with symbolic sizes.

    Args:
        context: The graph.
    """
    inputs = {tensor.name: tensor for tensor in context.inputs}
    outputs = {tensor.name for tensor in context.outputs}
    if 'h_in' not in inputs:
        return []
    state = [
        {'input': source, 'output': target, 'shape': shape}
        for source, target in _STATES
        if source in inputs and target in outputs
        for shape in _shapes(inputs[source])
    ]
    if not state:
        return []
    return [SpecSource(name=f'graph of {context.model.name}', values={'state': state})]


def _shapes(tensor: TensorShape) -> Iterator[list[int]]:
    """Yield the shape for one robot: the middle axis is the batch."""
    sizes = [1 if index == 1 else size for index, size in enumerate(tensor.shape)]
    known = [size for size in sizes if isinstance(size, int)]
    if len(sizes) == 3 and len(known) == 3:
        yield known
