# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from distill_runtime.errors import ConfigError
from distill_runtime.spec.compile import sensor_layout
from distill_runtime.spec.mapping import read_dataclass
from distill_runtime.spec.term import Term
import pytest
from support.specs import make_spec

PHASE = {'term': 'gait_phase', 'frequency': 1, 'offsets': [0, 3], 'components': ['cos', 'sin'],
         'advance': 'after'}  # fmt: skip
POSITION = {'term': 'joint_position', 'relative': True}
SCAN = {'term': 'external', 'topic': '/scan', 'width': 5}
POSE = {'term': 'external', 'topic': 'goal', 'width': 7, 'message': 'PoseStamped'}
FORCE = {**SCAN, 'message': 'geometry_msgs/msg/WrenchStamped', 'field': 'wrench.force'}


def test_last_action_is_as_wide_as_the_network_output():
    spec = make_spec({'term': 'last_action'}, action={'joints': ['hip'], 'scale': 1.0})
    assert spec.input_dim(spec.inputs[0]) == 1
    rows = {'scale': None, 'offset': None, 'choices': [[0, 0, 0]] * 5}
    spec = make_spec({'term': 'last_action'}, action=rows)
    assert spec.input_dim(spec.inputs[0]) == 5


@pytest.mark.parametrize(
    ('term', 'message'),
    [
        (3, r'^t is 3, expected a mapping with the key term$'),
        ({}, r"^t\.term is None, expected one of \['base_angular_velocity', "),
        ({'term': 'joint_pos'}, r"^t\.term is 'joint_pos', expected one of "),
        ({'term': ['last_action']}, r"^t\.term is \['last_action'\], expected one of "),
        ({'term': 'last_action', 'scael': 2}, r'^t\.scael is unknown, expected one of \['),
        ({'term': 'joint_position'}, r'^t\.relative is missing, expected true or false$'),
        ({'term': 'external', 'topic': 'x'}, r'^t\.width is missing, expected an integer$'),
        ({**PHASE, 'advance': 'never'}, r"^t\.advance is 'never', expected one of \['before', "),
        ({**PHASE, 'components': ['tan']}, r"^t\.components\[0\] is 'tan', expected one of"),
        ({'term': 'last_action', 'scale': 'x'}, r"^t\.scale is 'x', expected a number or a list"),
        (
            {**PHASE, 'standing': {'below': 0.1, 'phase': 0, 'restart': 'at_offsets'}},
            r"^t\.standing\.restart is 'at_offsets', expected true or false or one of "
            r"\['at_offset', 'advanced'\]$",
        ),
        (
            {**PHASE, 'standing': {'below': 0.1, 'phase': 0, 'restart': 1}},
            r'^t\.standing\.restart is 1, expected true or false or one of ',
        ),
    ],
)
def test_term_that_cannot_be_read_is_refused_with_its_path(term, message):
    with pytest.raises(ConfigError, match=message):
        read_dataclass(Term, term, 't')


@pytest.mark.parametrize(
    ('message', 'term'),
    {
        r'scale has 2 elements, expected 3$': {'term': 'last_action', 'scale': [1, 2]},
        r'clip has 1 pairs, expected 3$': {'term': 'last_action', 'clip': [[-1, 1]]},
        r'clip is empty, expected \[lower, upper\]': {'term': 'last_action', 'clip': []},
        r'clip is \[1\.0, -1\.0\], expected the lower': {'term': 'last_action', 'clip': [1, -1]},
        r'clip is \[1\.0, 1\.0\], ': {
            'term': 'last_action',
            'clip': [[None, 1], [0, None], [1, 1]],
        },
        r'trained_range is \[1\.0, 0\.0\], ': {'term': 'last_action', 'trained_range': [1, 0]},
        r"joints has 'toe', expected names of joints: \['hip'": {**POSITION, 'joints': ['toe']},
        r'joints is empty, expected at least one, or null for all$': {**POSITION, 'joints': []},
        r"joints is \['hip', 'hip'\], expected each name": {**POSITION, 'joints': ['hip'] * 2},
        r"masked has 'toe', expected names of joints": {**POSITION, 'masked': ['toe']},
        r'components is \[\], expected each once': {'term': 'velocity_command', 'components': []},
        r"components is \['vx', 'vx'\], expected each once$": {
            'term': 'velocity_command',
            'components': ['vx', 'vx'],
        },
        r'frequency is 0\.0 Hz, expected above 0 Hz$': {**PHASE, 'frequency': 0},
        r'offsets and components are empty, expected at least one of': {**PHASE, 'offsets': []},
        r'width is 0, expected 1 to 1000000$': {**SCAN, 'width': 0},
        r'topic is empty, expected a topic name$': {**SCAN, 'topic': ''},
        r'max_age is -1\.0 s, expected at least 0 s$': {**SCAN, 'max_age': -1},
        r'quaternion is wxyz, expected it only for a PoseStamped': {**SCAN, 'quaternion': 'wxyz'},
        r"message is 'LaserScan', expected Float32MultiArray or PoseStamped, or for recordings": {
            **SCAN,
            'message': 'LaserScan',
        },
        r"message is 'geometry_msgs/Wrench', expected ": {
            **FORCE,
            'message': 'geometry_msgs/Wrench',
        },
        r"field is '', expected a path in geometry_msgs/msg/WrenchStamped such as a\.b\[0\]$": {
            **FORCE,
            'field': '',
        },
        r"field is 'a\.\[0\]', expected a path in ": {**FORCE, 'field': 'a.[0]'},
        r"field is 'data', expected none for Float32MultiArray": {**SCAN, 'field': 'data'},
        r'width is 6, expected 7 for a PoseStamped$': {**POSE, 'width': 6},
    }.items(),
)
def test_term_that_does_not_fit_the_policy_is_refused_with_its_index(term, message):
    where = rf'^inputs\[0\]\.terms\[1\] \({term["term"]}\): '
    with pytest.raises(ConfigError, match=where + message):
        make_spec({'term': 'last_action'}, term)


def test_one_topic_has_one_field():
    torque = {**FORCE, 'field': 'wrench.torque'}
    assert sensor_layout(make_spec(FORCE, FORCE)).size
    with pytest.raises(
        ConfigError, match=r"'/scan' has two fields, wrench\.force and wrench\.tor"
    ):
        sensor_layout(make_spec(FORCE, torque))
