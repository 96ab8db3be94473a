# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from distill_runtime.spec.sources import Conflict, Difference, differences
import pytest


def differ(field, value, other, joints=('hip', 'knee')):
    conflict = Conflict(field=field, source='a', value=value, other_source='b', other_value=other)
    return differences(conflict, joints)


@pytest.mark.parametrize(
    ('field', 'value', 'other', 'expected'),
    [
        ('period', 0.02, 0.01, [('period', '0.02', '0.01')]),
        ('limits.effort', [88.0, 50.0], [88, 35.0], [('limits.effort[knee]', '50.0', '35.0')]),
        (
            'limits.position',
            [[-1.0, 1.0], [0.0, 2.0]],
            [[-1.0, 1.0], [0.0, 2.5]],
            [('limits.position[knee]', '[0.0, 2.0]', '[0.0, 2.5]')],
        ),
        ('joints', ['hip', 'knee'], ['hip'], [('joints', '2 elements', '1 elements')]),
        (
            'outputs',
            {'action': {'scale': 0.25}, 'mode': 'position'},
            {'action': {'scale': 0.5}},
            [
                ('outputs.action.scale', '0.25', '0.5'),
                ('outputs.mode', "'position'", 'None'),
            ],
        ),
        (
            'inputs',
            [{'terms': [{'term': 'joint_velocity', 'scale': 0.05}, {'term': 'last_action'}]}],
            [{'terms': [{'term': 'joint_velocity'}, {'term': 'last_action'}]}],
            [('inputs[0].terms[hip].scale', '0.05', 'None')],
        ),
        ('golden', 'a', 7, [('golden', "'a'", '7')]),
    ],
)
def test_elements_that_differ_are_named(field, value, other, expected):
    assert differ(field, value, other) == [Difference(*entry) for entry in expected]


def test_conflict_without_a_visible_difference_is_shown_whole():
    assert differ('period', 1.0, 1.0) == [Difference('period', '1.0', '1.0')]
