# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Load a model file with its spec and its encoder, and check it."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass
import hashlib
from pathlib import Path

from distill_runtime.core.compiled_spec import CompiledSpec
from distill_runtime.core.config import RunnerConfig
from distill_runtime.core.runner import PolicyRunner
from distill_runtime.errors import ModelError
from distill_runtime.policy.model_file.model_files import (
    inspect_model,
    model_files,
    path_beside,
    sha256_of,
)
from distill_runtime.policy.model_file.onnx_facts import OnnxFacts
from distill_runtime.spec.compile import compile_spec, sensor_layout
from distill_runtime.spec.robots import load_robot
from distill_runtime.spec.sources import SourcedSpec
from distill_runtime.spec.spec import PolicySpec
import onnxruntime

from .find_spec import find_spec
from .golden import replay_golden
from .network import Graph
from .session import open_session, PolicySession
from .trust import ModelTrust, UNRESTRICTED

ENCODER_KEY = 'distill_runtime.encoder'
"""Metadata key of a packed model with the encoder's file, in Base64."""


@dataclass(frozen=True, kw_only=True)
class LoadedPolicy:
    """A model whose spec fits its graph and whose golden vectors are reproduced."""

    path: Path
    sha256: str
    """Of the model file, or of all its files concatenated."""
    graph: Graph
    sourced: SourcedSpec
    session: PolicySession
    golden_error: float | None
    """Largest difference to the golden vectors; None if there are none."""
    signer: str = ''
    """Trusted key that signed the file; '' if no signature is required."""

    @property
    def spec(self) -> PolicySpec:
        """The spec of the policy."""
        return self.sourced.spec

    def runner(
        self, config: RunnerConfig | None = None, robot_joints: tuple[str, ...] | None = None
    ) -> PolicyRunner:
        """Make the runner of this policy; only one, since the network has one set of buffers.

        Args:
            config: Options.
            robot_joints: Joint order of the sensors; None: the policy's.
        """
        layout = sensor_layout(self.spec, robot_joints)
        return PolicyRunner(
            compile_spec(self.spec, layout), self.session, config or RunnerConfig()
        )


@dataclass
class Loading:
    """How far the loading of a model got: what is known about a rejected one."""

    graph: Graph | None = None
    sourced: SourcedSpec | None = None
    compiled: CompiledSpec | None = None
    stage: str = 'spec.refused'
    """Finding code of a refusal now."""


def load_policy(
    model: Path | str,
    spec: Path | str | None = None,
    robot: str = '',
    provider: str = 'cpu',
    trust: ModelTrust = UNRESTRICTED,
    loading: Loading | None = None,
) -> LoadedPolicy:
    """Load a model with its spec; refuse it if anything does not fit.

    Args:
        model: ONNX file.
        spec: Spec file that overrides or completes the spec of the model.
        robot: Name of a robot profile, or path of a URDF; '' for none.
        provider: Execution provider: cpu, cuda or tensorrt.
        trust: Where its files may be, and which signature is required.
        loading: Updated at each stage.

    Raises:
        ConfigError: If the spec is invalid or incomplete, or a file is outside the root.
        ModelError: If the file is not a model, does not fit its spec, or lacks the signature.
    """
    loading = loading or Loading()
    path = trust.model(Path(model))
    user_spec = trust.spec(Path(spec) if spec else None)
    robot_source = trust.robot(robot)
    content, signer = trust.content(path)
    facts = inspect_model(content)
    description = load_robot(robot_source) if robot else None
    session, graph = open_session(content, provider)
    loading.graph = graph
    sourced = loading.sourced = find_spec(path, graph, user_spec, description, trust)
    loading.compiled = compile_spec(sourced.spec)
    loading.stage = 'graph.mismatch'
    try:
        policy = open_policy(content, session, graph, sourced.spec, provider)
        loading.stage = 'network.refused'
        policy.smoke_test()
        loading.stage = 'golden.mismatch'
        golden = sourced.spec.golden
        golden_error = replay_golden(policy, golden) if golden else None
    except ModelError as error:
        raise ModelError(f'{path}: {error}') from error
    return LoadedPolicy(
        path=path,
        sha256=_sha256(content, facts, graph, sourced.spec),
        graph=graph,
        sourced=sourced,
        session=policy,
        golden_error=golden_error,
        signer=signer,
    )


def _sha256(content: Path | bytes, facts: OnnxFacts, graph: Graph, spec: PolicySpec) -> str:
    """Return the hash of all files, or of the content of the only one."""
    if isinstance(content, bytes):
        return hashlib.sha256(content).hexdigest()
    return sha256_of([*model_files(content, facts), *encoder_files(content, graph, spec)])


def open_policy(
    model: Path | bytes,
    session: onnxruntime.InferenceSession,
    graph: Graph,
    spec: PolicySpec,
    provider: str = 'cpu',
) -> PolicySession:
    """Open a policy with its encoder, if it has one.

    Raises:
        ModelError: If the encoder is missing, or one of the networks does not fit the spec.
    """
    encoder = find_encoder(model, graph.metadata, spec)
    opened = None if encoder is None else open_session(encoder, provider)
    return PolicySession(session, graph, spec, opened)


def find_encoder(
    model: Path | bytes, metadata: Mapping[str, str], spec: PolicySpec
) -> Path | bytes | None:
    """Return the file or the content of the encoder; None if the spec has none.

    Raises:
        ModelError: If it is missing.
    """
    if spec.encoder is None:
        return None
    if ENCODER_KEY in metadata:
        try:
            return base64.b64decode(metadata[ENCODER_KEY], validate=True)
        except (binascii.Error, ValueError) as error:
            raise ModelError(f'metadata {ENCODER_KEY!r} is not Base64: {error}') from error
    if isinstance(model, bytes):
        raise ModelError(
            f'metadata {ENCODER_KEY!r} is missing, expected the encoder in it: pack the model '
            'from its file'
        )
    return path_beside(model, spec.encoder.model, 'its encoder')


def encoder_files(model: Path, graph: Graph, spec: PolicySpec) -> tuple[Path, ...]:
    """Return the files of an encoder in the folder of its policy; empty if there is none."""
    encoder = find_encoder(model, graph.metadata, spec)
    if not isinstance(encoder, Path):
        return ()
    return model_files(encoder, inspect_model(encoder))
