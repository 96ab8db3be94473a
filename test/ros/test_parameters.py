# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass

from distill_runtime.errors import ConfigError
from distill_runtime.ros.parameters import (
    declare_parameters,
    parameter,
    read_parameters,
    refuse_frozen,
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
    is_on: bool = parameter(False, 'a switch', is_live=True)
    places: tuple[int, ...] = parameter((1, 2), 'places')
    guard: str = parameter('on', 'a guard', is_fixed=True)

    def __post_init__(self):
        """Refuse what is out of range."""
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
