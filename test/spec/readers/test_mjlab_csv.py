# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import math

from distill_runtime.errors import ConfigError
from distill_runtime.spec.readers.mjlab import CsvMetadata
import pytest


def csv(text):
    return CsvMetadata({'x': text})


def test_empty_text_is_no_value():
    assert 'x' in csv('1.000')
    assert 'x' not in csv(' ')
    assert 'y' not in csv('1.000')


@pytest.mark.parametrize('text', ['hip,knee', 'hip, knee', "['hip', 'knee']", '("hip", "knee")'])
def test_texts(text):
    assert csv(text).texts('x') == ['hip', 'knee']


def test_numbers():
    assert csv('0.100,-2.000,1e-3').numbers('x', 3) == [0.1, -2.0, 0.001]
    assert csv('[0.1, 2]').numbers('x') == [0.1, 2.0]


def test_minus_zero_keeps_its_sign():
    assert math.copysign(1.0, csv('-0.000').numbers('x')[0]) == -1.0


def test_one_number_is_no_list():
    assert csv('0.25').number_or_numbers('x') == 0.25
    assert csv('0.25,0.5').number_or_numbers('x') == [0.25, 0.5]


def test_integers_are_written_like_numbers():
    assert csv('5.000,0.000').integers('x', 2) == [5, 0]


def test_nested_lists_have_semicolons_or_brackets():
    expected = [[1.0], [0.25, 0.5]]
    assert csv('1.000,0.250;0.500').nested('x', 2) == expected
    assert csv('[1.000],[0.25, 0.5]').nested('x', 2) == expected


@pytest.mark.parametrize(
    'text', ['-inf;inf,-1.0;5', '[-inf, inf],[-1.0, 5.0]', '(-inf,inf), (-1;5)']
)
def test_bounds_may_be_infinite(text):
    assert csv(text).nested('x', 2, is_bound=True) == [[-math.inf, math.inf], [-1.0, 5.0]]


@pytest.mark.parametrize(
    ('text', 'read', 'message'),
    [
        ('', lambda c: c.texts('x'), r"^metadata 'x' is missing$"),
        ('a,,b', lambda c: c.texts('x'), r"^metadata 'x' is 'a,,b', expected a list with commas$"),
        ('[a', lambda c: c.texts('x'), r"^metadata 'x' is '\[a', expected a list with commas$"),
        (
            'a],[b',
            lambda c: c.texts('x'),
            r"^metadata 'x' is 'a\],\[b', expected a list with commas$",
        ),
        ('[]', lambda c: c.texts('x'), r"^metadata 'x' is '', expected a list with commas$"),
        ('1,a', lambda c: c.numbers('x'), r"^metadata 'x' has 'a', expected a number$"),
        ('nan', lambda c: c.numbers('x'), r"^metadata 'x' has 'nan', expected a number$"),
        ('inf', lambda c: c.numbers('x'), r"^metadata 'x' has 'inf', expected a number$"),
        ('1,2', lambda c: c.numbers('x', 3), r"^metadata 'x' has 2 elements, expected 3$"),
        (
            '1.5',
            lambda c: c.integers('x', 1),
            r"^metadata 'x' has 1\.5, expected whole numbers of ",
        ),
        (
            '-1',
            lambda c: c.integers('x', 1),
            r"^metadata 'x' has -1\.0, expected whole numbers of ",
        ),
        ('1;2', lambda c: c.nested('x', 2), r"^metadata 'x' has 1 elements, expected 2$"),
        (
            '1;nan',
            lambda c: c.nested('x', 1, is_bound=True),
            r"^metadata 'x' has 'nan', expected a ",
        ),
        ('1;inf', lambda c: c.nested('x', 1), r"^metadata 'x' has 'inf', expected a number$"),
    ],
)
def test_what_is_wrong_is_named(text, read, message):
    with pytest.raises(ConfigError, match=message):
        read(csv(text))
