# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import io
import sys

from distill_runtime.cli.terminal.progress import open_progress
import pytest


class Terminal(io.StringIO):
    def isatty(self):
        return True


def terminal(monkeypatch):
    """Let standard error be a terminal: pytest sets it anew for the test, after its fixtures."""
    found = Terminal()
    monkeypatch.setenv('TERM', 'xterm')
    monkeypatch.setattr(sys, 'stderr', found)
    return found


def use():
    with open_progress() as progress:
        progress.stage('reading walk')
        progress(1, 4)
        progress(4, 4)


def test_bar_is_drawn_in_a_terminal_and_gone_in_the_end(monkeypatch):
    pytest.importorskip('rich', reason='no rich here')
    screen = terminal(monkeypatch)
    use()
    text = screen.getvalue()
    assert 'reading walk' in text
    assert '100%' in text
    assert text.rstrip('\n').endswith('\x1b[2K')  # the line is erased


def test_nothing_is_written_where_standard_error_is_no_terminal(capsys):
    use()
    assert capsys.readouterr() == ('', '')


def test_nothing_is_written_without_rich(monkeypatch):
    screen = terminal(monkeypatch)
    monkeypatch.setitem(sys.modules, 'distill_runtime.cli.terminal.progress_bar', None)
    use()
    assert screen.getvalue() == ''
