# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass

from distill_runtime.errors import ConfigError
from distill_runtime.ros.parameters import (
    check_ranges,
    declare_parameters,
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


@dataclass(frozen=True, kw_only=True)
class Config:
    """One field of each type."""

    name: str = parameter('x', 'a name')
    count: int = parameter(3, 'a number')
    factor: float = parameter(1.5, 'a factor in [-]')
    share: float = parameter(0.5, 'a share', span=Span(0.0, 1.0), is_live=True)
    repeats: int = parameter(1, 'a number of times', span=Span(1, 9))
    side: str = parameter('left', 'a side', one_of=('', 'left', 'right'))
    is_on: bool = parameter(False, 'a switch', is_live=True)
    places: tuple[int, ...] = parameter((1, 2), 'places')
    guard: str = parameter('on', 'a guard', is_fixed=True)

    def __post_init__(self):
        """Refuse what is out of range."""
        check_ranges(self)
        if not self.count >= 1:
            raise ConfigError(f'count is {self.count}, expected at least 1')


@pytest.fixture
def declared(ros):
    @contextmanager
    def make(**given):
        overrides = [Parameter(name, value=value) for name, value in given.items()]
        with ros.node(Node, 'parameters', parameter_overrides=overrides) as node:
            declare_parameters(node, Config)
            yield node

    return make


def test_defaults_are_those_of_the_dataclass(declared):
    with declared() as node:
        assert read_parameters(node, Config) == Config()
        assert node.describe_parameter('factor').description == 'a factor in [-]'


def test_given_values_are_read_with_their_types(declared):
    with declared(name='y', count=5, factor=2.5, is_on=True, places=[7]) as node:
        config = read_parameters(node, Config)
        assert config == Config(name='y', count=5, factor=2.5, is_on=True, places=(7,))
        assert type(config.places) is tuple


def test_whole_number_stands_for_a_float(declared):
    with declared(factor=2) as node:
        factor = read_parameters(node, Config).factor
        assert (factor, type(factor)) == (2.0, float)


@pytest.mark.parametrize(
    ('name', 'value'),
    [('name', 1), ('count', 1.0), ('count', '1'), ('is_on', 1), ('places', 1), ('places', ['a'])],
)
def test_wrong_type_is_refused_at_start(declared, name, value):
    with pytest.raises(InvalidParameterTypeException, match=name), declared(**{name: value}):
        pass


@pytest.mark.parametrize('value', ['1.5', True, [1.0]])
def test_float_of_a_wrong_type_is_refused_when_it_is_read(declared, value):
    message = r'factor is .*, expected float'
    with declared(factor=value) as node, pytest.raises(ConfigError, match=message):
        read_parameters(node, Config)


def test_empty_list_has_no_elements(ros):
    # as it comes from a command line or a file: without a type
    words = ['--ros-args', '-p', 'places:=[]']
    with ros.node(Node, 'parameters', cli_args=words, use_global_arguments=False) as node:
        declare_parameters(node, Config)
        assert read_parameters(node, Config).places == ()


def test_fixed_parameter_is_given_at_start_only(declared):
    with declared(guard='off') as node:
        (result,) = node.set_parameters([Parameter('guard', value='on')])
        assert (result.successful, 'read-only' in result.reason) == (False, True)
        assert read_parameters(node, Config).guard == 'off'


def test_value_out_of_range_is_refused_by_the_dataclass(declared):
    message = 'count is 0, expected at least 1'
    with declared(count=0) as node, pytest.raises(ConfigError, match=message):
        read_parameters(node, Config)


def test_changes_count_before_the_node_has_them(declared):
    with declared() as node:
        changes = [Parameter('count', value=9), Parameter('of_another', value=1)]
        assert read_parameters(node, Config, changes).count == 9
        assert read_parameters(node, Config).count == 3


def test_only_live_parameters_may_change():
    def refused(**values):
        changes = [Parameter(name, value=value) for name, value in values.items()]
        return refuse_frozen(Config, changes, 'checks.')

    assert refused(is_on=True) is None
    assert refused(use_sim_time=True) is None
    assert not refused(**{'checks.tilt.debounce': 1.0}).successful
    result = refused(is_on=True, count=1)
    assert not result.successful
    assert result.reason == 'count is read at configure: clean up, set it, configure again'


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
    frozen = 'read at configure: clean up, set it, configure again'
    assert {name: entry.additional_constraints for name, entry in found.items()} == {
        'share': 'may change at any time',
        'repeats': frozen,
        'side': f"one of '', left, right; {frozen}",
        'is_on': 'may change at any time',
        'guard': 'given at start only',
        'factor': frozen,
    }
    assert [name for name, entry in found.items() if entry.read_only] == ['guard']


@pytest.mark.parametrize(
    ('name', 'value'), [('share', 1.1), ('share', -0.1), ('share', float('nan')), ('repeats', 0)]
)
def test_number_out_of_range_is_refused_when_it_is_set(declared, name, value):
    with declared() as node:
        (result,) = node.set_parameters([Parameter(name, value=value)])
        assert (result.successful, f'{name} out of range' in result.reason) == (False, True)
        assert read_parameters(node, Config) == Config()


@pytest.mark.parametrize(
    ('changes', 'reason'),
    [
        ({'share': 1.1}, 'share is 1.1, expected 0 to 1'),
        ({'share': float('nan')}, 'share is nan, expected 0 to 1'),
        ({'repeats': 10}, 'repeats is 10, expected 1 to 9'),
        ({'side': 'up'}, r"side is 'up', expected one of \['', 'left', 'right'\]"),
    ],
)
def test_value_that_is_none_of_those_described_is_refused(changes, reason):
    with pytest.raises(ConfigError, match=reason):
        Config(**changes)


@pytest.mark.parametrize('changes', [{'share': 0.0}, {'share': 1.0}, {'repeats': 9}, {'side': ''}])
def test_value_at_the_end_of_its_range_is_accepted(declared, changes):
    with declared(**changes) as node:
        assert read_parameters(node, Config) == Config(**changes)
