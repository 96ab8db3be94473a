# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import io
import sys

from distill_runtime.cli.terminal.progress import open_progress


class Terminal(io.StringIO):
    def isatty(self):
        return True


def use():
    with open_progress() as progress:
        progress.prefix = '1 of 2: '
        progress.stage('reading walk')
        progress(1, 4)
        progress(4, 4)


def test_bar_is_drawn_in_a_terminal_and_erased_at_the_end(monkeypatch):
    screen = Terminal()  # pytest replaces stderr after its fixtures: not in a fixture
    monkeypatch.setenv('TERM', 'xterm')
    monkeypatch.setattr(sys, 'stderr', screen)
    use()
    text = screen.getvalue()
    assert '1 of 2: reading walk' in text
    assert '100%' in text
    assert text.rstrip('\n').endswith('\x1b[2K')  # the line is erased


def test_nothing_is_written_if_standard_error_is_not_a_terminal(capsys):
    use()
    assert capsys.readouterr() == ('', '')
