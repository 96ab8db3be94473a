# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import sys

from distill_runtime.cli.terminal.page import page_width, print_page, Section

PAGE = [
    Section(title='first', lines=['[red]not markup[/red] ' + 'x' * 200, ' indented']),
    Section(title='second', lines=['bad', 'hint'], styles=['error', '']),
]


def test_text_is_the_same_with_and_without_rich(capsys, monkeypatch):
    print_page(PAGE)
    coloured = capsys.readouterr().out
    for module in ('rich', 'rich.console', 'rich.text'):
        monkeypatch.setitem(sys.modules, module, None)
    print_page(PAGE)
    plain = capsys.readouterr().out
    assert plain == coloured
    assert plain.splitlines()[:3] == ['first', *PAGE[0].lines]
    assert plain.splitlines()[3:] == ['', 'second', 'bad', 'hint']


def test_width_is_that_of_the_terminal(monkeypatch):
    monkeypatch.setenv('COLUMNS', '93')
    assert page_width() == 93
