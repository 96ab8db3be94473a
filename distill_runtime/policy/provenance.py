# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Where a packed model comes from: its files and the sources of its spec, each with its hash.

Nothing about time or place: the same files give the same bytes, on every machine.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from .artefact import inspect_model, model_files, sha256_of
from .encoder_file import encoder_files
from .model import LoadedPolicy
from .pack import read_provenance
from .versions import versions

_PACKAGES = ('distill_runtime', 'numpy', 'onnx', 'onnxruntime')


def provenance_of(policy: LoadedPolicy) -> dict[str, object]:
    """Return what is known of the origin of a loaded model.

    Args:
        policy: The model; what an earlier packing said of it is kept under ``earlier``.

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
    """Return the files that sources of a spec stand in."""
    found = (_file_of(source) for source in sources)
    return sorted({path for path in found if path is not None})


def _file_of(source: str) -> Path | None:
    """Return the file that the name of a source begins with; None: it is no file."""
    for text in (source, source.partition(': ')[0]):
        path = Path(text)
        try:
            if path.is_file():
                return path
        except (OSError, ValueError):
            continue
    return None


def _without_folder(source: str) -> str:
    """Name the file of a source without where it lay."""
    path = _file_of(source)
    return source if path is None else path.name + source[len(str(path)) :]
