# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Finds the classes of a package that have all members of a protocol, without importing them."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path


def implementations(package: Path, protocol: type) -> set[str]:
    """Return the names of the classes that have all that a protocol has.

    Args:
        package: Folder of the sources.
        protocol: Its own members count, not those of typing.Protocol.
    """
    wanted = {name for name in vars(protocol) if not name.startswith('_')}
    classes = dict(_classes(package))
    return {
        name
        for name in classes
        if name != protocol.__name__ and wanted <= _all_members(name, classes)
    }


def _classes(package: Path) -> Iterator[tuple[str, ast.ClassDef]]:
    for path in sorted(package.rglob('*.py')):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ClassDef):
                yield node.name, node


def _all_members(name: str, classes: dict[str, ast.ClassDef]) -> set[str]:
    """Return the members of a class and of those that it is derived from."""
    members = set(_members(classes[name]))
    for base in classes[name].bases:
        base_name = ast.unparse(base).rpartition('.')[2]
        if base_name in classes and base_name != name:
            members |= _all_members(base_name, classes)
    return members


def _members(node: ast.ClassDef) -> Iterator[str]:
    """Yield methods, properties and fields, and what methods set on self."""
    for entry in node.body:
        if isinstance(entry, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield entry.name
            attributes = (inner for inner in ast.walk(entry) if isinstance(inner, ast.Attribute))
            for attribute in attributes:
                is_set = isinstance(attribute.ctx, ast.Store)
                if is_set and ast.unparse(attribute.value) == 'self':
                    yield attribute.attr
        elif isinstance(entry, (ast.Assign, ast.AnnAssign)):
            targets = entry.targets if isinstance(entry, ast.Assign) else [entry.target]
            yield from (target.id for target in targets if isinstance(target, ast.Name))
