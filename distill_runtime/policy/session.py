# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""A policy ready to run: network and optional encoder, bound to fixed buffers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
import contextlib
from pathlib import Path
import time
from typing import Literal, NamedTuple

from distill_runtime.core.arrays import Float32Array
from distill_runtime.core.step import Policy
from distill_runtime.errors import ConfigError, ModelError
from distill_runtime.policy.model_file.model_files import inspect_model
from distill_runtime.spec.spec import PolicySpec
import numpy as np
import onnxruntime

from .golden import clear
from .network import CPU_PROVIDER, Graph, Network, TensorInfo

Provider = Literal['cpu', 'cuda', 'tensorrt']
_PROVIDERS = {
    'cpu': CPU_PROVIDER,
    'cuda': 'CUDAExecutionProvider',
    'tensorrt': 'TensorrtExecutionProvider',
}


class Opened(NamedTuple):
    """A loaded network."""

    session: onnxruntime.InferenceSession
    graph: Graph


def open_session(model: Path | bytes, provider: str = 'cpu') -> Opened:
    """Load a network for single-threaded inference.

    One thread: with more, the worst case of a small network is a hundred times its median.

    Args:
        model: File or its content; a file may have external data in its folder.
        provider: cpu, cuda or tensorrt.

    Raises:
        ConfigError: If the provider is unknown or not in this onnxruntime; it is never replaced.
        ModelError: If the model cannot be loaded, or is refused by inspect_model.
    """
    if provider not in _PROVIDERS:
        raise ConfigError(f'provider is {provider!r}, expected one of {sorted(_PROVIDERS)}')
    wanted = _PROVIDERS[provider]
    if wanted not in onnxruntime.get_available_providers():
        raise ConfigError(
            f'provider {provider!r} is not in this onnxruntime, which has '
            f'{onnxruntime.get_available_providers()}: install the build that has it'
        )
    inspect_model(model)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 4
    source = model if isinstance(model, bytes) else str(model)
    try:
        session = onnxruntime.InferenceSession(
            source, options, providers=[wanted], enable_fallback=0
        )
        graph = Graph(
            inputs=_infos(session.get_inputs()),
            outputs=_infos(session.get_outputs()),
            metadata=dict(session.get_modelmeta().custom_metadata_map),
        )
    except Exception as error:
        what = 'model' if isinstance(model, bytes) else str(model)
        raise ModelError(f'{what} cannot be loaded as ONNX: {_first_line(error)}') from error
    if session.get_providers()[0] != wanted:
        raise ConfigError(
            f'provider {provider!r} did not start, onnxruntime fell back to '
            f'{session.get_providers()}'
        )
    return Opened(session, graph)


def _infos(nodes: Sequence[onnxruntime.NodeArg]) -> tuple[TensorInfo, ...]:
    return tuple(
        TensorInfo(name=node.name, dtype=node.type, shape=tuple(node.shape)) for node in nodes
    )


def _first_line(error: Exception) -> str:
    lines = str(error).splitlines()
    return lines[0] if lines else type(error).__name__


class PolicySession:
    """A policy with its buffers; see core.step.Policy."""

    def __init__(
        self,
        session: onnxruntime.InferenceSession,
        graph: Graph,
        spec: PolicySpec,
        encoder: Opened | None = None,
        taps: Sequence[str] = (),
    ) -> None:
        """Bind every tensor that the spec names.

        Args:
            session: The policy's network.
            graph: Its graph.
            spec: Names the tensors.
            encoder: The network that runs before it, if the spec has one.
            taps: More outputs of the graph, to be read by tapped.

        Raises:
            ModelError: If a tensor is missing, unbound, or of another type or size.
        """
        self._policy = Network(session, graph)
        self._encoder = None if encoder is None else Network(*encoder)
        if (encoder is None) != (spec.encoder is None):
            raise ModelError(
                f'encoder of the spec is {spec.encoder and spec.encoder.model!r}, expected a '
                'network for it and none without it'
            )
        self.observation: Float32Array = np.zeros(
            sum(spec.input_dim(entry) for entry in spec.inputs), dtype=np.float32
        )
        self.action: Float32Array = np.zeros(spec.act_dim, dtype=np.float32)
        self._kept_action = self.action.copy()
        self.inputs = tuple(self._bind_inputs(spec))
        self._policy.bind_output(
            spec.outputs.action.name,
            self.action,
            'outputs.action.name',
            'one per action of the spec',
        )
        for index, entry in enumerate(spec.state):
            self._policy.bind_state(entry, f'state[{index}]')
        self._policy.refuse_unbound_inputs('each under inputs or state')
        for name in taps:
            self._policy.bind_tap(name)
        if self._encoder is not None and spec.encoder is not None:
            start, end = spec.latent_range
            self._encoder.bind_output(
                spec.encoder.output,
                self.observation[start:end],
                'encoder.output',
                'the width of the term latent',
            )
            self._encoder.refuse_unbound_inputs('each under inputs with network: encoder')

    def run(self) -> None:
        """Compute the action and carry the recurrent state."""
        if self._encoder is not None:
            self._encoder.run()
        self._policy.run()

    def tapped(self) -> dict[str, Float32Array]:
        """Return the tapped tensors of the last run by name, each flattened."""
        return self._policy.tapped()

    def warm_up(self) -> None:
        """Run the networks without any effect, to refill the caches after a pause.

        The inputs are those of the last run; action and recurrent state are kept.
        """
        self._kept_action[:] = self.action
        with contextlib.suppress(RuntimeError):  # the next run reports it
            if self._encoder is not None:
                self._encoder.compute()
            self._policy.compute()
        self.action[:] = self._kept_action

    def smoke_test(self) -> None:
        """Run once on zeros, and reset: symbolic shapes in the graph can hide a mismatch.

        Raises:
            ModelError: If the network does not run on the buffers of the spec.
        """
        clear(self)
        try:
            self.run()
        except RuntimeError as error:
            raise ModelError(
                f'network does not run on {self.observation.size} observations and '
                f'{self.action.size} actions: {" ".join(str(error).split())}'
            ) from error
        clear(self)

    def reset(self) -> None:
        """Set the recurrent state to its initial elements."""
        self._policy.reset()

    def _bind_inputs(self, spec: PolicySpec) -> Iterator[Float32Array]:
        start = 0
        for index, entry in enumerate(spec.inputs):
            dim = spec.input_dim(entry)
            view = self.observation[start : start + dim]
            start += dim
            network = self._encoder if entry.network == 'encoder' else self._policy
            assert network is not None, 'check_encoder refuses encoder inputs without an encoder'
            network.bind_input(entry.name, view, f'inputs[{index}].name', _terms(spec, index))
            yield view


def _terms(spec: PolicySpec, index: int) -> str:
    """Describe the width of an input, term by term."""
    entry = spec.inputs[index]
    parts = ' + '.join(
        f'{term.kind} {term.dim(spec)}'
        + (f' x {len(entry.lags(term))}' if len(entry.lags(term)) > 1 else '')
        for term in entry.terms
    )
    return f'the sum of inputs[{index}].terms: {parts}'


_SHARE = 0.05


class TimedPolicy:
    """A policy that measures the duration of its runs; see core.step.Policy.

    Attributes:
        mean_ns: Running mean of the time that a run takes; 0 before the first.
    """

    def __init__(self, policy: Policy) -> None:
        """Wrap a policy."""
        self._policy = policy
        self.observation: Float32Array = policy.observation
        self.inputs: Sequence[Float32Array] = policy.inputs
        self.action: Float32Array = policy.action
        self.reset = policy.reset
        self.mean_ns = 0.0

    def run(self) -> None:
        """Compute the action from the inputs, and carry the recurrent state."""
        start_ns = time.perf_counter_ns()
        self._policy.run()
        share = _SHARE if self.mean_ns else 1.0
        self.mean_ns += share * (time.perf_counter_ns() - start_ns - self.mean_ns)
