# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Reading of YAML files: plain values only, no tags, and no key twice."""

from __future__ import annotations

from collections.abc import Hashable
from pathlib import Path
from typing import Any, TYPE_CHECKING

from distill_runtime.errors import ConfigError
import yaml

from .yaml_aliases import check_aliases

if TYPE_CHECKING:
    from yaml import SafeLoader as _Base
else:
    _Base = getattr(yaml, 'CSafeLoader', yaml.SafeLoader)

MAX_BYTES = 4 * 2**20


class StrictLoader(_Base):
    """A safe loader that refuses a key that stands twice in one mapping."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        """Refuse doubled keys, then build the mapping."""
        seen = set()
        for key_node, _ in node.value:
            key = (key_node.tag, str(key_node.value))
            if key in seen:
                mark = key_node.start_mark
                raise ConfigError(
                    f'{key_node.value} stands twice, again in line {mark.line + 1}, expected once'
                )
            seen.add(key)
        return super().construct_mapping(node, deep)


def read_yaml(path: Path) -> object:
    """Read one YAML document from a file.

    Raises:
        ConfigError: If the file is unreadable, larger than 4 MiB, not YAML, has a tag or a key
            that stands twice.
    """
    return parse_yaml(read_bytes(path, MAX_BYTES), str(path))


def parse_yaml(text: str | bytes, where: str, loader: type[StrictLoader] = StrictLoader) -> object:
    """Read one YAML document; where names it in messages.

    A dialect with a tag of its own passes a loader that has a constructor for exactly that tag.

    Raises:
        ConfigError: If the text is not YAML, has a tag, a key that stands twice, or too many
            aliases.
    """
    try:
        if (b'*' in text) if isinstance(text, bytes) else ('*' in text):
            check_aliases(text, loader)
        return yaml.load(text, loader)
    except ConfigError as error:
        raise ConfigError(f'{where}: {error}') from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        reason = ' '.join(str(error).split())
        raise ConfigError(f'{where} is not plain YAML: {reason}') from error


def read_bytes(path: Path, limit: int) -> bytes:
    """Read a file that must not be larger than a limit.

    Args:
        path: File to read.
        limit: Largest size, in [byte].

    Raises:
        ConfigError: If the file is unreadable or too large.
    """
    try:
        with path.open('rb') as file:
            content = file.read(limit + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, 'strerror', None) or error
        raise ConfigError(f'{path} cannot be read: {reason}') from error
    if len(content) > limit:
        raise ConfigError(f'{path} is larger than {limit} bytes, expected a text file below that')
    return content
