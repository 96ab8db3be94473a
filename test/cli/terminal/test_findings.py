# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from distill_runtime.cli.terminal.findings import counts_text, findings_sections
from distill_runtime.spec.findings.finding import Finding


def finding(severity, code='a.b'):
    return Finding(code=code, severity=severity, message='what is ' * 9, hint='what to do')


def test_findings_that_are_worse_come_first_and_each_says_what_to_do():
    found = [finding('info'), finding('error', 'x.y')]
    errors, notes = findings_sections(found, 40)
    assert (errors.title, notes.title) == ('errors', 'good to know')
    assert errors.lines[0].startswith('x.y: what is')
    assert errors.lines[-1] == '  -> what to do'
    assert max(map(len, errors.lines)) <= 40
    assert errors.styles == [*['error'] * (len(errors.lines) - 1), '']


def test_nothing_found_is_no_section():
    assert list(findings_sections([], 80)) == []
    assert counts_text([]) == 'errors: 0, warnings: 0, notes: 0'


def test_findings_are_counted_by_severity():
    found = [finding('warning'), finding('error'), finding('warning')]
    assert counts_text(found) == 'errors: 1, warnings: 2, notes: 0'
