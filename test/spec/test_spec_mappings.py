# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Random specs survive JSON, and junk anywhere in one is refused and nothing worse."""

from __future__ import annotations

import json

from distill_runtime.errors import ConfigError
from distill_runtime.spec.compile import compile_spec
from distill_runtime.spec.mapping import read_dataclass, to_mapping
from distill_runtime.spec.spec import PolicySpec
from hypothesis import given
from hypothesis import strategies as st
import pytest
from support.specs import JOINTS, make_spec, spec_mapping

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
