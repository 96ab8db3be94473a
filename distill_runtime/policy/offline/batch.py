# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Run a policy over many observations at once.

A graph runs many rows at once if it has a dynamic batch axis, or one that can be rewritten, and if
the result equals that of single rows on sample rows. Otherwise, and with a recurrent state, rows
run one after another through PolicySession.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal, NamedTuple

from distill_runtime.core.arrays import BoolArray, Float32Array
from distill_runtime.errors import ModelError
from distill_runtime.policy.model import find_encoder, LoadedPolicy
from distill_runtime.policy.network import TensorInfo
from distill_runtime.policy.session import open_session, Opened, PolicySession
from distill_runtime.spec.spec import PolicySpec
import numpy as np

Method = Literal['batch', 'rewritten', 'loop']
TOLERANCE = 1e-6
"""Largest difference to one row after another, as a share of the largest value (at least 1)."""
_ROWS = 1024  # rows per run
_SAMPLES = 17


class TappedActions(NamedTuple):
    """Actions of n rows, and inner tensors of the network that gave them."""

    action: Float32Array
    """Raw network outputs, shape (n, act_dim)."""
    tensors: dict[str, Float32Array]
    """By name, each of shape (n, width); a constant of the graph is the same in all rows."""


class BatchPolicy:
    """A network, with its encoder if it has one, for observations of shape (n, obs_dim).

    Attributes:
        method: batch: the graph takes many rows; rewritten: its batch axis was rewritten;
            loop: one row after another.
        reason: Why it is a loop; '' if it is none.
    """

    def __init__(self, policy: LoadedPolicy, taps: Sequence[str] = ()) -> None:
        """Open the networks of a policy again, with separate buffers.

        Args:
            policy: Stays as it is.
            taps: Inner tensors that run_tapped returns, see find_taps.

        Raises:
            ModelError: If its files have changed, or a tensor is not in the graph.
            ImportError: If tensors are tapped, and onnx is not installed.
        """
        model: Path | bytes = policy.path
        if taps:
            from .taps import expose  # needs onnx

            model = expose(model, taps)
        opened = open_session(model)
        encoder = find_encoder(policy.path, opened.graph.metadata, policy.spec)
        opened_encoder = None if encoder is None else open_session(encoder)
        self._taps = tuple(dict.fromkeys(taps))
        self._session = PolicySession(*opened, policy.spec, opened_encoder, self._taps)
        self._chain: _Chain | None = None
        self.method: Method = 'loop'
        self.reason = 'the network is recurrent' if policy.spec.state else ''
        if self.reason:
            return
        try:
            outputs = {info.name for info in policy.graph.outputs}
            inner = [name for name in self._taps if name not in outputs]
            main, is_rewritten = _with_free_batch(model, opened, inner)
            first = None
            if encoder is not None and opened_encoder is not None:
                first, is_other = _with_free_batch(encoder, opened_encoder)
                is_rewritten |= is_other
            self._chain = _Chain(policy.spec, first, main, self._taps)
            self.method = 'rewritten' if is_rewritten else 'batch'
            self.reason = self._difference(self._chain)
        except (ModelError, RuntimeError, _FixedBatch, ImportError) as error:
            self.reason = ' '.join(str(error).split())
        if self.reason:
            self._chain, self.method = None, 'loop'

    def run(self, observation: Float32Array, starts: BoolArray | None = None) -> Float32Array:
        """Return the raw network outputs, shape (n, act_dim).

        Args:
            observation: Shape (n, obs_dim). The output of the encoder is written into it.
            starts: Rows at which the recurrent state is reset, shape (n,); the state is carried
                over from call to call. None: at no row.

        Raises:
            RuntimeError: If the network cannot be computed on these rows.
        """
        return self.run_tapped(observation, starts).action

    def run_tapped(
        self, observation: Float32Array, starts: BoolArray | None = None
    ) -> TappedActions:
        """Return the raw network outputs with the tapped tensors; see run."""
        if self._chain is not None:
            return self._chain.run(observation)
        return self._run_rows(observation, starts)

    def step(self, observation: Float32Array, is_start: bool = False) -> Float32Array:
        """Run one row as the robot does; see run.

        Args:
            observation: Shape (obs_dim,). The output of the encoder is written into it.
            is_start: Whether the recurrent state is reset first.

        Returns:
            The action, valid until the next step, shape (act_dim,).
        """
        session = self._session
        if is_start:
            session.reset()
        session.observation[:] = observation
        session.run()
        observation[:] = session.observation
        return session.action

    def _run_rows(self, observation: Float32Array, starts: BoolArray | None) -> TappedActions:
        """Run one row after another; write the latents."""
        num_rows = len(observation)
        action = np.empty((num_rows, self._session.action.size), np.float32)
        tensors: dict[str, Float32Array] = {}
        resets = [False] * num_rows if starts is None else starts.tolist()
        for row, is_start in enumerate(resets):
            action[row] = self.step(observation[row], is_start)
            for name, values in self._session.tapped().items() if self._taps else ():
                if row == 0:
                    tensors[name] = np.empty((num_rows, len(values)), np.float32)
                tensors[name][row] = values
        return TappedActions(action, tensors or _no_rows(self._taps))

    def _difference(self, chain: _Chain) -> str:
        """Return how rows at once differ from one after another on sample rows; '' if not."""
        shape = _SAMPLES, self._session.observation.size
        rows = np.random.default_rng(0).normal(0.0, 1.0, shape).astype(np.float32)
        expected_rows, found_rows = rows.copy(), rows.copy()
        expected, found = self._run_rows(expected_rows, None), chain.run(found_rows)
        self._session.reset()
        pairs = [(expected.action, found.action), (expected_rows, found_rows)]
        pairs += [(expected.tensors[name], found.tensors[name]) for name in self._taps]
        for one, many in pairs:
            if one.shape != many.shape:
                return f'many rows at once have shape {many.shape}, expected {one.shape}'
            allowed = TOLERANCE * max(1.0, float(np.abs(one).max()))
            difference = float(np.abs(one - many).max())
            if not difference <= allowed:
                return f'many rows at once differ by {difference:.2g} from one after another'
        return ''


class _FixedBatch(Exception):  # noqa: N818 - a reason to loop, no error
    """A tensor whose batch axis cannot become free."""


class _Chain:
    """The networks of a policy in turn."""

    def __init__(
        self, spec: PolicySpec, encoder: Opened | None, policy: Opened, taps: Sequence[str]
    ) -> None:
        ends = np.cumsum([0, *(spec.input_dim(entry) for entry in spec.inputs)]).tolist()
        columns: dict[str, list[_Columns]] = {'encoder': [], 'policy': []}
        for entry, begin, end in zip(spec.inputs, ends[:-1], ends[1:], strict=True):
            graph = policy.graph if entry.network == 'policy' or encoder is None else encoder.graph
            name = _tensor(graph.inputs, entry.name).name
            columns[entry.network].append(_Columns(name, slice(begin, end)))
        action = _tensor(policy.graph.outputs, spec.outputs.action.name).name
        self._act_dim = spec.act_dim
        self._taps = tuple(taps)
        output = _Columns(action, slice(None))
        self._policy = _BatchNetwork(policy, columns['policy'], output, taps)
        self._encoder: _BatchNetwork | None = None
        if encoder is not None and spec.encoder is not None:
            latent = slice(*spec.latent_range)
            name = _tensor(encoder.graph.outputs, spec.encoder.output).name
            output = _Columns(name, latent)
            self._encoder = _BatchNetwork(encoder, columns['encoder'], output)

    def run(self, observation: Float32Array) -> TappedActions:
        """Return the actions and the tapped tensors; write the latents."""
        action = np.empty((len(observation), self._act_dim), np.float32)
        parts: list[list[Float32Array]] = []
        for begin in range(0, len(observation), _ROWS):
            rows = observation[begin : begin + _ROWS]
            if self._encoder is not None:
                self._encoder.run(rows, rows)
            parts.append(self._policy.run(rows, action[begin : begin + _ROWS]))
        if not parts:
            return TappedActions(action, _no_rows(self._taps))
        columns = (np.concatenate(values) for values in zip(*parts, strict=True))
        return TappedActions(action, dict(zip(self._taps, columns, strict=True)))


class _Columns(NamedTuple):
    """A tensor, and the columns that it reads or writes."""

    name: str
    columns: slice


class _BatchNetwork:
    """One network for some rows."""

    def __init__(
        self,
        opened: Opened,
        inputs: Sequence[_Columns],
        output: _Columns,
        taps: Sequence[str] = (),
    ) -> None:
        self._session = opened.session
        self._inputs = inputs
        self._output = output
        self._taps = taps

    def run(self, rows: Float32Array, out: Float32Array) -> list[Float32Array]:
        """Read columns of rows, write columns of out, return the taps; each has n rows."""
        binding = self._session.io_binding()
        arrays = []  # bound by address
        for entry in self._inputs:
            values = np.ascontiguousarray(rows[:, entry.columns])
            arrays.append(values)
            binding.bind_input(entry.name, 'cpu', 0, np.float32, values.shape, values.ctypes.data)
        result = np.empty_like(out[:, self._output.columns], order='C')
        binding.bind_output(
            self._output.name, 'cpu', 0, np.float32, result.shape, result.ctypes.data
        )
        others = [name for name in self._taps if name != self._output.name]
        for name in others:
            binding.bind_output(name, 'cpu')
        self._session.run_with_iobinding(binding)
        out[:, self._output.columns] = result
        if not self._taps:
            return []
        tensors = {self._output.name: result}
        for name, value in zip(others, binding.get_outputs()[1:], strict=True):
            tensors[name] = value.numpy()
        return [_as_rows(tensors[name], len(rows)) for name in self._taps]


def _as_rows(tensor: Float32Array, num_rows: int) -> Float32Array:
    """Copy a tensor with one row per observation; one without a batch axis is repeated."""
    if tensor.ndim > 1 and len(tensor) == num_rows:
        return tensor.reshape(num_rows, -1).copy()
    return np.tile(tensor.reshape(1, -1), (num_rows, 1))


def _no_rows(taps: Sequence[str]) -> dict[str, Float32Array]:
    return {name: np.empty((0, 0), np.float32) for name in taps}


def _with_free_batch(
    model: Path | bytes, opened: Opened, inner: Sequence[str] = ()
) -> tuple[Opened, bool]:
    """Return a network for many rows, and whether its graph was rewritten.

    Raises:
        _FixedBatch: If a tensor has no batch axis.
        ModelError: If the rewritten graph cannot be loaded.
        ImportError: If the graph would have to be rewritten, and onnx is not installed.
    """
    tensors = (*opened.graph.inputs, *opened.graph.outputs)
    fixed = [info.name for info in tensors if info.name not in inner and _is_fixed(info)]
    if not fixed:
        return opened, False
    from .taps import with_batch_axis  # needs onnx

    return open_session(with_batch_axis(model, fixed)), True


def _is_fixed(info: TensorInfo) -> bool:
    """Whether a tensor has exactly one row."""
    if len(info.shape) != 2:
        raise _FixedBatch(f'tensor {info.name!r} has shape {list(info.shape)}, no batch axis')
    return isinstance(info.shape[0], int)


def _tensor(infos: Sequence[TensorInfo], name: str | int) -> TensorInfo:
    """Find a tensor that PolicySession has found before."""
    if isinstance(name, int):
        return infos[name]
    return next(info for info in infos if info.name == name)
