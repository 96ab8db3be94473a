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
from distill_runtime.policy.model import find_encoder, LoadedPolicy, open_policy
from distill_runtime.policy.network import TensorInfo
from distill_runtime.policy.session import open_session, Opened, PolicySession
from distill_runtime.spec.spec import PolicySpec
import numpy as np

Method = Literal['batch', 'rewritten', 'loop']
TOLERANCE = 1e-6
"""Largest difference to one row after another, as a share of the largest action (at least 1)."""
_ROWS = 1024  # rows per run
_SAMPLES = 17


class BatchPolicy:
    """A network, with its encoder if it has one, for observations of shape (n, obs_dim).

    Attributes:
        method: batch: the graph takes many rows; rewritten: its batch axis was rewritten;
            loop: one row after another.
        reason: Why it is a loop; '' if it is none.
    """

    def __init__(self, policy: LoadedPolicy) -> None:
        """Open the networks of a policy again, with separate buffers.

        Args:
            policy: Stays as it is.

        Raises:
            ModelError: If its files have changed.
        """
        opened = open_session(policy.path)
        self._session = open_policy(policy.path, *opened, policy.spec)
        self._chain: _Chain | None = None
        self.method: Method = 'loop'
        self.reason = 'the network is recurrent' if policy.spec.state else ''
        if self.reason:
            return
        try:
            self._chain, self.method = _open_chain(policy, opened)
            self.reason = _difference(self._chain, self._session)
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
        if self._chain is not None:
            return self._chain.run(observation)
        return _run_rows(self._session, observation, starts)

    def step(self, observation: Float32Array, is_start: bool = False) -> Float32Array:
        """Run one row as the robot does; see run.

        Args:
            observation: Shape (obs_dim,). The output of the encoder is written into it.
            is_start: Whether the recurrent state is reset first.

        Returns:
            The action, valid until the next step, shape (act_dim,).
        """
        return _run_row(self._session, observation, is_start)


class _FixedBatch(Exception):  # noqa: N818 - a reason to loop, no error
    """A tensor whose batch axis cannot become free."""


class _Chain:
    """The networks of a policy in turn."""

    def __init__(self, spec: PolicySpec, encoder: Opened | None, policy: Opened) -> None:
        ends = np.cumsum([0, *(spec.input_dim(entry) for entry in spec.inputs)]).tolist()
        columns: dict[str, list[_Columns]] = {'encoder': [], 'policy': []}
        for entry, begin, end in zip(spec.inputs, ends[:-1], ends[1:], strict=True):
            graph = policy.graph if entry.network == 'policy' or encoder is None else encoder.graph
            name = _tensor(graph.inputs, entry.name).name
            columns[entry.network].append(_Columns(name, slice(begin, end)))
        action = _tensor(policy.graph.outputs, spec.outputs.action.name).name
        self._act_dim = spec.act_dim
        self._policy = _BatchNetwork(policy, columns['policy'], _Columns(action, slice(None)))
        self._encoder: _BatchNetwork | None = None
        if encoder is not None and spec.encoder is not None:
            latent = slice(*spec.latent_range)
            name = _tensor(encoder.graph.outputs, spec.encoder.output).name
            output = _Columns(name, latent)
            self._encoder = _BatchNetwork(encoder, columns['encoder'], output)

    def run(self, observation: Float32Array) -> Float32Array:
        """Return the actions; write the latents."""
        action = np.empty((len(observation), self._act_dim), np.float32)
        for begin in range(0, len(observation), _ROWS):
            rows = observation[begin : begin + _ROWS]
            if self._encoder is not None:
                self._encoder.run(rows, rows)
            self._policy.run(rows, action[begin : begin + _ROWS])
        return action


class _Columns(NamedTuple):
    """A tensor, and the columns that it reads or writes."""

    name: str
    columns: slice


class _BatchNetwork:
    """One network for some rows."""

    def __init__(self, opened: Opened, inputs: Sequence[_Columns], output: _Columns) -> None:
        self._session = opened.session
        self._inputs = inputs
        self._output = output

    def run(self, rows: Float32Array, out: Float32Array) -> None:
        """Read columns of rows, write columns of out; both have n rows."""
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
        self._session.run_with_iobinding(binding)
        out[:, self._output.columns] = result


def _open_chain(policy: LoadedPolicy, opened: Opened) -> tuple[_Chain, Method]:
    """Open networks with a free batch axis.

    Raises:
        _FixedBatch: If a tensor has no batch axis.
        ModelError: If a rewritten graph cannot be loaded.
        ImportError: If a graph would have to be rewritten, and onnx is not installed.
    """
    spec = policy.spec
    main, is_rewritten = _with_free_batch(policy.path, opened)
    encoder = find_encoder(policy.path, opened.graph.metadata, spec)
    first = None
    if encoder is not None:
        first, is_other = _with_free_batch(encoder, open_session(encoder))
        is_rewritten |= is_other
    return _Chain(spec, first, main), 'rewritten' if is_rewritten else 'batch'


def _with_free_batch(model: Path | bytes, opened: Opened) -> tuple[Opened, bool]:
    """Return a network for many rows, and whether its graph was rewritten."""
    tensors = (*opened.graph.inputs, *opened.graph.outputs)
    fixed = [info.name for info in tensors if _is_fixed(info)]
    if not fixed:
        return opened, False
    from .batch_axis import with_batch_axis  # needs onnx

    return open_session(with_batch_axis(model, fixed)), True


def _is_fixed(info: TensorInfo) -> bool:
    """Whether a tensor has exactly one row.

    Raises:
        _FixedBatch: If it has no batch axis.
    """
    if len(info.shape) != 2:
        raise _FixedBatch(f'tensor {info.name!r} has shape {list(info.shape)}, no batch axis')
    return isinstance(info.shape[0], int)


def _tensor(infos: Sequence[TensorInfo], name: str | int) -> TensorInfo:
    """Find a tensor that PolicySession has found before."""
    if isinstance(name, int):
        return infos[name]
    return next(info for info in infos if info.name == name)


def _difference(chain: _Chain, session: PolicySession) -> str:
    """Return how many rows at once differ from one after another on sample rows; '' if not."""
    rng = np.random.default_rng(0)
    rows = rng.normal(0.0, 1.0, (_SAMPLES, session.observation.size)).astype(np.float32)
    expected_rows, found_rows = rows.copy(), rows.copy()
    expected = _run_rows(session, expected_rows, None)
    found = chain.run(found_rows)
    session.reset()
    for one, many in ((expected, found), (expected_rows, found_rows)):
        allowed = TOLERANCE * max(1.0, float(np.abs(one).max()))
        difference = float(np.abs(one - many).max())
        if not difference <= allowed:
            return f'many rows at once differ by {difference:.2g} from one after another'
    return ''


def _run_rows(
    session: PolicySession, observation: Float32Array, starts: BoolArray | None
) -> Float32Array:
    """Run one row after another; write the latents."""
    action = np.empty((len(observation), session.action.size), np.float32)
    resets = [False] * len(observation) if starts is None else starts.tolist()
    for row, is_start in enumerate(resets):
        action[row] = _run_row(session, observation[row], is_start)
    return action


def _run_row(session: PolicySession, observation: Float32Array, is_start: bool) -> Float32Array:
    if is_start:
        session.reset()
    session.observation[:] = observation
    session.run()
    observation[:] = session.observation
    return session.action
