# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from distill_runtime.errors import ConfigError
from distill_runtime.spec.dialect import Fields
import pytest

VALUES = {
    'dt': 0.02,
    'n': 3,
    'name': 'x',
    'on': True,
    'none': None,
    'kp': [1, 2.5],
    'part': {'kd': [0.5]},
}


def test_values_come_as_they_are():
    fields = Fields(VALUES)
    assert fields.number('dt') == 0.02
    assert fields.integer('n') == 3
    assert fields.text('name') == 'x'
    assert (fields.flag('on'), fields.flag('none'), fields.flag('absent')) == (True, False, False)
    assert fields.numbers('kp') == fields.pair('kp') == [1, 2.5]
    assert fields.number_or_numbers('kp', 2) == [1, 2.5]
    assert fields.number_or_numbers('dt', 2) == 0.02
    assert fields.mapping('part').numbers('kd', 1) == [0.5]
    assert list(fields) == list(VALUES)
    assert [key for key in (*VALUES, 'absent') if key not in fields] == ['none', 'absent']
    assert (fields.text('none', 'y'), fields.spread('dt', 2)) == ('y', [0.02, 0.02])


@pytest.mark.parametrize(
    ('read', 'message'),
    [
        (lambda f: Fields([]), r'^content is \[\], expected a mapping$'),
        (lambda f: f.number('absent'), r'^absent is missing$'),
        (lambda f: f.number('none'), r'^none is missing$'),
        (lambda f: f.number('name'), r"^name is 'x', expected a number$"),
        (lambda f: f.number('on'), r'^on is True, expected a number$'),
        (lambda f: f.integer('dt'), r'^dt is 0\.02, expected an integer of at least 0$'),
        (lambda f: f.text('n'), r'^n is 3, expected a text$'),
        (lambda f: f.flag('n'), r'^n is 3, expected true or false$'),
        (lambda f: f.numbers('n'), r'^n is 3, expected a list$'),
        (lambda f: f.numbers('kp', 3), r'^kp has 2 elements, expected 3$'),
        (lambda f: f.integers('kp'), r'^kp\[1\] is 2\.5, expected an integer of at least 0$'),
        (lambda f: f.texts('kp'), r'^kp\[0\] is 1, expected a text$'),
        (lambda f: f.mapping('n'), r'^n is 3, expected a mapping$'),
        (lambda f: f.mapping('part').number('kd'), r'^part\.kd is \[0\.5\], expected a number$'),
        (lambda f: f.mapping('part').any('kp'), r'^part\.kp is missing$'),
    ],
)
def test_what_is_wrong_is_named(read, message):
    with pytest.raises(ConfigError, match=message):
        read(Fields(VALUES))


@pytest.mark.parametrize('value', [float('nan'), float('inf'), 10**400, -(10**30)])
def test_numbers_are_finite_and_integers_at_least_zero(value):
    with pytest.raises(ConfigError, match=r'^x\[0\] is '):
        Fields({'x': [value]}).numbers('x')
    for number in (value, -1, 10**30, True):
        with pytest.raises(ConfigError, match=r'^x is .*, expected an integer of at least 0$'):
            Fields({'x': number}).integer('x')
