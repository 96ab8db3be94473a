# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass

from distill_runtime.errors import ConfigError
from distill_runtime.ros.parameters import (
    check_ranges,
    declarations,
    declare_parameters,
    FIXED,
    LIVE,
    parameter,
    read_parameters,
    refuse_frozen,
    Span,
    unknown_names,
)
import pytest
from rclpy.exceptions import InvalidParameterTypeException
from rclpy.node import Node
from rclpy.parameter import Parameter

FROZEN = 'read at configure: clean up, set it, configure again'


@dataclass(frozen=True, kw_only=True)
class Config:
    """One field of each type."""

    name: str = parameter('x', 'a name')
    count: int = parameter(3, 'a number')
    factor: float = parameter(1.5, 'a factor in [-]')
    share: float = parameter(0.5, 'a share', span=Span(0.0, 1.0), change=LIVE)
    repeats: int = parameter(1, 'a number of times', span=Span(1, 9))
    side: str = parameter('left', 'a side', one_of=('', 'left', 'right'))
    is_on: bool = parameter(False, 'a switch', change=LIVE)
    places: tuple[int, ...] = parameter((1, 2), 'places')
    guard: str = parameter('on', 'a guard', change=FIXED)

    def __post_init__(self):
        """Refuse what is out of range."""
        check_ranges(self)
        if not self.count >= 1:
            raise ConfigError(f'count is {self.count}, expected at least 1')


@pytest.fixture
def declared(ros):
    @contextmanager
    def make(cli_args=None, **given):
        overrides = [Parameter(name, value=value) for name, value in given.items()]
        options = {'cli_args': cli_args, 'use_global_arguments': False} if cli_args else {}
        with ros.node(Node, 'parameters', parameter_overrides=overrides, **options) as node:
            declare_parameters(node, declarations(Config))
            yield node

    return make


@pytest.mark.parametrize(
    'given',
    [
        {},
        {'name': 'y', 'count': 5, 'factor': 2.5, 'is_on': True, 'places': (7,), 'guard': 'off'},
        {'factor': 2},
        {'share': 0.0, 'side': ''},
        {'share': 1.0, 'repeats': 9},
    ],
    ids=['defaults', 'each type', 'whole number for a float', 'least', 'most'],
)
def test_given_values_are_read_with_their_types(declared, given):
    with declared(**given) as node:
        config = read_parameters(node, Config)
    assert config == Config(**given)
    assert (type(config.factor), type(config.places)) == (float, tuple)


def test_empty_list_has_no_elements(declared):
    # as it comes from a command line or a file: without a type
    with declared(['--ros-args', '-p', 'places:=[]']) as node:
        assert read_parameters(node, Config).places == ()


@pytest.mark.parametrize(
    ('name', 'value'),
    [('name', 1), ('count', 1.0), ('count', '1'), ('is_on', 1), ('places', 1), ('places', ['a'])],
)
def test_wrong_type_is_refused_at_start(declared, name, value):
    with pytest.raises(InvalidParameterTypeException, match=name), declared(**{name: value}):
        pass


@pytest.mark.parametrize(
    ('given', 'reason'),
    [
        ({'factor': '1.5'}, r"factor is '1\.5', expected float"),
        ({'factor': True}, 'factor is True, expected float'),
        ({'factor': [1.0]}, r'factor is .*, expected float'),
        ({'count': 0}, 'count is 0, expected at least 1'),
        ({'side': 'up'}, r"side is 'up', expected one of \['', 'left', 'right'\]"),
    ],
)
def test_value_that_rclpy_takes_is_refused_when_it_is_read(declared, given, reason):
    with declared(**given) as node, pytest.raises(ConfigError, match=reason):
        read_parameters(node, Config)


@pytest.mark.parametrize(
    ('name', 'value', 'reason'),
    [
        ('share', 1.1, '0 to 1'),
        ('share', -0.1, '0 to 1'),
        ('share', float('nan'), '0 to 1'),
        ('repeats', 0, '1 to 9'),
        ('repeats', 10, '1 to 9'),
    ],
)
def test_number_out_of_range_is_refused_by_node_and_dataclass(declared, name, value, reason):
    with declared() as node:
        (result,) = node.set_parameters([Parameter(name, value=value)])
        assert (result.successful, f'{name} out of range' in result.reason) == (False, True)
        assert read_parameters(node, Config) == Config()
    with pytest.raises(ConfigError, match=f'{name} is {value}, expected {reason}'):
        Config(**{name: value})


def test_fixed_parameter_is_given_at_start_only(declared):
    with declared(guard='off') as node:
        (result,) = node.set_parameters([Parameter('guard', value='on')])
        assert (result.successful, 'read-only' in result.reason) == (False, True)
        assert read_parameters(node, Config).guard == 'off'


def test_changes_count_before_the_node_has_them(declared):
    with declared() as node:
        changes = [Parameter('count', value=9), Parameter('of_another', value=1)]
        assert read_parameters(node, Config, changes).count == 9
        assert read_parameters(node, Config).count == 3


def test_only_live_parameters_may_change():
    def refused(**values):
        changes = [Parameter(name, value=value) for name, value in values.items()]
        return refuse_frozen(declarations(Config), changes)

    assert refused(is_on=True, use_sim_time=True) is None
    result = refused(is_on=True, count=1)
    assert (result.successful, result.reason) == (False, f'count is {FROZEN}')


def test_misspelt_names_are_found_and_those_of_rclpy_are_not(declared):
    given = {
        'cuont': 1,
        'zzz': 'a',
        'use_sim_time': False,
        'qos_overrides./imu.subscription.depth': 5,
    }
    with declared(**given) as node:
        assert unknown_names(node, Config) == ['cuont (is count meant?)', 'zzz']


def test_description_says_ranges_values_and_when_a_parameter_may_change(declared):
    with declared() as node:
        found = {
            name: node.describe_parameter(name)
            for name in ('share', 'repeats', 'side', 'is_on', 'guard', 'factor')
        }
    (share,), (repeats,) = found['share'].floating_point_range, found['repeats'].integer_range
    assert (share.from_value, share.to_value, share.step) == (0.0, 1.0, 0.0)
    assert (repeats.from_value, repeats.to_value, repeats.step) == (1, 9, 1)
    assert not found['factor'].floating_point_range
    assert found['factor'].description == 'a factor in [-]'
    assert {name: entry.additional_constraints for name, entry in found.items()} == {
        'share': 'may change at any time',
        'repeats': FROZEN,
        'side': f"one of '', left, right; {FROZEN}",
        'is_on': 'may change at any time',
        'guard': 'given at start only',
        'factor': FROZEN,
    }
    assert [name for name, entry in found.items() if entry.read_only] == ['guard']
