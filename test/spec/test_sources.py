# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from distill_runtime.errors import ConfigError
from distill_runtime.spec.sources import (
    agree,
    Conflict,
    Difference,
    differences,
    is_complete,
    merge_sources,
    restricted,
    SpecSource,
)
import pytest
from support.specs import spec_mapping


def source(file, /, hints=(), **values):
    return SpecSource(name=file, values=values, hints=dict(hints))


def base(**changes):
    return source('base.yaml', **spec_mapping(**changes))


def test_stronger_source_wins_and_the_conflict_shows_both():
    merged = merge_sources([source('user.yaml', period=0.01), base(), source('c', period=0.2)])
    assert merged.spec.period == 0.01
    assert merged.sources['period'] == 'user.yaml'
    assert merged.sources['name'] == 'base.yaml'
    first, second = merged.conflicts
    assert (first.field, first.source, first.value) == ('period', 'user.yaml', 0.01)
    assert (first.other_source, first.other_value) == ('base.yaml', 0.02)
    assert (second.other_source, second.other_value) == ('c', 0.2)


def test_weaker_source_fills_what_is_missing():
    gains = {'stiffness': [1, 2, 3], 'damping': [1, 1, 1]}
    clip = {'action': {'clip': [-5, 5]}}
    merged = merge_sources([source('user', outputs=clip), base(), source('gains', **gains)])
    assert merged.spec.stiffness == (1.0, 2.0, 3.0)
    assert merged.spec.outputs.action.clip == (-5.0, 5.0)
    assert merged.spec.outputs.action.scale == 0.5
    assert merged.sources['stiffness'] == 'gains'
    assert merged.sources['outputs.action.clip'] == 'user'
    assert merged.conflicts == ()


def test_limits_are_merged_field_by_field():
    robot = source('robot', limits={'effort': [5, 5, 5], 'velocity': [9, 9, 9]})
    user = source('user', limits=None)
    merged = merge_sources([user, base(limits={'velocity': [1, 2, 3]}), robot])
    assert merged.spec.limits.velocity == (1.0, 2.0, 3.0)
    assert merged.spec.limits.effort == (5.0, 5.0, 5.0)
    assert merged.sources['limits.effort'] == 'robot'
    assert [c.field for c in merged.conflicts] == ['limits.velocity']


NO_JOINTS = {key: value for key, value in spec_mapping().items() if key != 'joints'}


@pytest.mark.parametrize(
    ('message', 'sources'),
    {
        r"^joints is missing, found in none of \['a', 'b'\]: give it in a file with --spec": [
            source('a', **NO_JOINTS),
            source('b'),
        ],
        r"^name is missing, found in none of \['no file'\]: ": [],
        r'^joints is missing, .*: give the robot$': [
            source('deploy', hints={'joints': 'give the robot'}, **NO_JOINTS)
        ],
        r'^user: limits is 3, expected a mapping$': [source('user', limits=3), base()],
        r'^user: limits is \[1\], expected a mapping$': [base(), source('user', limits=[1])],
        r'^user: limits\.effort is unknown, expected keys without a dot$': [
            source('user', **{'limits.effort': 1}),
            base(),
        ],
        r'^user: \. is unknown, expected keys without a dot$': [
            source('user', **{'.': 1}),
            base(),
        ],
        r"^period is 'fast', expected a number$": [source('user', period='fast'), base()],
    }.items(),
)
def test_sources_that_make_no_spec_are_refused(message, sources):
    with pytest.raises(ConfigError, match=message):
        merge_sources(sources)


def test_key_of_a_field_is_named_and_the_source_alone_where_there_is_none():
    first = SpecSource(
        name='a.yaml',
        values=spec_mapping(),
        keys={'period': 'step_dt', 'outputs.action.scale': 'actions.scale'},
    )
    other = SpecSource(name='b.yaml', values={'period': 0.01}, keys={'period': 'dt'})
    merged = merge_sources([first, other])
    assert merged.sources['period'] == 'a.yaml: step_dt'
    assert merged.sources['outputs.action.scale'] == 'a.yaml: actions.scale'
    assert merged.sources['outputs.action.offset'] == 'a.yaml'
    assert merged.conflicts[0].source == 'a.yaml: step_dt'
    assert merged.conflicts[0].other_source == 'b.yaml: dt'


@pytest.mark.parametrize('field', ['name', 'scale', 'offset'])
def test_each_part_of_the_action_that_is_missing_is_named(field):
    values = spec_mapping()
    del values['outputs']['action'][field]
    with pytest.raises(
        ConfigError, match=rf'^outputs\.action\.{field} is missing, found in none '
    ):
        merge_sources([source('a', **values)])
    assert not is_complete([source('a', **values)])


def test_choices_need_neither_scale_nor_offset():
    action = {'name': 0, 'choices': [[0, 0, 0], [1, 1, 1]]}
    values = {**spec_mapping(), 'outputs': {'action': action}}
    assert is_complete([source('a', **values)])
    assert merge_sources([source('a', **values)]).spec.act_dim == 2


def test_sources_are_complete_together():
    values = spec_mapping()
    rest = {key: values.pop(key) for key in ('period', 'inputs')}
    assert not is_complete([source('a', **values)])
    assert is_complete([source('a', **values), source('b', **rest)])


def test_hint_for_a_field_that_nobody_gives_stays_with_the_spec():
    hints = {'command': 'give the trained range', 'period': 'give the period'}
    merged = merge_sources([base(), source('b', hints={'command': 'weaker'})])
    assert merged.unstated == {'command': 'weaker'}
    merged = merge_sources([source('a', hints=hints), base(), source('b', hints={'command': '-'})])
    assert merged.unstated == {'command': 'give the trained range'}


def test_value_is_compared_with_what_another_source_claims_of_it():
    terms = [{'term': 'joint_velocity'}, {'term': 'projected_gravity'}]
    claims = {'inputs': [{'terms': terms}]}
    metadata = SpecSource(
        name='metadata', values={}, claims=claims, keys={'inputs': 'observation_names'}
    )
    agreeing = source('user', **spec_mapping({**terms[0], 'scale': 0.05}, terms[1]))
    assert merge_sources([agreeing, metadata]).conflicts == ()
    swapped = source('user', **spec_mapping(terms[1], terms[0]))
    (conflict,) = merge_sources([swapped, metadata]).conflicts
    assert conflict.value == [{'terms': [terms[1], terms[0]]}]
    assert conflict.other_value == claims['inputs']
    assert (conflict.source, conflict.other_source) == ('user', 'metadata: observation_names')


def test_offset_written_out_is_the_default_pose():
    pose = [0.1, 0.6, -0.5]
    action = {'name': 'actions', 'scale': 0.5, 'offset': pose}
    same = merge_sources([base(), source('b', outputs={'action': action})])
    assert same.conflicts == ()
    other = source('b', outputs={'action': {**action, 'offset': [0.1, 0.6, 0.0]}})
    (conflict,) = merge_sources([other, base()]).conflicts
    assert (conflict.value, conflict.other_value) == ([0.1, 0.6, 0.0], 'default')


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
        # without a visible difference: whole
        ('period', 1.0, 1.0, [('period', '1.0', '1.0')]),
    ],
)
def test_elements_that_differ_are_named(field, value, other, expected):
    conflict = Conflict(field=field, source='a', value=value, other_source='b', other_value=other)
    assert differences(conflict, ('hip', 'knee')) == [Difference(*entry) for entry in expected]


def tensor(*terms, **changes):
    return [{'name': 'obs', 'terms': list(terms), **changes}]


GRAVITY = {'term': 'projected_gravity'}
BRIEF = tensor(GRAVITY, {'term': 'last_action', 'scale': 2})
FULL = tensor(
    {**GRAVITY, 'scale': [1.0, 1.0, 1.0], 'clip': None},
    {'term': 'last_action', 'scale': [2.0, 2.0], 'order': 'scale_then_clip'},
    history={'length': 1, 'major': 'term', 'order': 'oldest_first', 'fill': 'first'},
)


@pytest.mark.parametrize(
    ('field', 'left', 'right'),
    [
        ('x', 1, 1.0),
        ('x', [1, 2, 3], (1.0, 2.0, 3.0)),
        ('x', [0.1 + 0.2, 1e9, 0.0], [0.3, 1e9 + 1e-6, 1e-13]),
        ('x', 0.25, [0.25, 0.25]),
        ('x', [0.25, 0.25], 0.25),
        ('x', 'default', 'default'),
        ('x', None, None),
        ('x', [[0, 1], [None, 2.0]], [[0.0, 1.0], [None, 2]]),
        ('inputs', BRIEF, FULL),
        ('outputs.action.name', 'actions', 0),
        ('inputs', tensor(GRAVITY), tensor(GRAVITY, name=0)),
    ],
)
def test_same_in_another_form(field, left, right):
    assert agree(field, left, right)


@pytest.mark.parametrize(
    ('field', 'left', 'right'),
    [
        ('x', 0.25, [0.25, 0.26]),
        ('x', 0.25, []),
        ('x', [1, 2], [1, 2, 3]),
        ('x', 'default', [0.0]),
        ('x', None, 0),
        ('x', {'a': 1}, {'a': 1, 'b': None}),
        ('x', [1, 2], {'a': 1}),
        ('name', 'walk', 0),
        ('outputs.action.name', 'actions', 'action'),
        ('outputs.action.name', 0, 1),
        ('inputs', FULL, tensor(*reversed(FULL[0]['terms']))),
        ('inputs', FULL, tensor(GRAVITY)),
        ('inputs', FULL, tensor({**GRAVITY, 'scale': 2.0}, {'term': 'last_action', 'scale': 2})),
        ('inputs', FULL, [{**BRIEF[0], 'name': 'policy'}]),
        ('inputs', FULL, tensor({'term': 'no_such_term'})),
        ('inputs', FULL, 'text'),
        ('inputs', FULL, None),
    ],
)
def test_not_the_same(field, left, right):
    assert not agree(field, left, right)
    assert not agree(field, right, left)


def test_claim_is_compared_with_its_part_of_a_value():
    value = tensor({'term': 'projected_gravity', 'scale': 2}, {'term': 'last_action'})
    claim = [{'terms': [{'term': 'projected_gravity'}, {'term': 'joint_velocity'}]}]
    assert restricted('inputs', value, claim) == [
        {'terms': [{'term': 'projected_gravity'}, {'term': 'last_action'}]}
    ]
    # a list of another length is shown whole
    assert restricted('x', [{'a': 1, 'b': 2}], [{'a': 1}, {'a': 2}]) == [{'a': 1, 'b': 2}]
