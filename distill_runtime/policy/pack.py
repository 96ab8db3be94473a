# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Pack a model into one self-contained file: graph, spec, golden vectors, provenance.

The provenance lists the files and the sources of the spec with their hashes, but no time and no
path: the same files give the same bytes on every machine.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping
from dataclasses import replace
import json
from pathlib import Path

from distill_runtime.errors import ConfigError, ModelError
from distill_runtime.policy.model_file.mjlab_keys import KEYS, mjlab_keys
from distill_runtime.policy.model_file.model_files import inspect_model, model_files, sha256_of
from distill_runtime.spec.mapping import to_mapping
from distill_runtime.spec.readers.native import GOLDEN_KEY, SPEC_KEY
from distill_runtime.spec.spec import PolicySpec
from distill_runtime.spec.tensors import Golden
import onnx

from .golden import replay_golden
from .model import encoder_files, ENCODER_KEY, find_encoder, LoadedPolicy, open_policy
from .session import open_session
from .signature import SIGNATURE_KEY
from .versions import versions

_PACKAGES = ('distill_runtime', 'numpy', 'onnx', 'onnxruntime')
PROVENANCE_KEY = 'distill_runtime.provenance'


def provenance_of(policy: LoadedPolicy) -> dict[str, object]:
    """Return the provenance of a loaded model.

    Args:
        policy: The model; the provenance of an earlier packing is kept under ``earlier``.

    Raises:
        ConfigError: If one of its files cannot be read, or the earlier provenance is damaged.
    """
    files = [
        *model_files(policy.path, inspect_model(policy.path)),
        *encoder_files(policy.path, policy.graph, policy.spec),
    ]
    sources = sorted(set(policy.sourced.sources.values()))
    result: dict[str, object] = {
        'versions': versions(*_PACKAGES),
        'model': [{'file': path.name, 'sha256': sha256_of([path])} for path in files],
        'spec': [
            {'file': path.name, 'sha256': sha256_of([path])} for path in _source_files(sources)
        ],
        'fields': {
            field: _without_folder(source) for field, source in policy.sourced.sources.items()
        },
    }
    earlier = read_provenance(policy.graph.metadata)
    return {**result, 'earlier': earlier} if earlier else result


def _source_files(sources: Iterable[str]) -> list[Path]:
    """Return the files among the sources of a spec."""
    found = (_file_of(source) for source in sources)
    return sorted({path for path in found if path is not None})


def _file_of(source: str) -> Path | None:
    """Return the file at the start of the name of a source; None if it is not a file."""
    for text in (source, source.partition(': ')[0]):
        path = Path(text)
        try:
            if path.is_file():
                return path
        except (OSError, ValueError):
            continue
    return None


def _without_folder(source: str) -> str:
    """Return the name of a source without the folder of its file."""
    path = _file_of(source)
    return source if path is None else path.name + source[len(str(path)) :]


def pack(
    model: bytes | Path,
    spec: PolicySpec,
    golden: Golden | None = None,
    provenance: Mapping[str, object] | None = None,
) -> bytes:
    """Embed spec, golden vectors and provenance in the metadata of a model.

    The graph is not changed. External weights and the encoder are embedded. Metadata of other
    programs is kept; that of an earlier packing is replaced, and its signatures are dropped:
    they do not cover this file. Metadata in mjlab's form is written from the spec and replaces
    what was there, so that both forms describe the same policy.

    Args:
        model: ONNX file, or its content.
        spec: Its spec; its golden vectors are used if none are given.
        golden: Recorded steps; they are replayed.
        provenance: Plain mappings, lists, strings and numbers.

    Returns:
        The packed file.

    Raises:
        ConfigError: If the file cannot be read, or the provenance is not JSON.
        ModelError: If it is not an ONNX model, does not fit the spec, or fails the golden steps.
    """
    golden = golden or spec.golden
    packed = _load(model)
    metadata = {entry.key: entry.value for entry in packed.metadata_props}
    encoder = find_encoder(model, metadata, spec)
    for key in (SPEC_KEY, GOLDEN_KEY, PROVENANCE_KEY, ENCODER_KEY, SIGNATURE_KEY, *KEYS):
        metadata.pop(key, None)
    metadata |= mjlab_keys(spec)
    metadata[SPEC_KEY] = _json(to_mapping(replace(spec, golden=None)), 'spec')
    if golden is not None:
        metadata[GOLDEN_KEY] = _json(to_mapping(golden), 'golden')
    if encoder is not None:
        content = _load(encoder).SerializeToString()
        metadata[ENCODER_KEY] = base64.b64encode(content).decode('ascii')
    if provenance is not None:
        metadata[PROVENANCE_KEY] = _json(provenance, 'provenance')
    del packed.metadata_props[:]
    for key, value in metadata.items():
        packed.metadata_props.add(key=key, value=value)
    result: bytes = packed.SerializeToString()
    _verify(result, spec, golden)
    return result


def read_provenance(metadata: Mapping[str, str]) -> dict[str, object]:
    """Return the provenance in a packed model; empty if there is none.

    Raises:
        ConfigError: If the entry is not a JSON mapping.
    """
    if PROVENANCE_KEY not in metadata:
        return {}
    try:
        content = json.loads(metadata[PROVENANCE_KEY])
    except (ValueError, RecursionError) as error:
        raise ConfigError(f'metadata {PROVENANCE_KEY!r} is not JSON: {error}') from error
    if not isinstance(content, dict):
        raise ConfigError(
            f'metadata {PROVENANCE_KEY!r} holds {type(content).__name__}, expected a mapping'
        )
    return content


def _load(model: bytes | Path) -> onnx.ModelProto:
    what = 'model' if isinstance(model, bytes) else str(model)
    inspect_model(model)
    try:
        if isinstance(model, bytes):
            return onnx.load_from_string(model)
        return onnx.load(what)
    except Exception as error:
        raise ModelError(f'{what} cannot be read as ONNX: {error}') from error


def _json(value: object, what: str) -> str:
    """Write JSON; floats keep all their digits."""
    try:
        return json.dumps(value, allow_nan=False, separators=(',', ':'))
    except (TypeError, ValueError) as error:
        raise ConfigError(f'{what} cannot be written as JSON: {error}') from error


def _verify(model: bytes, spec: PolicySpec, golden: Golden | None) -> None:
    """Refuse a model that would be refused at load."""
    session, graph = open_session(model)
    policy = open_policy(model, session, graph, spec)
    if golden is not None:
        replay_golden(policy, golden)
