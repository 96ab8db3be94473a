# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""What the commands share: tables, pages, progress, output files, hints at missing libraries."""

from __future__ import annotations

import io
import json
import sys
from xml.etree import ElementTree as ET

from distill_runtime.cli.terminal.extras import of_extra
from distill_runtime.cli.terminal.junit import junit_xml, Suite
from distill_runtime.cli.terminal.output import write_json, write_text
from distill_runtime.cli.terminal.page import (
    findings_sections,
    print_page,
    Section,
    styled,
    styled_rows,
    STYLES,
)
from distill_runtime.cli.terminal.progress import open_progress
from distill_runtime.cli.terminal.tables import bounds_text, clip_text, number_range, table_lines
from distill_runtime.errors import ConfigError, MissingExtraError
from distill_runtime.policy.model_file.model_files import write_file
from distill_runtime.spec.findings.finding import Finding
import pytest


def test_failed_import_names_the_extra_and_other_errors_are_unchanged():
    expected = (
        r'^no_such_module is not installed: install it with: '
        r'pip install "distill_runtime\[bags\]"$'
    )
    with pytest.raises(MissingExtraError, match=expected), of_extra('bags'):
        import no_such_module  # noqa: F401
    with pytest.raises(ConfigError, match=r'^wrong$'), of_extra('bags'):
        raise ConfigError('wrong')


def test_junit_has_cases_failures_properties_and_counts_without_forbidden_characters():
    bad, good = ('a', 'b\x00', 'is <wrong>\x1b'), ('a', 'c', '')
    text = junit_xml([Suite('one', [bad, good], {'model': 'x'}), Suite('two', [bad], {})])
    root = ET.fromstring(text)
    assert (root.get('tests'), root.get('failures')) == ('3', '2')
    assert [(suite.get('name'), suite.get('tests'), suite.get('failures')) for suite in root] == [
        ('one', '2', '1'),
        ('two', '1', '1'),
    ]
    first, second, _ = root.iter('testcase')
    assert (first.get('name'), second.find('failure')) == ('b\ufffd', None)
    assert first.find('failure').get('message') == 'is <wrong>\ufffd'
    assert next(root.iter('property')).get('value') == 'x'


def test_file_is_replaced_atomically(tmp_path):
    path = tmp_path / 'out.txt'
    path.write_text('old')
    write_text(path, '--out', 'new é')
    assert path.read_text(encoding='utf-8') == 'new é'
    assert [entry.name for entry in tmp_path.iterdir()] == ['out.txt']


@pytest.mark.parametrize(
    ('failure', 'error', 'message'),
    [
        (OSError(28, 'No space left'), ConfigError, '--out .*out.txt cannot be written: No space'),
        (KeyboardInterrupt(), KeyboardInterrupt, ''),
    ],
)
def test_failure_leaves_the_old_file_and_nothing_else(tmp_path, failure, error, message):
    path = tmp_path / 'out.txt'
    path.write_text('old')

    def fail(file):
        file.write(b'half')
        raise failure

    with pytest.raises(error, match=message):
        write_file(path, fail, '--out')
    assert path.read_text() == 'old'
    assert [entry.name for entry in tmp_path.iterdir()] == ['out.txt']


def test_values_that_json_lacks_become_null_or_text(capsys):
    values = (float('nan'), -float('inf'), 1.5, True, None, b'x')
    write_json('-', {'values': values, 1: {'a': [2]}})
    assert json.loads(capsys.readouterr().out) == {
        'values': [None, '-inf', 1.5, True, None, "b'x'"],
        '1': {'a': [2]},
    }


def finding(severity, code='a.b'):
    return Finding(code=code, severity=severity, message='what is ' * 9, hint='what to do')


def test_page_is_printed_without_markup_and_wrapping(capsys):
    lines = ['[red]not markup[/red] ' + 'x' * 200, ' indented']
    more = [styled('bad', 'error'), 'hint']
    print_page([Section(title='first', lines=lines), Section(title='second', lines=more)])
    assert capsys.readouterr().out.splitlines() == ['first', *lines, '', 'second', 'bad', 'hint']


def test_worst_findings_come_first_and_have_hints(monkeypatch):
    monkeypatch.setenv('COLUMNS', '40')
    found = [finding('info'), finding('error', 'x.y'), finding('info')]
    errors, notes, verdict = findings_sections(found, 'valid', 'NOT valid')
    assert (errors.title, notes.title, verdict.title) == ('errors', 'good to know', 'verdict')
    *message, hint = errors.lines
    assert message[0].plain.startswith('x.y: what is')
    assert {line.style for line in message} == {STYLES['error']}
    assert hint == '  -> what to do'
    assert max(map(len, errors.lines)) <= 40
    assert verdict.lines == [styled('NOT valid (errors: 1, warnings: 0, notes: 2)', 'error')]


def test_no_findings_give_the_verdict_alone():
    (verdict,) = findings_sections([], 'valid', 'NOT valid')
    assert verdict.lines == [styled('valid (errors: 0, warnings: 0, notes: 0)', 'good')]


def test_continued_line_of_a_table_has_the_style_of_its_row():
    lines = styled_rows(['a  one', '   two', 'b'], ['error', ''])
    assert [line.style for line in lines] == [STYLES['error'], STYLES['error'], '']


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.mark.parametrize('is_terminal', [True, False])
def test_bar_is_drawn_in_a_terminal_only_and_erased_at_the_end(is_terminal, monkeypatch):
    screen = Terminal() if is_terminal else io.StringIO()
    monkeypatch.setenv('TERM', 'xterm')
    monkeypatch.setattr(sys, 'stderr', screen)
    with open_progress() as progress:
        progress.prefix = '1 of 2: '
        progress.stage('reading walk')
        progress(1, 4)
        progress(4, 4)
    text = screen.getvalue()
    if not is_terminal:
        assert text == ''
        return
    assert '1 of 2: reading walk' in text
    assert '100%' in text
    assert text.rstrip('\n').endswith('\x1b[2K')  # the line is erased


@pytest.mark.parametrize(
    ('values', 'text'),
    [
        ([0.05], '0.05'),
        ([2.0, 2.0, 2.0], '2'),
        ([2.0, 2.0, 0.25], '2 2 0.25'),
        ([1.0, 2.0, 3.0, -4.0, 5.0], '-4 .. 5'),
    ],
)
def test_numbers(values, text):
    assert number_range(values) == text


@pytest.mark.parametrize(
    ('clip', 'text'),
    [
        (None, '-'),
        ((-100.0, 100.0), '-100 .. 100'),
        ((None, 1.0), '-inf .. 1'),
        (((-1.0, 1.0), (-2.0, None)), '-2 .. inf (by element)'),
    ],
)
def test_clip(clip, text):
    assert clip_text(clip) == text


def test_missing_bound_is_infinite():
    assert bounds_text(None, 0.52361) == '-inf .. 0.5236'


@pytest.mark.parametrize(
    ('headings', 'rows', 'right', 'lines'),
    [
        (
            ('a', 'number'),
            [('long cell', '7'), ('b', '12')],
            {'number'},
            ['a          number', 'long cell       7', 'b              12'],
        ),
        (
            ('a', 'text'),
            [('x', 'five words of some length')],
            (),
            ['a  text', 'x  five words of some', '   length'],
        ),
        (('a', 'b', 'c'), [('1', '', '3')], (), ['a  c', '1  3']),
        (('a',), [], (), []),
    ],
    ids=['widths', 'wrapped', 'empty column', 'empty'],
)
def test_table_is_laid_out(headings, rows, right, lines, monkeypatch):
    monkeypatch.setenv('COLUMNS', '23')
    assert table_lines(headings, rows, right) == lines
