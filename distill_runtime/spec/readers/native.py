# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Our own spec: YAML or JSON files, and the keys embedded in a packed model."""

from __future__ import annotations

from collections.abc import Mapping
import json
from pathlib import Path

from distill_runtime.errors import ConfigError
from distill_runtime.spec.sources import SpecSource

SPEC_KEY = 'distill_runtime.spec'
GOLDEN_KEY = 'distill_runtime.golden'


def read_native(values: object, path: Path) -> SpecSource:
    """Take the content of a spec file."""
    if not isinstance(values, Mapping):
        raise ConfigError(f'{path} holds {type(values).__name__}, expected the mapping of a spec')
    return SpecSource(name=str(path), values=values)


def read_embedded(metadata: Mapping[str, str], model: str) -> list[SpecSource]:
    """Take the spec and golden vectors that a packed model carries; none if it carries none."""
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
