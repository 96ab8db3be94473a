# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Make the fixed batch axis of an ONNX graph dynamic; the caller must verify the result."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import numpy as np
import onnx
from onnx import numpy_helper


def with_batch_axis(model: Path | bytes, tensors: Collection[str]) -> bytes:
    """Return a model whose tensors have any number of rows.

    A Reshape to one row becomes a Reshape to all rows. Other operators that fix the number of rows
    stay: such a graph fails to run, or gives other numbers.

    Args:
        model: File or its content.
        tensors: Names of graph inputs and outputs, each of shape [1, n].
    """
    proto = onnx.load_from_string(model) if isinstance(model, bytes) else onnx.load(str(model))
    graph = proto.graph
    for info in (*graph.input, *graph.output):
        if info.name in tensors:
            info.type.tensor_type.shape.dim[0].dim_param = 'rows'
    del graph.value_info[:]  # shapes with one row
    constants = {entry.name: entry for entry in graph.initializer}
    for node in graph.node:
        if node.op_type == 'Constant' and node.attribute[0].HasField('t'):
            constants[node.output[0]] = node.attribute[0].t
    for number, node in enumerate(graph.node):
        if node.op_type != 'Reshape' or node.input[1] not in constants:
            continue
        shape = numpy_helper.to_array(constants[node.input[1]])
        if shape.ndim == 1 and len(shape) > 1 and shape[0] == 1:
            name = f'rows_of_reshape_{number}'
            num_rows = 0 if -1 in shape else -1  # as the input has, or what is left
            wanted = np.array([num_rows, *shape[1:]], np.int64)
            graph.initializer.append(numpy_helper.from_array(wanted, name))
            node.input[1] = name
    content: bytes = proto.SerializeToString()
    return content
