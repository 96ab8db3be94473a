# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""docs/faults.md names every check with its defaults, and every reason code."""

from __future__ import annotations

import ast
from pathlib import Path
import re

from distill_runtime.core.checks.registry import CHECKS
import pytest

REPOSITORY = Path(__file__).resolve().parents[1]
PAGE = (REPOSITORY / 'docs' / 'faults.md').read_text()
SOURCES = [
    path
    for pattern in ('core/**/*.py', 'ros/**/*.py', 'wire/**/*.py')
    for path in sorted((REPOSITORY / 'distill_runtime').glob(pattern))
]


def string_value(node):
    """Return the text of a string, with ? for each placeholder; '' if the node is not a string."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return ''.join(
            part.value if isinstance(part, ast.Constant) else '?' for part in node.values
        )
    return ''


def codes_in(tree):
    """Yield the codes of a source: ``subject.what: text``, or ``what: text`` of a DecodeError."""
    for node in ast.walk(tree):
        text = string_value(node)
        found = re.match(r'([a-z_?]+)\.([a-z_]+): ', text)
        if found:
            yield found.group(1), found.group(2)
        if isinstance(node, ast.Call) and getattr(node.func, 'id', '') == 'DecodeError':
            found = re.match(r'([a-z_]+): ', string_value(node.args[0]))
            assert found, f'a DecodeError without a code: {string_value(node.args[0])}'
            yield '?', found.group(1)


CODES = sorted({code for path in SOURCES for code in codes_in(ast.parse(path.read_text()))})


def test_codes_are_found_in_the_sources():
    assert {('tilt', 'limit'), ('?', 'stale'), ('?', 'names'), ('deadline', 'missed')} <= set(
        CODES
    )


@pytest.mark.parametrize('code', CODES, ids='.'.join)
def test_page_names_every_code(code):
    subject, what = code
    subjects = '[A-Za-z_.]+' if subject == '?' else f'({subject}|TOPIC)'
    assert re.search(rf'`{subjects}\.{what}`', PAGE)


def row(name):
    """Return the row of a check."""
    check = CHECKS[name]
    limit = f'{check.default.limit:g} ({check.limit_text})' if check.limit_text else '-'
    debounce = f'{check.default.debounce:g}' if check.has_debounce else '-'
    return f'| `{name}` | {check.text} | {limit} | {debounce} |'


def test_page_has_the_table_of_checks():
    head = ['| NAME | finds | limit | debounce |', '|---|---|---|---|']
    assert '\n'.join([*head, *map(row, CHECKS)]) + '\n' in PAGE


def test_checks_use_the_fault_action_by_default():
    assert {check.default.action for check in CHECKS.values()} == {''}
