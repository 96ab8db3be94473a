# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Content of files that other programs wrote, as plain values."""

from __future__ import annotations

import json
from pathlib import Path
from typing import NoReturn

from distill_runtime.errors import ConfigError
import yaml

from .confinement import confined
from .mapping import shown
from .strict_yaml import MAX_BYTES, parse_yaml, read_bytes, StrictLoader


class _Loader(StrictLoader):
    """Reads the one Python tag that these files hold, a full slice, as None."""


def _full_slice(loader: _Loader, node: yaml.Node) -> None:
    """Refuse a slice that leaves out something."""
    bounds = loader.construct_sequence(node) if isinstance(node, yaml.SequenceNode) else node.value
    if bounds != [None, None, None]:
        raise ConfigError(f'slice is {shown(bounds)}, expected [null, null, null], all elements')


_Loader.add_constructor('tag:yaml.org,2002:python/object/apply:builtins.slice', _full_slice)


def read_foreign(path: Path, root: Path | None = None) -> object:
    """Read a JSON file, by its suffix, or a YAML file.

    Args:
        path: The file.
        root: Folder that it must lie in; None: anywhere.

    Raises:
        ConfigError: If the file lies elsewhere, is unreadable, too large, or holds what is no
            plain value.
    """
    return parse_foreign(read_bytes(confined(path, root), MAX_BYTES), path)


def parse_foreign(content: bytes, path: Path) -> object:
    """Read the content of a file, as read_foreign does; path gives its suffix and its name."""
    if path.suffix != '.json':
        return parse_yaml(content, str(path), _Loader)
    try:
        return json.loads(content, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise ConfigError(f'{path} is not JSON: {error}') from error


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f'{name} is no JSON')
