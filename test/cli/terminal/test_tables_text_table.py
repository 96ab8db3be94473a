# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from distill_runtime.cli.terminal.tables import table_lines


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


def test_column_that_is_empty_in_all_rows_is_left_out():
    assert table_lines(('a', 'b', 'c'), [('1', '', '3')], 80) == ['a  c', '1  3']
    assert table_lines(('a',), [], 80) == []
