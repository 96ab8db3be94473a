# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Aliases of a YAML text, before anything is built from them: a few lines can stand for gigabytes.

The parser gives one object for all aliases of an anchor, which costs nothing; whoever walks
through the result, or merges keys, pays for each. So what they would walk through is counted.
"""

from __future__ import annotations

from distill_runtime.errors import ConfigError
import yaml

MAX_ALIASES = 1000
MAX_VALUES = 1_000_000
"""Values of a file, those behind aliases counted each time."""


def check_aliases(text: str | bytes, loader: type[yaml.SafeLoader]) -> None:
    """Refuse too many aliases, too many values behind them, and one inside of its own anchor.

    Args:
        text: A YAML document.
        loader: Its parser.

    Raises:
        ConfigError: If the text has such aliases.
        yaml.YAMLError: If it is no YAML.
    """
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
                raise ConfigError(f'alias {event.anchor!r} stands inside of what it names')
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
