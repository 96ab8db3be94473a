# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""One ONNX network whose tensors are bound once to buffers of the caller."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from distill_runtime.core.arrays import Float32Array
from distill_runtime.errors import ModelError
from distill_runtime.spec.dialect import TensorShape
from distill_runtime.spec.tensors import StateSpec
import numpy as np
import onnxruntime

CPU_PROVIDER = 'CPUExecutionProvider'


@dataclass(frozen=True, kw_only=True)
class TensorInfo(TensorShape):
    """Name, element type and shape of one graph input or output."""

    dtype: str


@dataclass(frozen=True, kw_only=True)
class Graph:
    """Inputs, outputs and metadata of a model."""

    inputs: tuple[TensorInfo, ...]
    outputs: tuple[TensorInfo, ...]
    metadata: dict[str, str]


class Network:
    """A session with its bindings and its recurrent state."""

    def __init__(self, session: onnxruntime.InferenceSession, graph: Graph) -> None:
        """Create the binding; nothing is bound yet."""
        self._session = session
        self._graph = graph
        self._binding = session.io_binding()
        # A session on a device copies an input when it is bound, not when it runs.
        self._binds_each_run = session.get_providers()[0] != CPU_PROVIDER
        self._inputs: dict[str, Float32Array] = {}
        self._outputs: dict[str, Float32Array] = {}
        self._states: list[tuple[Float32Array, Float32Array, Float32Array]] = []
        self._taps: dict[str, int] = {}
        """Position of each tapped tensor among the bound outputs."""

    def run(self) -> None:
        """Compute the outputs and carry the recurrent state."""
        self.compute()
        for state, following, _ in self._states:
            state[:] = following

    def compute(self) -> None:
        """Compute the outputs without changing the recurrent state."""
        if self._binds_each_run:
            for name, array in self._inputs.items():
                self._bind_buffer(name, array)
        self._session.run_with_iobinding(self._binding)

    def reset(self) -> None:
        """Set the recurrent state to its initial elements."""
        for state, _, initial in self._states:
            state[:] = initial

    def bind_input(self, name: str | int, flat: Float32Array, where: str, expected: str) -> None:
        """Bind an input to a buffer of shape (n,).

        Args:
            name: Name in the graph, or its position.
            flat: The buffer; the caller keeps it alive.
            where: Field of the spec, for messages.
            expected: Content of the buffer, for messages.

        Raises:
            ModelError: If there is no such input, or it has another size.
        """
        info = self._tensor(self._graph.inputs, name, where)
        self._bind_input(info, flat.reshape(_shape(info, flat.size, expected)))

    def bind_output(self, name: str | int, flat: Float32Array, where: str, expected: str) -> None:
        """Bind an output to a buffer of shape (n,); see bind_input."""
        info = self._tensor(self._graph.outputs, name, where)
        self._bind_output(info, flat.reshape(_shape(info, flat.size, expected)))

    def bind_tap(self, name: str) -> None:
        """Keep an output of any shape for tapped; after all other outputs are bound."""
        if name in self._outputs:
            self._taps[name] = list(self._outputs).index(name)
        elif name not in self._taps:
            added = [index for index in self._taps.values() if index >= len(self._outputs)]
            self._taps[name] = len(self._outputs) + len(added)
            self._binding.bind_output(name, 'cpu')

    def tapped(self) -> dict[str, Float32Array]:
        """Return the tapped tensors of the last run, each flattened."""
        values = self._binding.get_outputs()
        return {name: values[index].numpy().reshape(-1) for name, index in self._taps.items()}

    def bind_state(self, entry: StateSpec, where: str) -> None:
        """Feed an output back to an input; several inputs may read one output.

        Raises:
            ModelError: If there are no such tensors, or they have another shape.
        """
        source = self._tensor(self._graph.inputs, entry.input, f'{where}.input')
        target = self._tensor(self._graph.outputs, entry.output, f'{where}.output')
        for info in (source, target):
            if not _matches(info.shape, entry.shape):
                raise ModelError(
                    f'{where}.shape is {list(entry.shape)}, expected that of {info.name!r} '
                    f'in the graph, {list(info.shape)}'
                )
        initial: Float32Array = np.zeros(entry.shape, dtype=np.float32)
        if entry.initial is not None:
            initial.reshape(-1)[:] = entry.initial
        state = initial.copy()
        self._bind_input(source, state)
        if target.name not in self._outputs:
            self._bind_output(target, np.zeros(entry.shape, dtype=np.float32))
        following = self._outputs[target.name].reshape(entry.shape)
        self._states.append((state, following, initial))

    def refuse_unbound_inputs(self, expected: str) -> None:
        """Refuse a graph with unbound inputs.

        Raises:
            ModelError: If there are any.
        """
        unbound = [info.name for info in self._graph.inputs if info.name not in self._inputs]
        if unbound:
            raise ModelError(f'graph inputs {unbound} are not in the spec, expected {expected}')

    def _bind_input(self, info: TensorInfo, array: Float32Array) -> None:
        _check(info, self._inputs)
        self._inputs[info.name] = array
        self._bind_buffer(info.name, array)

    def _bind_buffer(self, name: str, array: Float32Array) -> None:
        self._binding.bind_input(name, 'cpu', 0, np.float32, array.shape, array.ctypes.data)

    def _bind_output(self, info: TensorInfo, array: Float32Array) -> None:
        _check(info, self._outputs)
        self._outputs[info.name] = array
        self._binding.bind_output(info.name, 'cpu', 0, np.float32, array.shape, array.ctypes.data)

    def _tensor(self, infos: Sequence[TensorInfo], name: str | int, where: str) -> TensorInfo:
        """Find a tensor by its name or its position.

        Outputs of the same name are not ambiguous: ONNX has one value per name.
        """
        if isinstance(name, int):
            if not 0 <= name < len(infos):
                raise ModelError(f'{where} is position {name}, expected 0 to {len(infos) - 1}')
            return infos[name]
        for info in infos:
            if info.name == name:
                return info
        names = [info.name for info in infos]
        raise ModelError(f'{where} is {name!r}, expected one of the names in the graph: {names}')


def _check(info: TensorInfo, bound: dict[str, Float32Array]) -> None:
    """Refuse another type, and a second buffer for one tensor."""
    if info.dtype != 'tensor(float)':
        raise ModelError(f'tensor {info.name!r} is of type {info.dtype}, expected tensor(float)')
    if info.name in bound:
        raise ModelError(f'tensor {info.name!r} is used twice in the spec, expected once')


def _matches(shape: tuple[int | str | None, ...], wanted: tuple[int, ...]) -> bool:
    """Whether a shape with symbolic sizes can be the wanted one."""
    return len(shape) == len(wanted) and all(
        not isinstance(size, int) or size == want for size, want in zip(shape, wanted, strict=True)
    )


def _shape(info: TensorInfo, dim: int, expected: str) -> tuple[int, ...]:
    """Return the shape to bind dim elements with, (dim,) or (1, dim), as in the graph."""
    for wanted in ((dim,), (1, dim)):
        if _matches(info.shape, wanted):
            return wanted
    raise ModelError(
        f'tensor {info.name!r} of the graph has shape {list(info.shape)}, expected {dim} '
        f'elements, {expected}'
    )
