# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from dataclasses import replace
import json

from distill_runtime.errors import ConfigError, ModelError
from distill_runtime.policy.golden import record_golden
from distill_runtime.policy.model import load_policy
from distill_runtime.policy.model_file.mjlab_keys import KEYS
from distill_runtime.policy.model_file.model_files import write_model
from distill_runtime.policy.pack import pack, PROVENANCE_KEY, read_provenance
from distill_runtime.policy.session import open_session, PolicySession
from distill_runtime.spec.mapping import read_dataclass
from distill_runtime.spec.readers.native import SPEC_KEY
from distill_runtime.spec.spec import PolicySpec
from distill_runtime.spec.tensors import InputSpec
import numpy as np
import onnx
from onnx import helper, numpy_helper, TensorProto
import pytest

SPEC = read_dataclass(
    PolicySpec,
    {
        'name': 'two_joints',
        'period': 0.02,
        'joints': ['hip', 'knee'],
        'default_position': [0.1 + 0.2, -1 / 3],
        'stiffness': [1e-17, 35.123456789012345],
        'damping': [0.5, 0.5],
        'limits': {'position': [[-1.0, 1.0], [-2.0, 0.0]]},
        'inputs': [
            {
                'name': 'obs',
                'terms': [
                    {'term': 'joint_position', 'relative': True},
                    {'term': 'joint_velocity', 'scale': 0.05},
                ],
            }
        ],
        'outputs': {'action': {'name': 'actions', 'scale': 0.4386, 'offset': 'default'}},
    },
    '',
)


def make_model(**metadata):
    weight = np.random.default_rng(0).normal(size=(4, 2)).astype(np.float32)
    graph = helper.make_graph(
        [helper.make_node('MatMul', ['obs', 'weight'], ['actions'])],
        'linear',
        [helper.make_tensor_value_info('obs', TensorProto.FLOAT, ['N', 4])],
        [helper.make_tensor_value_info('actions', TensorProto.FLOAT, ['N', 2])],
        [numpy_helper.from_array(weight, 'weight')],
    )
    opset = [helper.make_opsetid('', 17)]
    model = helper.make_model(graph, ir_version=8, opset_imports=opset)
    helper.set_model_props(model, metadata)
    return model.SerializeToString()


def make_golden(model, steps=3):
    session, graph = open_session(model)
    observations = np.random.default_rng(1).normal(size=(steps, 4)).astype(np.float32)
    return record_golden(PolicySession(session, graph, SPEC), observations)


def metadata_of(model):
    return {entry.key: entry.value for entry in onnx.load_from_string(model).metadata_props}


def test_packed_file_loads_with_the_same_spec(tmp_path):
    model = make_model()
    golden = make_golden(model)
    path = tmp_path / 'packed.onnx'
    write_model(path, pack(model, SPEC, golden))
    loaded = load_policy(path)
    assert loaded.spec.golden == golden
    assert loaded.golden_error == 0.0
    for field in ('default_position', 'stiffness', 'limits', 'inputs', 'outputs'):
        assert getattr(loaded.spec, field) == getattr(SPEC, field)


@pytest.mark.parametrize('restart', [True, 'at_offset', 'advanced'])
def test_packed_file_keeps_the_restart_of_the_gait_clock(tmp_path, restart):
    gait = {
        'term': 'gait_phase',
        'frequency': 1.0,
        'offsets': [0.0],
        'components': ['cos', 'sin'],
        'advance': 'before',
        'standing': {'below': 0.01, 'phase': 3.0, 'restart': restart},
    }
    position = {'term': 'joint_position', 'relative': True}
    inputs = read_dataclass(InputSpec, {'name': 'obs', 'terms': [position, gait]}, '')
    path = tmp_path / 'packed.onnx'
    write_model(path, pack(make_model(), replace(SPEC, inputs=(inputs,))))
    assert load_policy(path).spec.inputs[0].terms[1].standing.restart == restart


def test_graph_keeps_every_byte():
    model = make_model()
    packed = onnx.load_from_string(pack(model, SPEC, make_golden(model)))
    assert packed.graph.SerializeToString() in model
    del packed.metadata_props[:]
    assert packed.SerializeToString() == model


def test_packing_again_replaces_and_keeps_foreign_metadata():
    first = pack(make_model(author='someone'), SPEC, provenance={'seed': 1})
    second = pack(first, SPEC, provenance={'seed': 2})
    metadata = metadata_of(second)
    assert metadata['author'] == 'someone'
    assert read_provenance(metadata) == {'seed': 2}
    ours = {PROVENANCE_KEY, SPEC_KEY, *KEYS} - {'command_names'}
    assert metadata.keys() == {'author', *ours}
    assert len(onnx.load_from_string(second).metadata_props) == len(metadata)


def test_golden_vectors_of_the_spec_count_if_none_are_given(tmp_path):
    model = make_model()
    path = tmp_path / 'packed.onnx'
    write_model(path, pack(model, SPEC, make_golden(model)))
    spec = load_policy(path).spec
    assert metadata_of(pack(model, spec)) == metadata_of(path.read_bytes())


def test_external_weights_are_embedded(tmp_path):
    path = tmp_path / 'model.onnx'
    onnx.save(
        onnx.load_from_string(make_model()),
        str(path),
        save_as_external_data=True,
        location='model.onnx.data',
        size_threshold=0,
    )
    assert b'model.onnx.data' in path.read_bytes()
    packed = tmp_path / 'elsewhere' / 'packed.onnx'
    packed.parent.mkdir()
    write_model(packed, pack(path, SPEC, make_golden(make_model())))
    assert load_policy(packed).golden_error == 0.0


def test_golden_vectors_of_another_network_are_refused():
    golden = make_golden(make_model())
    other = onnx.load_from_string(make_model())
    weight = 1.01 * numpy_helper.to_array(other.graph.initializer[0])
    other.graph.initializer[0].CopyFrom(numpy_helper.from_array(weight, 'weight'))
    with pytest.raises(ModelError, match=r'golden\.action\[0\]\[\d\] is .*, expected'):
        pack(other.SerializeToString(), SPEC, golden)


def test_spec_of_another_width_is_refused():
    values = {'name': 'obs', 'terms': [{'term': 'joint_velocity'}]}
    spec = replace(SPEC, inputs=(read_dataclass(InputSpec, values, ''),))
    with pytest.raises(ModelError, match='expected 2 elements, the sum of'):
        pack(make_model(), spec)


@pytest.mark.parametrize('content', [b'', b'\xff\xff\xff', b'no model'])
def test_content_that_is_no_model_is_refused(content):
    with pytest.raises(ModelError):
        pack(content, SPEC)


def test_missing_file_is_refused(tmp_path):
    with pytest.raises(ConfigError, match=r'absent\.onnx cannot be read: No such file'):
        pack(tmp_path / 'absent.onnx', SPEC)


@pytest.mark.parametrize('value', [float('nan'), b'bytes', {1, 2}])
def test_provenance_that_is_no_json_is_refused(value):
    with pytest.raises(ConfigError, match='provenance cannot be written as JSON'):
        pack(make_model(), SPEC, provenance={'value': value})


def test_missing_provenance_is_empty():
    assert read_provenance({}) == {}


@pytest.mark.parametrize('text', ['{', json.dumps([1])])
def test_broken_provenance_is_refused(text):
    with pytest.raises(ConfigError, match=PROVENANCE_KEY):
        read_provenance({PROVENANCE_KEY: text})
