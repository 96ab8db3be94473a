# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Read YAML and JSON files strictly: plain values, no tags, no duplicate keys, limited size.

Aliases are counted before anything is built: a few lines can expand to gigabytes for code that
walks the result.
"""

from __future__ import annotations

from collections.abc import Hashable
import json
from pathlib import Path
from typing import Any, NoReturn, TYPE_CHECKING

from distill_runtime.errors import ConfigError
import yaml

from .mapping import shown


def confined(path: Path, root: Path | None, what: str = 'file') -> Path:
    """Return the path to read a file from; with a root, the path with all links resolved.

    The path that is checked is the one that is opened: changing a link in between has no effect.

    Args:
        path: The file; it need not exist.
        root: Folder that must contain it, links resolved; None: no restriction.
        what: What it is, for messages.

    Raises:
        ConfigError: If it is outside, or is not a valid path.
    """
    if root is None:
        return path
    try:
        folder, resolved = root.expanduser().resolve(), path.expanduser().resolve()
    except (OSError, ValueError, RuntimeError) as error:
        raise ConfigError(f'{what} {path} is not a path that can be resolved: {error}') from error
    if folder not in resolved.parents:
        raise ConfigError(
            f'{what} {path} is outside model_root, expected it below {folder}'
            + ('' if resolved == path else f': it is {resolved}')
        )
    return resolved


MAX_ALIASES = 1000
MAX_VALUES = 1_000_000
"""Values of a file, with every alias expanded."""


def _check_aliases(text: str | bytes, loader: type[yaml.SafeLoader]) -> None:
    """Refuse too many aliases, too many expanded values, and an alias inside its anchor."""
    aliases = 0
    sizes: dict[str, int] = {}
    open_nodes: list[tuple[str | None, int]] = []  # anchor, values before it
    values = 0
    for event in yaml.parse(text, loader):
        if isinstance(event, yaml.AliasEvent):
            aliases += 1
            if aliases > MAX_ALIASES:
                raise ConfigError(f'it has more than {MAX_ALIASES} aliases, expected fewer')
            if event.anchor in [anchor for anchor, _ in open_nodes]:
                raise ConfigError(f'alias {event.anchor!r} is inside the anchor that it refers to')
            values += sizes.get(event.anchor or '', 0)
        elif isinstance(event, yaml.NodeEvent):
            if isinstance(event, yaml.CollectionStartEvent):
                open_nodes.append((event.anchor, values))
            elif event.anchor:
                sizes[event.anchor] = 1
            values += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            anchor, before = open_nodes.pop()
            if anchor:
                sizes[anchor] = values - before
        if values > MAX_VALUES:
            raise ConfigError(f'it has more than {MAX_VALUES} values with its aliases')


if TYPE_CHECKING:
    from yaml import SafeLoader as _Base
else:
    _Base = getattr(yaml, 'CSafeLoader', yaml.SafeLoader)

MAX_BYTES = 4 * 2**20


class StrictLoader(_Base):
    """A safe loader that refuses duplicate keys."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        """Refuse duplicate keys, then build the mapping."""
        seen = set()
        for key_node, _ in node.value:
            key = (key_node.tag, str(key_node.value))
            if key in seen:
                mark = key_node.start_mark
                raise ConfigError(
                    f'{key_node.value} is a duplicate key, again in line {mark.line + 1}, '
                    'expected once'
                )
            seen.add(key)
        return super().construct_mapping(node, deep)


def read_yaml(path: Path) -> object:
    """Read one YAML document from a file.

    Raises:
        ConfigError: If the file is unreadable, larger than 4 MiB, not YAML, or has a tag or a
            duplicate key.
    """
    return parse_yaml(read_bytes(path, MAX_BYTES), str(path))


def parse_yaml(text: str | bytes, where: str, loader: type[StrictLoader] = StrictLoader) -> object:
    """Read one YAML document; where names it in messages.

    A dialect with a special tag passes a loader that has a constructor for exactly that tag.

    Raises:
        ConfigError: If the text is not YAML, or has a tag, a duplicate key or too many aliases.
    """
    try:
        if (b'*' in text) if isinstance(text, bytes) else ('*' in text):
            _check_aliases(text, loader)
        return yaml.load(text, loader)
    except ConfigError as error:
        raise ConfigError(f'{where}: {error}') from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        reason = ' '.join(str(error).split())
        raise ConfigError(f'{where} is not plain YAML: {reason}') from error


def read_bytes(path: Path, limit: int) -> bytes:
    """Read a file that must not be larger than a limit, in [byte].

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


class _Loader(StrictLoader):
    """Reads the one Python tag that foreign files contain, a full slice, as None."""


def _full_slice(loader: _Loader, node: yaml.Node) -> None:
    """Refuse a slice that is not full."""
    bounds = loader.construct_sequence(node) if isinstance(node, yaml.SequenceNode) else node.value
    if bounds != [None, None, None]:
        raise ConfigError(f'slice is {shown(bounds)}, expected [null, null, null], all elements')


_Loader.add_constructor('tag:yaml.org,2002:python/object/apply:builtins.slice', _full_slice)


def read_foreign(path: Path, root: Path | None = None) -> object:
    """Read a JSON file, by its suffix, or a YAML file; with a root, only a file below it.

    Raises:
        ConfigError: If the file is outside the root, unreadable, too large, or holds other than
            plain values.
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
    raise ValueError(f'{name} is not JSON')
