# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Change ONNX graphs: inner tensors become outputs, a fixed batch axis becomes dynamic.

Inner tensors are hidden activations, logits and the standard deviation.

Tensors are found by the structure of the graph, since exporters name them as they like. A layer is
a Gemm, or a MatMul with a constant, with its bias; its activation is where the elementwise
operators after it come together again:

    Gemm -> Elu -> Gemm -> Sigmoid -> Mul -> Gemm -> Tanh
              ^0       `---------------^ 1     ^ logits
                                               Tanh: hidden 2
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from distill_runtime.errors import ModelError
import numpy as np
import onnx
from onnx import numpy_helper

_ELEMENTWISE = frozenset(
    {
        'Add', 'Celu', 'Clip', 'Div', 'Elu', 'Erf', 'Exp', 'Gelu', 'HardSigmoid', 'HardSwish',
        'Identity', 'LeakyRelu', 'Mish', 'Mul', 'Neg', 'PRelu', 'Pow', 'Relu', 'Selu', 'Sigmoid',
        'Softplus', 'Softsign', 'Sqrt', 'Sub', 'Swish', 'Tanh', 'ThresholdedRelu',
    }
)  # fmt: skip
_STD = ('Exp', 'Softplus')
"""Operators that networks keep a standard deviation positive with."""


@dataclass(frozen=True, kw_only=True)
class Taps:
    """Names of the inner tensors of a graph."""

    hidden: tuple[str, ...]
    """Activation of each layer, in the order of the graph; the last is that of the output."""
    logits: str
    """Output of the last layer before its activation. Of a policy that splits it into mean and
    raw scale it holds both.
    """
    std: str | None
    """Standard deviation of the action; None: the graph does not compute one."""


def find_taps(model: Path | bytes) -> Taps:
    """Find the inner tensors of a graph.

    Args:
        model: File or its content.

    Raises:
        ModelError: If it has no layer.
    """
    return _Finder(_load(model).graph).taps()


def expose(model: Path | bytes, tensors: Sequence[str]) -> bytes:
    """Return a model with more outputs, appended in the given order.

    Args:
        model: File or its content.
        tensors: Names of tensors, see find_taps; one that is an output already is not doubled.

    Raises:
        ModelError: If a tensor is not in the graph.
    """
    proto = _load(model)
    graph = proto.graph
    known = {name for node in graph.node for name in node.output}
    known |= {entry.name for entry in graph.initializer}
    present = {entry.name for entry in graph.output}
    for name in tensors:
        if name not in known:
            raise ModelError(f'tensor {name!r} is not in the graph, expected one of find_taps')
        if name not in present:
            present.add(name)
            graph.output.append(
                onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None)
            )
    content: bytes = proto.SerializeToString()
    return content


def with_batch_axis(model: Path | bytes, tensors: Collection[str]) -> bytes:
    """Return a model whose tensors have any number of rows; the caller must verify the result.

    A Reshape to one row becomes a Reshape to all rows. Other operators that fix the number of rows
    stay: such a graph fails to run, or gives other numbers.

    Args:
        model: File or its content.
        tensors: Names of graph inputs and outputs, each of shape [1, n].
    """
    proto = _load(model)
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


def _load(model: Path | bytes) -> onnx.ModelProto:
    return onnx.load_from_string(model) if isinstance(model, bytes) else onnx.load(str(model))


class _Finder:
    """A graph with its producers, consumers and constants."""

    def __init__(self, graph: onnx.GraphProto) -> None:
        self._graph = graph
        self._outputs = {entry.name for entry in graph.output}
        self._constants = {entry.name for entry in graph.initializer}
        self._consumers: dict[str, list[onnx.NodeProto]] = {}
        for node in graph.node:  # in topological order
            if all(name in self._constants for name in node.input if name):
                self._constants.update(node.output)
            for name in node.input:
                self._consumers.setdefault(name, []).append(node)

    def taps(self) -> Taps:
        """Return the inner tensors."""
        layers = [self._with_bias(node) for node in self._graph.node if self._is_layer(node)]
        if not layers:
            raise ModelError('graph has no layer, expected a Gemm, or a MatMul with a constant')
        return Taps(
            hidden=tuple(self._activation(name) for name in layers),
            logits=layers[-1],
            std=self._std(),
        )

    def _is_layer(self, node: onnx.NodeProto) -> bool:
        weights = [name for name in node.input[:2] if name in self._constants]
        return node.op_type in ('Gemm', 'MatMul') and len(weights) == 1

    def _with_bias(self, node: onnx.NodeProto) -> str:
        """Return the output of a layer, with the bias that a MatMul has in a separate Add."""
        output: str = node.output[0]
        consumers = self._consumers.get(output, [])
        if node.op_type == 'MatMul' and len(consumers) == 1 and output not in self._outputs:
            bias = consumers[0]
            if bias.op_type == 'Add' and any(name in self._constants for name in bias.input):
                output = bias.output[0]
        return output

    def _activation(self, output: str) -> str:
        """Return where the elementwise operators after a tensor end, if they end in one tensor."""
        inside, ends = [output], []
        for name in inside:
            consumers = self._consumers.get(name, [])
            is_end = name in self._outputs or not consumers
            for node in consumers:
                if node.op_type not in _ELEMENTWISE:
                    is_end = True
                elif node.output[0] not in inside:
                    inside.append(node.output[0])
            if is_end:
                ends.append(name)
        return ends[0] if len(ends) == 1 else output

    def _std(self) -> str | None:
        """Return what the last Exp or Softplus after all layers leads to, a graph output first."""
        found = [
            self._with_constants(node.output[0])
            for node in self._graph.node
            if node.op_type in _STD and not self._leads_to_layer(node.output[0])
        ]
        found = [name for name in found if name != self._graph.output[0].name]
        found.sort(key=lambda name: name in self._outputs)
        return found[-1] if found else None

    def _with_constants(self, tensor: str) -> str:
        """Follow a tensor through operators with constants: a least value is added, say."""
        while tensor not in self._outputs:
            consumers = self._consumers.get(tensor, [])
            if len(consumers) != 1 or consumers[0].op_type not in _ELEMENTWISE:
                break
            others = [name for name in consumers[0].input if name not in ('', tensor)]
            if not self._constants.issuperset(others):
                break
            tensor = consumers[0].output[0]
        return tensor

    def _leads_to_layer(self, tensor: str) -> bool:
        seen = [tensor]
        for name in seen:
            for node in self._consumers.get(name, []):
                if self._is_layer(node):
                    return True
                seen += [output for output in node.output if output not in seen]
        return False
