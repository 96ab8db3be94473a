# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from distill_runtime.errors import ConfigError
from distill_runtime.spec.mapping import read_dataclass, shown, to_mapping
import pytest


@dataclass(frozen=True, kw_only=True)
class Inner:
    gain: float
    names: tuple[str, ...] = ()

    def __post_init__(self):
        if self.gain < 0.0:
            raise ConfigError(f'gain is {self.gain}, expected at least 0')


@dataclass(frozen=True, kw_only=True)
class Outer:
    count: int
    inner: Inner
    pair: tuple[float, str] = (0.0, '')
    kind: Literal['a', 'b'] = 'a'
    only: Literal['x'] = 'x'
    is_on: bool = False
    either: float | tuple[float, ...] | Literal['auto'] | None = None
    many: tuple[Inner, ...] = ()


def read(**changes):
    return read_dataclass(Outer, {'count': 1, 'inner': {'gain': 2}, **changes}, 'top')


def test_values_are_read_and_integers_become_floats():
    outer = read(pair=[3, 'm'], either=[1, 2.5], is_on=True, kind='b', many=[{'gain': 1}])
    assert outer == Outer(
        count=1,
        inner=Inner(gain=2.0),
        pair=(3.0, 'm'),
        either=(1.0, 2.5),
        is_on=True,
        kind='b',
        many=(Inner(gain=1.0),),
    )
    assert isinstance(outer.inner.gain, float)


@pytest.mark.parametrize('value', [None, 'auto', 1.5, (), (1.0, 2.0)])
def test_union_takes_each_of_its_forms(value):
    assert read(either=list(value) if isinstance(value, tuple) else value).either == value


@pytest.mark.parametrize(
    ('changes', 'message'),
    [
        ({'cuont': 1}, r"^top\.cuont is unknown, expected one of \['count', .*'pair'\]$"),
        ({'count': 1.0}, r'^top\.count is 1\.0, expected an integer$'),
        ({'count': True}, r'^top\.count is True, expected an integer$'),
        ({'count': '1'}, r"^top\.count is '1', expected an integer$"),
        ({'count': 2**63}, r'^top\.count is an integer beyond 64 bits, expected an integer$'),
        ({'inner': [1]}, r'^top\.inner is \[1\], expected a mapping$'),
        ({'inner': {}}, r'^top\.inner\.gain is missing, expected a number$'),
        ({'inner': {'gain': True}}, r'^top\.inner\.gain is True, expected a number$'),
        ({'inner': {'gain': float('nan')}}, r'^top\.inner\.gain is nan, expected a finite number'),
        ({'inner': {'gain': float('inf')}}, r'^top\.inner\.gain is inf, expected a finite number'),
        ({'inner': {'gain': 10**400}}, r'^top\.inner\.gain is an integer beyond 64 bits'),
        ({'inner': {'gain': -1}}, r'^top\.inner: gain is -1\.0, expected at least 0$'),
        ({'pair': [1]}, r'^top\.pair has 1 elements, expected 2$'),
        ({'pair': 'ab'}, r"^top\.pair is 'ab', expected a list of 2 values$"),
        ({'pair': [1, 2]}, r'^top\.pair\[1\] is 2, expected a string$'),
        ({'kind': 'c'}, r"^top\.kind is 'c', expected one of \['a', 'b'\]$"),
        ({'kind': ['a']}, r"^top\.kind is \['a'\], expected one of \['a', 'b'\]$"),
        ({'only': 'y'}, r"^top\.only is 'y', expected 'x'$"),
        ({'is_on': 1}, r'^top\.is_on is 1, expected true or false$'),
        ({'either': 'x'}, r"^top\.either is 'x', expected a number or a list of a number or "),
        ({'either': [1, 'x']}, r"^top\.either\[1\] is 'x', expected a number$"),
        ({'many': [{'gain': 1}, {}]}, r'^top\.many\[1\]\.gain is missing, expected a number$'),
    ],
)
def test_anything_else_is_refused_with_its_path(changes, message):
    with pytest.raises(ConfigError, match=message):
        read(**changes)


def test_missing_key_at_the_top_is_named_without_a_path():
    with pytest.raises(ConfigError, match=r'^count is missing, expected an integer$'):
        read_dataclass(Outer, {'inner': {'gain': 1}}, '')


def test_what_is_no_mapping_is_refused():
    with pytest.raises(ConfigError, match=r'^spec is 3, expected a mapping$'):
        read_dataclass(Outer, 3, '')


def test_values_are_shown_briefly_however_large():
    bomb = ['x']
    for _ in range(40):
        bomb = [bomb] * 10
    assert len(shown(bomb)) <= 60
    assert len(shown('x' * 10**6)) <= 60
    assert shown(1 << 20000) == 'a huge int'
    assert shown([1, 'a']) == "[1, 'a']"


def test_defaults_are_left_out_of_the_mapping():
    assert to_mapping(Outer(count=1, inner=Inner(gain=2.0))) == {
        'count': 1,
        'inner': {'gain': 2.0},
    }
