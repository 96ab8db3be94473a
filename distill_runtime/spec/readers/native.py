# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Native spec: YAML or JSON files, and the metadata of a packed model."""

from __future__ import annotations

from collections.abc import Mapping
import json
from pathlib import Path

from distill_runtime.errors import ConfigError
from distill_runtime.spec.sources import SpecSource

SPEC_KEY = 'distill_runtime.spec'
GOLDEN_KEY = 'distill_runtime.golden'

NATIVE_SUFFIXES = ('.spec.yaml', '.spec.json')


def read_native(values: object, path: Path) -> SpecSource:
    """Return the content of a spec file as a source."""
    if not isinstance(values, Mapping):
        raise ConfigError(f'{path} holds {type(values).__name__}, expected the mapping of a spec')
    return SpecSource(name=str(path), values=values)


def read_embedded(metadata: Mapping[str, str], model: str) -> list[SpecSource]:
    """Return the spec and golden vectors in the metadata of a packed model; empty if none."""
    values: dict[str, object] = {}
    for key, field in ((SPEC_KEY, ''), (GOLDEN_KEY, 'golden')):
        if key not in metadata:
            continue
        try:
            content = json.loads(metadata[key])
        except (ValueError, RecursionError) as error:
            raise ConfigError(f'{model}: metadata {key!r} is not JSON: {error}') from error
        if not isinstance(content, Mapping):
            raise ConfigError(
                f'{model}: metadata {key!r} holds {type(content).__name__}, expected a mapping'
            )
        values.update({field: content} if field else content)
    return [SpecSource(name=f'{model}:{SPEC_KEY}', values=values)] if values else []
