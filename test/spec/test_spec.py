# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import dataclasses
import json
import math

from distill_runtime.errors import ConfigError
from distill_runtime.spec.compile import compile_spec
from distill_runtime.spec.mapping import read_dataclass, to_mapping
from distill_runtime.spec.spec import Limits, PolicySpec
from hypothesis import given
from hypothesis import strategies as st
import pytest
from support.specs import JOINTS, make_spec, spec_mapping

GAINS = {'stiffness': [10, 20, 30], 'damping': [1, 2, 3]}
RANGE = {'lower': [-1, -1, -1], 'upper': [1, 1, 1]}
CHOICES = {'scale': None, 'offset': None, 'choices': [[0, 0, 0], [1, 1, 1]]}


def test_spec_is_read_with_its_defaults():
    spec = make_spec()
    assert spec.joints == ('hip', 'knee', 'ankle')
    assert spec.modes == ('position', 'position', 'position')
    assert spec.action_joints == spec.joints
    assert (spec.act_dim, spec.input_dim(spec.inputs[0])) == (3, 3)


def test_default_pose_is_within_the_range_of_position_joints_alone():
    make_spec(limits={'position': [[None, None]] * 3}, default_position=[9, -9, 9])
    make_spec(limits={'position': [[-0.1, 0.1]] * 3}, default_position=[9, 9, 9], mode='velocity')
    make_spec(limits={'position': [[0.1, 1], [-1, 0.6], [-0.5, 0]]})


@pytest.mark.parametrize(
    ('message', 'changes'),
    {
        r'^spec_version is 2, expected 1: update distill_runtime$': {'spec_version': 2},
        r'^period is 0\.0 s, expected 0\.0001 s to 10 s$': {'period': 0},
        r'^period is 11\.0 s, expected 0\.0001 s to 10 s$': {'period': 11},
        r'^joints is empty, expected the joint names in policy order$': {'joints': []},
        r"^joints has 'hip' 2 times, expected once$": {'joints': ['hip', 'hip', 'knee']},
        r'^default_position has 2 elements, expected 3, one per': {'default_position': [0, 0]},
        r'^outputs\.mode has 1 elements, expected 3, one per joint$': {'mode': ['position']},
        r'^stiffness has 2 elements, expected 3, one per joint': {**GAINS, 'stiffness': [1, 2]},
        r'^damping\[knee\] is -2\.0, expected finite and at': {**GAINS, 'damping': [1, -2, 3]},
        r'^stiffness or damping is missing, expected both or neither$': {'stiffness': [1, 2, 3]},
        r'^stiffness, damping of ankle are \(1\.0, -0\.0\), expected real gains': {
            'stiffness': [1, 2, 1],
            'damping': [1, 2, -0.0],
        },
        r'^stiffness and damping are all 0, expected gains that hold the robot$': {
            'stiffness': [0, 0, 0],
            'damping': [0, 0, 0],
        },
        r'^limits\.effort has 2 elements, expected 3': {'limits': {'effort': [1, 2]}},
        r'^limits\.effort\[knee\] is 0\.0, expected above 0$': {'limits': {'effort': [1, 0, 1]}},
        r'^limits\.velocity\[hip\] is -1\.0, expected': {'limits': {'velocity': [-1, 1, 1]}},
        r'^limits\.position\[knee\] is \[1\.0, 0\.0\], expected lower < upper$': {
            'limits': {'position': [[0, 1], [1, 0], [-1, 0]]}
        },
        (
            r'^default_position\[knee\] is 0\.6 rad, expected within its limits \[-1\.0, 0\.5\] '
            r'rad: is the joint order right\?$'
        ): {'limits': {'position': [[-1, 1], [-1, 0.5], [-1, 1]]}},
        r'^command: lower vy is 2\.0, expected at most upper = 1\.0$': {
            'command': {**RANGE, 'lower': [-1, 2, -1]}
        },
        r'^command\.lower has 2 elements': {'command': {'lower': [0, 0], 'upper': [1, 1]}},
        r"^outputs\.action\.joints has 'toe', expected names of": {'action': {'joints': ['toe']}},
        r"^outputs\.action\.joints is \['hip', 'hip'\]": {'action': {'joints': ['hip', 'hip']}},
        r'^outputs\.action\.scale has 2 elements, expected 3$': {'action': {'scale': [1, 2]}},
        r'^outputs\.action\.offset has 1 elements, expected 3$': {'action': {'offset': [1]}},
        r'^outputs\.action: clip has 1 pairs, expected 3$': {'action': {'clip': [[-1, 1]]}},
        r'^outputs\.action: clip is \[1\.0, -1\.0\], expected the': {'action': {'clip': [1, -1]}},
        r'^outputs\.action\.choices has rows of 2': {'action': {**CHOICES, 'choices': [[1, 2]]}},
        r'^inputs is empty, expected at least one tensor$': {'inputs': []},
        r'^name is 3, expected a string$': {'name': 3},
        r'^stifness is unknown, expected one of \[': {'stifness': [1]},
    }.items(),
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


MAPPING = {'position': [[-1.0, 2.0], [None, None]], 'velocity': [3.0, None]}


def test_null_is_no_limit_both_ways():
    limits = read_dataclass(Limits, MAPPING, 'limits')
    assert limits.position == ((-1.0, 2.0), (-math.inf, math.inf))
    assert limits.velocity == (3.0, math.inf)
    assert limits.effort is None
    assert to_mapping(limits) == MAPPING
    assert to_mapping(Limits()) == {}


@pytest.mark.parametrize(
    ('mapping', 'message'),
    [
        ({'torque': []}, r"^limits\.torque is unknown, expected one of \['effort', 'position', "),
        ({'position': [[1]]}, r'^limits\.position\[0\] has 1 elements, expected 2$'),
        ({'position': [1, 2]}, r'^limits\.position is \[1, 2\], expected a list of a list of 2'),
        ({'velocity': [math.inf]}, r'^limits\.velocity\[0\] is inf, expected a finite number$'),
        ({'effort': ['1']}, r"^limits\.effort is \['1'\], expected "),
        ([], r'^limits is \[\], expected a mapping$'),
    ],
)
def test_anything_else_is_refused(mapping, message):
    with pytest.raises(ConfigError, match=message):
        read_dataclass(Limits, mapping, 'limits')


floats = st.floats(-100.0, 100.0)
clips = st.none() | st.tuples(st.floats(-9, -1), st.none() | st.floats(1, 9)).map(list)
common = {
    'scale': floats,
    'clip': clips,
    'order': st.sampled_from(['clip_then_scale', 'scale_then_clip']),
}
some_joints = st.lists(st.sampled_from(JOINTS), min_size=1, max_size=3, unique=True)


def term(kind, **fields):
    return st.fixed_dictionaries({'term': st.just(kind), **fields}, optional=common)


terms = st.one_of(
    term('projected_gravity'),
    term('velocity_command', components=st.permutations(['vx', 'vy', 'yaw'])),
    term('joint_position', relative=st.booleans(), joints=some_joints),
    term('joint_velocity', masked=some_joints),
    term('last_action'),
    term(
        'gait_phase',
        frequency=st.floats(0.1, 5.0),
        offsets=st.lists(floats, min_size=1, max_size=3),
        components=st.permutations(['cos', 'sin']),
        advance=st.sampled_from(['before', 'after']),
        standing=st.none()
        | st.fixed_dictionaries(
            {'below': st.floats(0.01, 1), 'phase': floats},
            optional={'restart': st.sampled_from([False, True, 'at_offset', 'advanced'])},
        ),
    ),
    term('external', topic=st.text(min_size=1), width=st.integers(1, 9)),
)
histories = st.one_of(
    st.just({'length': 1}),
    st.fixed_dictionaries(
        {
            'length': st.integers(2, 9),
            'major': st.sampled_from(['term', 'frame']),
            'order': st.sampled_from(['oldest_first', 'newest_first']),
            'fill': st.sampled_from(['first', 'zeros']),
        }
    ),
)
actions = st.fixed_dictionaries(
    {},
    optional={
        'scale': floats | st.lists(floats, min_size=3, max_size=3),
        'offset': st.just('default') | st.lists(floats, min_size=3, max_size=3),
        'clip': clips,
    },
)
changes = st.fixed_dictionaries(
    {},
    optional={
        'period': st.floats(0.001, 1.0),
        'limits': st.fixed_dictionaries(
            {}, optional={'effort': st.lists(st.none() | st.floats(1, 99), min_size=3, max_size=3)}
        ),
        'state': st.just([{'input': 'h', 'output': 'g', 'shape': [1, 4]}]),
        'golden': st.just({'observation': [[0.5]], 'action': [[1.0]]}),
        'mode': st.sampled_from(['position', 'effort', ['position', 'velocity', 'effort']]),
    },
)


@pytest.mark.fuzz
@given(st.lists(terms, min_size=1, max_size=4), histories, actions, changes)
def test_spec_survives_json_bit_for_bit(inputs, history, action, more):
    spec = make_spec(*inputs, history=history, action=action, **more)
    text = json.dumps(to_mapping(spec), allow_nan=False)
    assert read_dataclass(PolicySpec, json.loads(text), '') == spec


junk = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3)
    ),
    max_leaves=6,
)


def paths_of(value, path=()):
    yield path
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from paths_of(inner, (*path, key))
    elif isinstance(value, list):
        for key, inner in enumerate(value):
            yield from paths_of(inner, (*path, key))


def full_mapping():
    return spec_mapping(
        {'term': 'joint_position', 'relative': True, 'scale': [1, 2, 3], 'clip': [[-1, 1]] * 3},
        {'term': 'gait_phase', 'frequency': 1, 'offsets': [0], 'components': ['cos'],
         'advance': 'after', 'standing': {'below': 0.1, 'phase': 0}, 'history': {'length': 2}},
        {'term': 'external', 'topic': 't', 'width': 7, 'message': 'PoseStamped'},
        history={'length': 3, 'major': 'term', 'order': 'oldest_first', 'fill': 'first'},
        action={'clip': [-1, 1], 'joints': ['hip', 'knee', 'ankle']},
        stiffness=[1, 2, 3],
        damping=[1, 2, 3],
        limits={'position': [[-1, 1]] * 3, 'velocity': [1, None, 1]},
        command={'lower': [-1, -1, -1], 'upper': [1, 1, 1]},
        state=[{'input': 'h', 'output': 'g', 'shape': [1, 4]}],
        golden={'observation': [[0.5]], 'action': [[1.0]]},
        mode=['position', 'velocity', 'effort'],
    )  # fmt: skip


def refusal_of(mapping):
    try:
        compile_spec(read_dataclass(PolicySpec, mapping, ''))
    except ConfigError as error:
        return str(error)
    return ''


PATHS = list(paths_of(full_mapping()))


@pytest.mark.fuzz
@given(st.sampled_from(PATHS), junk)
def test_junk_anywhere_is_refused_with_a_short_message_or_accepted(path, value):
    mapping = full_mapping()
    if path:
        parent = mapping
        for key in path[:-1]:
            parent = parent[key]
        parent[path[-1]] = value
    else:
        mapping = value
    assert len(refusal_of(mapping)) < 1000
