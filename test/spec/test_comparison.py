# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from distill_runtime.spec.comparison import agree, restricted
import pytest


def tensor(*terms, **changes):
    return [{'name': 'obs', 'terms': list(terms), **changes}]


@pytest.mark.parametrize(
    ('left', 'right'),
    [
        (1, 1.0),
        ([1, 2, 3], (1.0, 2.0, 3.0)),
        ([0.1 + 0.2, 1e9], [0.3, 1e9 + 1e-6]),
        (0.25, [0.25, 0.25]),
        ([0.25, 0.25], 0.25),
        ('default', 'default'),
        (None, None),
        ([[0, 1], [None, 2.0]], [[0.0, 1.0], [None, 2]]),
    ],
)
def test_same_in_another_form(left, right):
    assert agree('x', left, right)


@pytest.mark.parametrize(
    ('left', 'right'),
    [
        (0.25, [0.25, 0.26]),
        (0.25, []),
        ([1, 2], [1, 2, 3]),
        ('default', [0.0]),
        (None, 0),
        ({'a': 1}, {'a': 1, 'b': None}),
        ([1, 2], {'a': 1}),
    ],
)
def test_not_the_same(left, right):
    assert not agree('x', left, right)
    assert not agree('x', right, left)


def test_defaults_of_terms_need_not_be_written():
    brief = tensor({'term': 'projected_gravity'}, {'term': 'last_action', 'scale': 2})
    full = tensor(
        {'term': 'projected_gravity', 'scale': [1.0, 1.0, 1.0], 'clip': None},
        {'term': 'last_action', 'scale': [2.0, 2.0], 'order': 'scale_then_clip'},
        history={'length': 1, 'major': 'term', 'order': 'oldest_first', 'fill': 'first'},
    )
    assert agree('inputs', brief, full)


@pytest.mark.parametrize(
    'other',
    [
        tensor({'term': 'last_action'}, {'term': 'projected_gravity'}),
        tensor({'term': 'projected_gravity'}),
        tensor({'term': 'projected_gravity', 'scale': 2.0}, {'term': 'last_action'}),
        tensor({'term': 'projected_gravity'}, {'term': 'last_action'}, name='policy'),
        tensor({'term': 'no_such_term'}),
        'text',
        None,
    ],
)
def test_other_terms_disagree(other):
    ours = tensor({'term': 'projected_gravity'}, {'term': 'last_action'})
    assert not agree('inputs', ours, other)


def test_position_of_a_tensor_may_be_that_of_any_name():
    gravity = {'term': 'projected_gravity'}
    assert agree('outputs.action.name', 'actions', 0)
    assert agree('inputs', tensor(gravity), tensor(gravity, name=0))
    assert not agree('outputs.action.name', 'actions', 'action')
    assert not agree('outputs.action.name', 0, 1)
    assert not agree('name', 'walk', 0)


def test_claim_is_compared_with_its_part_of_a_value():
    value = tensor({'term': 'projected_gravity', 'scale': 2}, {'term': 'last_action'})
    claim = [{'terms': [{'term': 'projected_gravity'}, {'term': 'joint_velocity'}]}]
    assert restricted('inputs', value, claim) == [
        {'terms': [{'term': 'projected_gravity'}, {'term': 'last_action'}]}
    ]


def test_list_of_another_length_is_shown_whole():
    assert restricted('x', [{'a': 1, 'b': 2}], [{'a': 1}, {'a': 2}]) == [{'a': 1, 'b': 2}]
