# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from distill_runtime.cli.terminal.page import (
    counts_text,
    findings_sections,
    page_width,
    print_page,
    Section,
)
from distill_runtime.spec.findings.finding import Finding

PAGE = [
    Section(title='first', lines=['[red]not markup[/red] ' + 'x' * 200, ' indented']),
    Section(title='second', lines=['bad', 'hint'], styles=['error', '']),
]


def finding(severity, code='a.b'):
    return Finding(code=code, severity=severity, message='what is ' * 9, hint='what to do')


def test_text_is_printed_without_markup_and_wrapping(capsys):
    print_page(PAGE)
    lines = capsys.readouterr().out.splitlines()
    assert lines == ['first', *PAGE[0].lines, '', 'second', 'bad', 'hint']


def test_width_is_that_of_the_terminal(monkeypatch):
    monkeypatch.setenv('COLUMNS', '93')
    assert page_width() == 93


def test_worst_findings_come_first_and_have_hints():
    found = [finding('info'), finding('error', 'x.y')]
    errors, notes = findings_sections(found, 40)
    assert (errors.title, notes.title) == ('errors', 'good to know')
    assert errors.lines[0].startswith('x.y: what is')
    assert errors.lines[-1] == '  -> what to do'
    assert max(map(len, errors.lines)) <= 40
    assert errors.styles == [*['error'] * (len(errors.lines) - 1), '']


def test_no_findings_give_no_section():
    assert list(findings_sections([], 80)) == []


def test_findings_are_counted_by_severity():
    found = [finding('warning'), finding('error'), finding('warning')]
    assert counts_text(found) == 'errors: 1, warnings: 2, notes: 0'
