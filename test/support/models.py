# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Tiny ONNX networks whose outputs can be computed by hand."""

from __future__ import annotations

import numpy as np
import onnx
from onnx import helper, numpy_helper, TensorProto

FLOAT = TensorProto.FLOAT


def save_model(path, nodes, inputs, outputs, constants=None, metadata=None, dtype=FLOAT):
    """Write a graph.

    Args:
        path: File to write.
        nodes: Triples of operator, input names, output names.
        inputs: Shape of each input.
        outputs: Shape of each output.
        constants: Arrays by name.
        metadata: Texts by key.
        dtype: Element type of inputs and outputs.
    """
    graph = helper.make_graph(
        [helper.make_node(*node) for node in nodes],
        'tiny',
        [helper.make_tensor_value_info(name, dtype, shape) for name, shape in inputs.items()],
        [helper.make_tensor_value_info(name, dtype, shape) for name, shape in outputs.items()],
        [
            numpy_helper.from_array(np.asarray(values), name)
            for name, values in (constants or {}).items()
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid('', 17)], ir_version=8)
    helper.set_model_props(model, metadata or {})
    onnx.save(model, str(path))
    return path


def save_linear(path, weights, rank=2, batch=1, metadata=None, names=('obs', 'actions')):
    """Write actions = obs @ weights; rank 1 has no batch."""
    weights = np.asarray(weights, np.float32)
    lead = [batch] if rank == 2 else []
    return save_model(
        path,
        [('MatMul', [names[0], 'weights'], [names[1]])],
        {names[0]: [*lead, weights.shape[0]]},
        {names[1]: [*lead, weights.shape[1]]},
        {'weights': weights},
        metadata,
    )


def save_recurrent(path, metadata=None):
    """Write h_out = h_in + obs and actions = 2 h_out, three elements each, state [1, 1, 3]."""
    return save_model(
        path,
        [
            ('Add', ['h_in', 'obs'], ['h_out']),
            ('Reshape', ['h_out', 'flat'], ['sum']),
            ('Add', ['sum', 'sum'], ['actions']),
        ],
        {'obs': [1, 3], 'h_in': [1, 1, 3]},
        {'actions': [1, 3], 'h_out': [1, 1, 3]},
        {'flat': np.array([1, 3], np.int64)},
        metadata,
    )
