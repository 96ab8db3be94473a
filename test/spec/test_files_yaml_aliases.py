# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from itertools import pairwise

from distill_runtime.errors import ConfigError
from distill_runtime.spec.files import MAX_ALIASES, MAX_VALUES, parse_yaml
import pytest

LETTERS = 'abcdefghi'


def bomb(form):
    """Return nine lines, each of nine aliases of the line before: 9^9 values."""
    first = 'a: &a [1, 1, 1, 1, 1, 1, 1, 1, 1]'
    lines = [
        f'{letter}: &{letter} {form.format(", ".join(["*" + before] * 9))}'
        for before, letter in pairwise(LETTERS)
    ]
    return '\n'.join([first, *lines])


def test_aliases_are_read():
    text = 'a: &a {kp: [1, 2], kd: &kd 3}\nb: *a\nc: {<<: *a, x: *kd}'
    assert parse_yaml(text, 'f') == {
        'a': {'kp': [1, 2], 'kd': 3},
        'b': {'kp': [1, 2], 'kd': 3},
        'c': {'kp': [1, 2], 'kd': 3, 'x': 3},
    }


def test_star_that_is_no_alias_is_read():
    assert parse_yaml('joint_names: [.*]\nx: "*a"', 'f') == {'joint_names': ['.*'], 'x': '*a'}


@pytest.mark.parametrize('form', ['[{}]', '{{<<: [{}]}}'])
def test_exponential_aliases_are_refused(form):
    with pytest.raises(
        ConfigError, match=rf'^f: it has more than {MAX_VALUES} values with its al'
    ):
        parse_yaml(bomb(form), 'f')


@pytest.mark.parametrize('number', [MAX_ALIASES, MAX_ALIASES + 1])
def test_number_of_aliases_is_bounded(number):
    text = f'a: &a 1\nb: [{", ".join(["*a"] * number)}]'
    if number == MAX_ALIASES:
        assert len(parse_yaml(text, 'f')['b']) == number
    else:
        with pytest.raises(ConfigError, match=rf'^f: it has more than {MAX_ALIASES} aliases'):
            parse_yaml(text, 'f')


@pytest.mark.parametrize('text', ['a: &a [*a]', 'a: &a {b: [{c: *a}]}', '&a [1, *a]'])
def test_alias_inside_its_anchor_is_refused(text):
    with pytest.raises(
        ConfigError, match=r"^f: alias 'a' is inside the anchor that it refers to$"
    ):
        parse_yaml(text, 'f')


def test_alias_without_an_anchor_is_not_yaml():
    with pytest.raises(ConfigError, match=r'^f is not plain YAML: found undefined alias'):
        parse_yaml('a: *b', 'f')
