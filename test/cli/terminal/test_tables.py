# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from distill_runtime.cli.terminal.tables import bounds_text, clip_text, number_range, table_lines
import pytest


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


def test_columns_are_as_wide_as_their_content():
    lines = table_lines(('a', 'number'), [('long cell', '7'), ('b', '12')], 80, {'number'})
    assert lines == [
        'a          number',
        'long cell       7',
        'b              12',
    ]


def test_last_column_is_wrapped_under_itself():
    lines = table_lines(('a', 'text'), [('x', 'five words of some length')], 23)
    assert lines == ['a  text', 'x  five words of some', '   length']


def test_column_that_is_empty_in_all_rows_is_omitted():
    assert table_lines(('a', 'b', 'c'), [('1', '', '3')], 80) == ['a  c', '1  3']
    assert table_lines(('a',), [], 80) == []
