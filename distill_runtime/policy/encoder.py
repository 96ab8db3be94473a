# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Find the encoder of a policy: a file in the same folder, or metadata of a packed model."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from pathlib import Path

from distill_runtime.errors import ModelError
from distill_runtime.policy.model_file.model_files import inspect_model, model_files, path_beside
from distill_runtime.spec.spec import PolicySpec
import onnxruntime

from .network import Graph
from .session import open_session, PolicySession

ENCODER_KEY = 'distill_runtime.encoder'
"""Metadata key of a packed model with the encoder's file, in Base64."""


def open_policy(
    model: Path | bytes,
    session: onnxruntime.InferenceSession,
    graph: Graph,
    spec: PolicySpec,
    provider: str = 'cpu',
) -> PolicySession:
    """Open a policy with its encoder, if it has one.

    Args:
        model: File, or the content of a packed model.
        session: The policy's network.
        graph: Graph of the network.
        spec: Names the tensors and the encoder.
        provider: Execution provider of the encoder.

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
