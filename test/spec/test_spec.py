# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import dataclasses

from distill_runtime.errors import ConfigError
import pytest
from support.specs import make_spec

GAINS = {'stiffness': [10, 20, 30], 'damping': [1, 2, 3]}
RANGE = {'lower': [-1, -1, -1], 'upper': [1, 1, 1]}
CHOICES = {'scale': None, 'offset': None, 'choices': [[0, 0, 0], [1, 1, 1]]}


def test_spec_is_read_with_its_defaults():
    spec = make_spec()
    assert spec.joints == ('hip', 'knee', 'ankle')
    assert spec.modes == ('position', 'position', 'position')
    assert spec.action_joints == spec.joints
    assert (spec.act_dim, spec.input_dim(spec.inputs[0])) == (3, 3)


def test_choices_make_the_output_as_wide_as_there_are_rows():
    assert make_spec(action=CHOICES).act_dim == 2


def test_joint_without_a_range_takes_any_default_pose():
    make_spec(limits={'position': [[None, None]] * 3}, default_position=[9, -9, 9])


def test_default_pose_of_a_velocity_joint_has_no_limits():
    make_spec(limits={'position': [[-0.1, 0.1]] * 3}, default_position=[9, 9, 9], mode='velocity')


def test_default_pose_on_its_limit_is_inside():
    make_spec(limits={'position': [[0.1, 1], [-1, 0.6], [-0.5, 0]]})


@pytest.mark.parametrize(
    ('changes', 'message'),
    [
        ({'spec_version': 2}, r'^spec_version is 2, expected 1: update distill_runtime$'),
        ({'period': 0}, r'^period is 0\.0 s, expected 0\.0001 s to 10 s$'),
        ({'period': 11}, r'^period is 11\.0 s, expected 0\.0001 s to 10 s$'),
        ({'joints': []}, r'^joints is empty, expected the joint names in policy order$'),
        ({'joints': ['hip', 'hip', 'knee']}, r"^joints has 'hip' 2 times, expected once$"),
        ({'default_position': [0, 0]}, r'^default_position has 2 elements, expected 3, one per'),
        ({'mode': ['position']}, r'^outputs\.mode has 1 elements, expected 3, one per joint$'),
        ({**GAINS, 'stiffness': [1, 2]}, r'^stiffness has 2 elements, expected 3, one per joint'),
        ({**GAINS, 'damping': [1, -2, 3]}, r'^damping\[knee\] is -2\.0, expected finite and at'),
        ({'stiffness': [1, 2, 3]}, r'^stiffness or damping is missing, expected both or neither$'),
        (
            {'stiffness': [1, 2, 1], 'damping': [1, 2, -0.0]},
            r'^stiffness, damping of ankle are \(1\.0, -0\.0\), expected real gains',
        ),
        (
            {'stiffness': [0, 0, 0], 'damping': [0, 0, 0]},
            r'^stiffness and damping are all 0, expected gains that hold the robot$',
        ),
        ({'limits': {'effort': [1, 2]}}, r'^limits\.effort has 2 elements, expected 3'),
        ({'limits': {'effort': [1, 0, 1]}}, r'^limits\.effort\[knee\] is 0\.0, expected above 0$'),
        ({'limits': {'velocity': [-1, 1, 1]}}, r'^limits\.velocity\[hip\] is -1\.0, expected'),
        (
            {'limits': {'position': [[0, 1], [1, 0], [-1, 0]]}},
            r'^limits\.position\[knee\] is \[1\.0, 0\.0\] rad, expected lower < upper$',
        ),
        (
            {'limits': {'position': [[-1, 1], [-1, 0.5], [-1, 1]]}},
            r'^default_position\[knee\] is 0\.6 rad, expected within its limits \[-1\.0, 0\.5\] '
            r'rad: is the joint order right\?$',
        ),
        (
            {'command': {**RANGE, 'lower': [-1, 2, -1]}},
            r'^command: lower vy is 2\.0, expected at most upper = 1\.0$',
        ),
        ({'command': {'lower': [0, 0], 'upper': [1, 1]}}, r'^command\.lower has 2 elements'),
        (
            {'action': {'joints': ['toe']}},
            r"^outputs\.action\.joints has 'toe', expected names of",
        ),
        ({'action': {'joints': ['hip', 'hip']}}, r"^outputs\.action\.joints is \['hip', 'hip'\]"),
        ({'action': {'scale': [1, 2]}}, r'^outputs\.action\.scale has 2 elements, expected 3$'),
        ({'action': {'offset': [1]}}, r'^outputs\.action\.offset has 1 elements, expected 3$'),
        ({'action': {'clip': [[-1, 1]]}}, r'^outputs\.action: clip has 1 pairs, expected 3$'),
        (
            {'action': {'clip': [1, -1]}},
            r'^outputs\.action: clip is \[1\.0, -1\.0\], expected the',
        ),
        ({'action': {**CHOICES, 'choices': [[1, 2]]}}, r'^outputs\.action\.choices has rows of 2'),
        ({'inputs': []}, r'^inputs is empty, expected at least one tensor$'),
        ({'name': 3}, r'^name is 3, expected a string$'),
        ({'stifness': [1]}, r'^stifness is unknown, expected one of \['),
    ],
)
def test_wrong_fact_is_refused_by_field_value_and_expectation(changes, message):
    with pytest.raises(ConfigError, match=message):
        make_spec(**changes)


def test_history_beyond_all_memory_is_refused():
    wide = {'term': 'external', 'topic': 't', 'width': 1_000_000}
    steps = {'steps': [0, 999], 'major': 'frame', 'fill': 'zeros'}
    with pytest.raises(
        ConfigError, match=r'^inputs\[0\] has a history of 1000 frames of 1000000 elements, '
    ):
        make_spec(wide, history=steps)


@pytest.mark.parametrize('value', [float('nan'), float('inf')])
def test_gain_that_is_no_number_is_refused_however_it_is_made(value):
    with pytest.raises(
        ConfigError, match=rf'^stiffness\[1\] is {value}, expected a finite number$'
    ):
        make_spec(**{**GAINS, 'stiffness': [1, value, 3]})
    with pytest.raises(ConfigError, match=rf'^stiffness\[knee\] is {value}, expected finite and'):
        dataclasses.replace(make_spec(**GAINS), stiffness=(1.0, value, 3.0))


def test_spec_cannot_be_changed():
    with pytest.raises(dataclasses.FrozenInstanceError):
        make_spec().period = 1.0
