# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import contextlib
import hashlib
import json
import re
import sys

from distill_runtime.errors import ConfigError, MissingExtraError
from distill_runtime.spec.dialect import ModelContext
from distill_runtime.spec.mapping import read_dataclass
from distill_runtime.spec.readers import leapp
from distill_runtime.spec.readers.registry import read_content
from distill_runtime.spec.spec import PolicySpec
from hypothesis import given
from hypothesis import strategies as st
import numpy as np
import pytest
from safetensors.numpy import save
from support.damage import damage_test
from support.drive import driven, Samples

JOINTS = ['l_hip', 'r_hip', 'l_knee', 'r_knee', 'waist']
LEGS = JOINTS[:4]
CONTENT = b'not looked into'
SHA256 = hashlib.sha256(CONTENT).hexdigest()


def tensor(name, shape, kind=None, names=None, **changes):
    values = {'name': name, 'dtype': 'float32', 'shape': shape, 'type': 'tensor', **changes}
    values |= {'kind': kind} if kind else {}
    return values | ({'element_names': [[], names]} if names else {})


INPUTS = [
    tensor('gyro', [1, 3], 'state/body/angular_velocity', ['x', 'y', 'z'],
           isaaclab_connection='state:robot:root_ang_vel_b'),
    tensor('quat', [1, 4], 'state/body/rotation', ['qx', 'qy', 'qz', 'qw'],
           isaaclab_connection='state:robot:root_quat_w'),
    tensor('goal', [1, 3], 'command/body/velocity', ['lin_vel_x', 'lin_vel_y', 'ang_vel_z']),
    tensor('q', [1, 5], 'state/joint/position', JOINTS),
    tensor('dq', [1, 4], 'state/joint/velocity', LEGS[::-1]),
    tensor('speed', [3], 'state/body/linear_velocity'),
    tensor('down', [1, 3], 'state/vector3d',
           isaaclab_connection='state:robot:projected_gravity_b'),
    tensor('memory_in', [2, 1, 3]),
    tensor('action_in', [1, 4]),
]  # fmt: skip
OUTPUTS = [
    tensor('target', [1, 4], 'target/joint/position', LEGS),
    tensor('memory_out', [2, 1, 3]),
    tensor('action_out', [1, 4]),
    tensor('stiff', [1, 4], 'kp', LEGS),
]
FLOW = {'walk/memory_out': ['walk/memory_in'], 'walk/action_out': ['walk/action_in']}


def bundle(inputs=INPUTS, outputs=OUTPUTS, parameters=None, agile=None, **pipeline):
    return {
        'models': {
            'walk': {
                'inputs': inputs,
                'outputs': outputs,
                'parameters': {
                    'model_path': 'walk.onnx',
                    'backend': 'onnx',
                    'sha256sum': SHA256,
                    **(parameters or {}),
                },
            }
        },
        'pipeline': {
            'data_flow': {},
            'feedback_flow': FLOW,
            'configs': {'frequency': 50.0},
            **pipeline,
        },
        'system information': {'leapp version': '0.7.2'},
        **({'agile': agile} if agile else {}),
    }


@pytest.fixture
def read(tmp_path):
    """Return a function that reads a bundle of a model."""
    (tmp_path / 'walk.onnx').write_bytes(CONTENT)

    def read_bundle(values=None, initial=None, **changes):
        if initial is not None:
            content = initial if isinstance(initial, bytes) else save(initial)
            (tmp_path / 'initial').write_bytes(content)
            changes['initial_values'] = 'initial'
        context = ModelContext(model=tmp_path / 'walk.onnx')
        return read_content(values or bundle(**changes), tmp_path / 'walk.yaml', context)

    return read_bundle


def spec_of(source, **more):
    pose = {'default_position': [0.0] * 5}
    return read_dataclass(PolicySpec, {**pose, **source.values, **more}, '')


def changed(entries, name, **changes):
    return [{**entry, **changes} if entry['name'] == name else entry for entry in entries]


def test_observations_equal_those_of_a_scalar_loop(read):
    samples = Samples(['waist', *LEGS])
    spec = spec_of(read())
    for tick, (observation, target) in enumerate(driven(spec, samples, [0.1, 0.2, 0.3, 0.4])):
        w, x, y, z = samples.quat[tick]
        expected = [
            *samples.gyro[tick],
            *(x, y, z, w),
            *samples.command[tick],
            *(samples.q(tick, name) for name in JOINTS),
            *(samples.dq(tick, name) for name in LEGS[::-1]),
            *samples.linear[tick],
            *samples.gravity(tick),
        ]
        assert observation == pytest.approx(expected, abs=1e-6)
        assert target == pytest.approx([0.1, 0.2, 0.3, 0.4, 0.0])


def test_each_input_is_a_separate_tensor_without_scales(read):
    spec = spec_of(read())
    assert [entry.name for entry in spec.inputs] == [entry['name'] for entry in INPUTS[:7]]
    assert {term.scale for entry in spec.inputs for term in entry.terms} == {1.0}
    assert (spec.name, spec.period, spec.joints) == ('walk', 0.02, tuple(JOINTS))
    assert spec.outputs.action.joints == tuple(LEGS)
    assert spec.outputs.action.offset == (0.0,) * 4


def test_feedback_is_state_that_begins_with_zeros_or_the_initial_values(read):
    zeros = [
        {'input': 'memory_in', 'output': 'memory_out', 'shape': [2, 1, 3]},
        {'input': 'action_in', 'output': 'action_out', 'shape': [1, 4]},
    ]
    assert read().values['state'] == zeros
    values = bundle()
    values['pipeline']['feedback_connections'] = values['pipeline'].pop('feedback_flow')
    assert read(values).values['state'] == zeros
    initial = {
        'walk/memory_in': np.arange(6, dtype=np.float32).reshape(2, 1, 3),
        'walk/action_in': np.zeros((1, 4), np.float32),
        'walk/count': np.array([7]),
    }
    numbers = [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]
    assert read(initial=initial).values['state'] == [{**zeros[0], 'initial': numbers}, zeros[1]]


def test_one_output_may_feed_two_inputs_and_be_the_target(read):
    inputs = [*INPUTS[:7], tensor('a', [1, 4]), tensor('b', [1, 4])]
    source = read(inputs=inputs, feedback_flow={'walk/target': ['walk/a', 'walk/b']})
    assert [(entry['input'], entry['output']) for entry in source.values['state']] == [
        ('a', 'target'),
        ('b', 'target'),
    ]


def test_pose_and_gains_that_agile_adds(read):
    robot = {
        'joint_names': ['waist', *LEGS],
        'default_joint_pos': [9.0, 1.0, 2.0, 3.0, 4.0],
        'default_joint_stiffness': [90.0, 10.0, 20.0, 30.0, 40.0],
        'default_joint_damping': [9.5, 1.5, 2.5, 3.5, 4.5],
    }
    values = read(agile={'articulations': {'robot': robot}}).values
    assert values['default_position'] == [1.0, 2.0, 3.0, 4.0, 9.0]
    assert values['stiffness'] == [10.0, 20.0, 30.0, 40.0, 90.0]
    assert values['damping'] == [1.5, 2.5, 3.5, 4.5, 9.5]


def test_missing_fields_of_a_bundle_have_hints(read):
    hints = read(configs={}).hints
    assert hints['default_position'].startswith('a LEAPP bundle has no default pose')
    assert hints['command'].startswith('a LEAPP bundle has no command ranges')
    assert hints['period'].startswith('pipeline.configs.frequency is missing')
    assert hints['stiffness'].startswith(
        "gains are computed by the graph, in its outputs ['stiff']"
    )
    assert read(outputs=OUTPUTS[:3]).hints['damping'].startswith('gains are not in the bundle: ')


def test_period_of_the_tensors_where_there_is_no_frequency(read):
    inputs = changed(INPUTS, 'q', temporal_period_ms=25)
    assert read(inputs=inputs, configs={}).values['period'] == 0.025
    two = changed(inputs, 'dq', temporal_period_ms=20)
    assert 'period' not in read(inputs=two, configs={}).values


@pytest.mark.parametrize(
    'changes',
    [
        {'element_names': None, 'axes': [{}, {'names': JOINTS}]},
        {'element_names': [JOINTS]},
    ],
    ids=['newer form', 'last axis alone'],
)
def test_other_forms_of_the_names(read, changes):
    assert read(inputs=changed(INPUTS, 'q', **changes)).values == read().values


@pytest.mark.parametrize('kind', ['velocity', 'torques', 'effort'])
def test_mode_of_the_target_and_of_the_joints_that_it_leaves_out(read, kind):
    spec = spec_of(read(outputs=changed(OUTPUTS, 'target', kind=f'target/joint/{kind}')))
    assert spec.modes == (kind.replace('torques', 'effort'),) * 4 + ('position',)


@pytest.mark.parametrize(
    ('name', 'changes', 'message'),
    [
        ('goal', {'shape': [1, 4]}, r"is of kind 'command/body/velocity', with 4 elements called"),
        (
            'quat',
            {'element_names': None},
            r"is of kind 'state/body/rotation', with 4 elements cal",
        ),
        ('speed', {'kind': None}, r'has no kind and no feedback, with 3 elements called \[\], '),
        ('q', {'kind': 'state/joint/effort'}, r"is of kind 'state/joint/effort', with 5 elements"),
        (
            'gyro',
            {'isaaclab_connection': 'state:robot:root_ang_vel_w'},
            r'is root_ang_vel_w, not a velocity of the base in the base frame',
        ),
        (
            'quat',
            {'isaaclab_connection': 'state:robot:body_quat_w'},
            r'is body_quat_w, not the orientation of the base',
        ),
        (
            'dq',
            {'shape': [4, 4], 'element_names': ['__temporal_axis__', LEGS]},
            r'holds several steps in time',
        ),
    ],
)
def test_input_that_is_no_term_leaves_the_inputs_to_the_user(read, name, changes, message):
    index = [entry['name'] for entry in INPUTS].index(name)
    source = read(inputs=changed(INPUTS, name, **changes))
    assert 'inputs' not in source.values
    hint = source.hints['inputs']
    assert hint.startswith(f'models.walk.inputs[{index}] ({name}) ')
    assert hint.endswith(': describe all inputs in a file with --spec')
    assert re.search(message, hint)


def test_two_targets_leave_the_action_to_the_user(read):
    two = [*OUTPUTS, tensor('more', [1, 4], 'target/joint/velocity', LEGS)]
    source = read(outputs=two)
    assert 'outputs' not in source.values
    assert source.hints['outputs.action.name'].startswith('outputs of the bundle have 2 targets')


@pytest.mark.parametrize(
    ('message', 'changes'),
    {
        rf'parameters\.sha256sum is {"0" * 64}, but walk\.onnx has {SHA256}: was the model ': {
            'parameters': {'sha256sum': '0' * 64}
        },
        r"models\.walk\.parameters\.backend is 'jit', expected 'onnx': export the policy": {
            'parameters': {'backend': 'jit'}
        },
        r"model_path is 'run\.onnx', expected 'walk\.onnx': is it the bundle of this model\?$": {
            'parameters': {'model_path': 'run.onnx'}
        },
        r'pipeline\.data_flow is given, expected none': {'data_flow': {'walk/a': ['walk/b']}},
        r'pipeline has feedback_flow and feedback_connections, expected one of them$': {
            'feedback_connections': {}
        },
        r"pipeline\.feedback_flow\.run/target names 'run/target', expected one of \['target'": {
            'feedback_flow': {'run/target': ['walk/action_in']}
        },
        r"names 'walk/nowhere', expected one of \['gyro', ": {
            'feedback_flow': {'walk/target': ['walk/nowhere']}
        },
        r'models\.walk\.inputs\[7\] \(memory_in\) is of type int64, expected float32$': {
            'inputs': changed(INPUTS, 'memory_in', dtype='int64')
        },
        r'configs\.frequency is 0 Hz, expected above 0 Hz$': {'configs': {'frequency': 0}},
        r'shape is \[\], expected at least one axis': {'inputs': changed(INPUTS, 'q', shape=[])},
        r'models\.walk\.inputs\[3\] has 5 names, expected 4, one per element$': {
            'inputs': changed(INPUTS, 'q', shape=[1, 4])
        },
        r'agile\.articulations\.robot\.joint_names is .*, expected all of \[': {
            'agile': {'articulations': {'robot': {'joint_names': LEGS}}}
        },
    }.items(),
)
def test_what_does_not_fit_is_refused(read, changes, message):
    with pytest.raises(ConfigError, match=message):
        read(**changes)


@pytest.mark.parametrize(
    ('initial', 'message'),
    [
        ({}, r"initial values have \[\], expected 'walk/memory_in' too, which is fed back$"),
        (
            {'walk/memory_in': np.zeros((2, 3), np.float32)},
            r"initial value 'walk/memory_in' has shape \[2, 3\], expected \[2, 1, 3\]$",
        ),
        (
            {'walk/memory_in': np.zeros((2, 1, 3), np.int64)},
            r"initial value 'walk/memory_in': type is I64, expected F32$",
        ),
    ],
)
def test_initial_values_that_do_not_fit_are_refused(read, initial, message):
    with pytest.raises(ConfigError, match=message):
        read(initial=initial)


@pytest.mark.parametrize(
    ('name', 'message'),
    [
        ('../a', r"is '\.\./a', expected the name of a file in the folder of the bundle"),
        ('link', r'links to another folder, expected a file in its folder'),
        ('gone', r'gone cannot be read: No such file'),
    ],
)
def test_initial_values_elsewhere_are_refused(read, tmp_path, name, message):
    (tmp_path / 'link').symlink_to('in/a')
    with pytest.raises(ConfigError, match=message):
        read(initial_values=name)


def test_pipeline_of_several_networks_is_refused(read):
    network = bundle()['models']['walk']
    values = {**bundle(), 'models': {'walk': network, 'encode': network}}
    with pytest.raises(ConfigError, match=r"models has \['walk', 'encode'\], expected one: a "):
        read(values)


def with_header(header, body=b''):
    text = header if isinstance(header, bytes) else json.dumps({'walk/memory_in': header}).encode()
    return len(text).to_bytes(8, 'little') + text + body


def entry(shape=(2, 1), offsets=(0, 8)):
    return {'dtype': 'F32', 'shape': list(shape), 'data_offsets': list(offsets)}


@pytest.mark.parametrize(
    'content',
    [
        b'',
        b'\xff' * 8,
        with_header(b'{'),
        with_header(b'[]'),
        with_header(b'[' * 100_000),
        with_header(1),
        with_header({'dtype': 'F32'}),
        with_header(entry()),
        with_header(entry(offsets=(8, 0)), b'x' * 8),
        with_header(entry(shape=(-2, 1)), b'x' * 8),
        with_header(entry(shape=(2**40, 2**40)), b'x' * 8),
        with_header(entry(shape=(3, 1)), b'x' * 8),
    ],
)
def test_damaged_initial_values_are_refused(read, content):
    with pytest.raises(ConfigError, match=r'initial cannot be read as safetensors: '):
        read(initial=content)


def test_large_file_is_refused(read, monkeypatch):
    monkeypatch.setattr(leapp, 'MAX_BYTES', 10)
    with pytest.raises(ConfigError, match=r'initial is larger than 10 bytes'):
        read(initial=b'x' * 11)


def test_missing_library_is_named(read, monkeypatch):
    monkeypatch.setitem(sys.modules, 'safetensors', None)
    with pytest.raises(MissingExtraError, match=r'pip install "distill_runtime\[leapp\]"$'):
        read(initial=b'')


@pytest.mark.fuzz
@given(header=st.binary(max_size=100), body=st.binary(max_size=20))
def test_any_initial_values_are_read_or_refused(tmp_path_factory, header, body):
    folder = tmp_path_factory.getbasetemp()
    (folder / 'initial').write_bytes(with_header(header, body))
    values = bundle(parameters={'sha256sum': None}, initial_values='initial')
    with contextlib.suppress(ConfigError):
        read_content(values, folder / 'walk.yaml', ModelContext(model=folder / 'walk.onnx'))


test_damaged_file_is_read_or_refused = damage_test(
    bundle(parameters={'sha256sum': None}), 'walk.yaml'
)
