# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""One ONNX network with every tensor bound once to a fixed buffer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from distill_runtime.core.arrays import Float32Array
from distill_runtime.errors import ConfigError, ModelError
from distill_runtime.spec.spec import PolicySpec
import numpy as np
import onnxruntime

Provider = Literal['cpu', 'cuda', 'tensorrt']
_PROVIDERS = {
    'cpu': 'CPUExecutionProvider',
    'cuda': 'CUDAExecutionProvider',
    'tensorrt': 'TensorrtExecutionProvider',
}


@dataclass(frozen=True, kw_only=True)
class TensorInfo:
    """Name, element type and shape of one graph input or output; a symbolic size is a string."""

    name: str
    dtype: str
    shape: tuple[int | str | None, ...]


@dataclass(frozen=True, kw_only=True)
class Graph:
    """What a session says of its model."""

    inputs: tuple[TensorInfo, ...]
    outputs: tuple[TensorInfo, ...]
    metadata: dict[str, str]


def open_session(
    model: Path | bytes, provider: str = 'cpu'
) -> tuple[onnxruntime.InferenceSession, Graph]:
    """Load a network for single-threaded inference.

    One thread: with more, the worst case of a small network is a hundred times its median.

    Args:
        model: File or its content; a file may have external data beside it.
        provider: cpu, cuda or tensorrt.

    Raises:
        ConfigError: If the provider is unknown or not in this onnxruntime; it is never replaced.
        ModelError: If the model cannot be loaded.
    """
    if provider not in _PROVIDERS:
        raise ConfigError(f'provider is {provider!r}, expected one of {sorted(_PROVIDERS)}')
    wanted = _PROVIDERS[provider]
    if wanted not in onnxruntime.get_available_providers():
        raise ConfigError(
            f'provider {provider!r} is not in this onnxruntime, which has '
            f'{onnxruntime.get_available_providers()}: install the build that has it'
        )
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 4
    source = model if isinstance(model, bytes) else str(model)
    try:
        session = onnxruntime.InferenceSession(source, options, providers=[wanted])
    except Exception as error:
        what = 'model' if isinstance(model, bytes) else str(model)
        raise ModelError(f'{what} cannot be loaded as ONNX: {_first_line(error)}') from error
    if session.get_providers()[0] != wanted:
        raise ConfigError(
            f'provider {provider!r} did not start, onnxruntime fell back to '
            f'{session.get_providers()}'
        )
    graph = Graph(
        inputs=_infos(session.get_inputs()),
        outputs=_infos(session.get_outputs()),
        metadata=dict(session.get_modelmeta().custom_metadata_map),
    )
    return session, graph


def _infos(nodes: Sequence[onnxruntime.NodeArg]) -> tuple[TensorInfo, ...]:
    return tuple(
        TensorInfo(name=node.name, dtype=node.type, shape=tuple(node.shape)) for node in nodes
    )


def _first_line(error: Exception) -> str:
    lines = str(error).splitlines()
    return lines[0] if lines else type(error).__name__


class PolicySession:
    """A policy with its buffers; see core.runner.Policy."""

    def __init__(
        self, session: onnxruntime.InferenceSession, graph: Graph, spec: PolicySpec
    ) -> None:
        """Bind every tensor that the spec names.

        Raises:
            ModelError: If a tensor is missing, left over, of another type, or of another size.
        """
        self._session = session
        self._binding = session.io_binding()
        self._bound: set[str] = set()
        # A session on a device copies an input when it is bound, not when it runs.
        self._binds_each_run = session.get_providers()[0] != _PROVIDERS['cpu']
        self._inputs: list[tuple[str, Float32Array]] = []
        self.observation: Float32Array = np.zeros(
            sum(spec.input_dim(entry) for entry in spec.inputs), dtype=np.float32
        )
        self.action: Float32Array = np.zeros(spec.act_dim, dtype=np.float32)
        self.inputs = tuple(self._bind_inputs(graph, spec))
        self._states = tuple(self._bind_states(graph, spec))
        left_over = [info.name for info in graph.inputs if info.name not in self._bound]
        if left_over:
            raise ModelError(
                f'graph inputs {left_over} are not in the spec, expected each under inputs '
                'or state'
            )
        action = _tensor(graph.outputs, spec.outputs.action.name, 'outputs.action.name', graph)
        self._bind_output(action, self.action.reshape(_shape(action, self.action.size)))

    def run(self) -> None:
        """Compute the action and carry the recurrent state."""
        if self._binds_each_run:
            for name, array in self._inputs:
                self._bind_buffer(name, array)
        self._session.run_with_iobinding(self._binding)
        for state, following in self._states:
            state[:] = following

    def try_out(self) -> None:
        """Run once on zeros, and reset: the graph may leave open what it cannot compute.

        Raises:
            ModelError: If the network does not run on the buffers of the spec.
        """
        self.observation.fill(0.0)
        self.reset()
        try:
            self.run()
        except RuntimeError as error:
            raise ModelError(
                f'network does not run on {self.observation.size} observations and '
                f'{self.action.size} actions: {" ".join(str(error).split())}'
            ) from error
        self.action.fill(0.0)
        self.reset()

    def reset(self) -> None:
        """Zero the recurrent state."""
        for state, _ in self._states:
            state.fill(0.0)

    def _bind_inputs(self, graph: Graph, spec: PolicySpec) -> list[Float32Array]:
        views, start = [], 0
        for place, entry in enumerate(spec.inputs):
            info = _tensor(graph.inputs, entry.name, f'inputs[{place}].name', graph)
            dim = spec.input_dim(entry)
            view = self.observation[start : start + dim]
            self._bind_input(info, view.reshape(_shape(info, dim, spec, place)))
            views.append(view)
            start += dim
        return views

    def _bind_states(
        self, graph: Graph, spec: PolicySpec
    ) -> list[tuple[Float32Array, Float32Array]]:
        pairs = []
        for place, entry in enumerate(spec.state):
            where = f'state[{place}]'
            source = _tensor(graph.inputs, entry.input, f'{where}.input', graph)
            target = _tensor(graph.outputs, entry.output, f'{where}.output', graph)
            for info in (source, target):
                if not _matches(info.shape, entry.shape):
                    raise ModelError(
                        f'{where}.shape is {list(entry.shape)}, expected that of {info.name!r} '
                        f'in the graph, {list(info.shape)}'
                    )
            state: Float32Array = np.zeros(entry.shape, dtype=np.float32)
            following: Float32Array = np.zeros(entry.shape, dtype=np.float32)
            self._bind_input(source, state)
            self._bind_output(target, following)
            pairs.append((state, following))
        return pairs

    def _bind_input(self, info: TensorInfo, array: Float32Array) -> None:
        self._check(info)
        self._inputs.append((info.name, array))
        self._bind_buffer(info.name, array)

    def _check(self, info: TensorInfo) -> None:
        if info.dtype != 'tensor(float)':
            raise ModelError(
                f'tensor {info.name!r} is of type {info.dtype}, expected tensor(float)'
            )
        if info.name in self._bound:
            raise ModelError(f'tensor {info.name!r} stands twice in the spec, expected once')
        self._bound.add(info.name)

    def _bind_buffer(self, name: str, array: Float32Array) -> None:
        self._binding.bind_input(name, 'cpu', 0, np.float32, array.shape, array.ctypes.data)

    def _bind_output(self, info: TensorInfo, array: Float32Array) -> None:
        self._check(info)
        self._binding.bind_output(info.name, 'cpu', 0, np.float32, array.shape, array.ctypes.data)


def _tensor(
    infos: tuple[TensorInfo, ...], name: str | int, where: str, graph: Graph
) -> TensorInfo:
    """Find a tensor by its name or its position."""
    if isinstance(name, int):
        if not 0 <= name < len(infos):
            raise ModelError(f'{where} is position {name}, expected 0 to {len(infos) - 1}')
        return infos[name]
    found = [info for info in infos if info.name == name]
    if len(found) != 1:
        names = [info.name for info in infos]
        raise ModelError(f'{where} is {name!r}, expected one of the names in the graph: {names}')
    return found[0]


def _matches(shape: tuple[int | str | None, ...], wanted: tuple[int, ...]) -> bool:
    """Whether a shape with symbolic sizes can be the wanted one."""
    return len(shape) == len(wanted) and all(
        not isinstance(size, int) or size == want for size, want in zip(shape, wanted, strict=True)
    )


def _shape(
    info: TensorInfo, dim: int, spec: PolicySpec | None = None, place: int = 0
) -> tuple[int, ...]:
    """Return the shape to bind dim elements with: (dim,) or (1, dim) as the graph says."""
    for wanted in ((dim,), (1, dim)):
        if _matches(info.shape, wanted):
            return wanted
    raise ModelError(_width_message(info, dim, spec, place))


def _width_message(info: TensorInfo, dim: int, spec: PolicySpec | None, place: int) -> str:
    """Say what the spec sums up to, term by term."""
    have = f'tensor {info.name!r} of the graph has shape {list(info.shape)}'
    if spec is None:
        return f'{have}, expected {dim} elements, one per action of the spec'
    entry = spec.inputs[place]
    parts = ' + '.join(
        f'{term.kind} {term.dim(len(spec.joints), spec.act_dim)}'
        + (f' x {len(entry.lags(term))}' if len(entry.lags(term)) > 1 else '')
        for term in entry.terms
    )
    return f'{have}, expected {dim} elements, the sum of inputs[{place}].terms: {parts}'
