# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import contextlib

from distill_runtime.policy.model_file import onnx_facts
from distill_runtime.policy.model_file.onnx_facts import OnnxScan, read_onnx_facts
from hypothesis import given
from hypothesis import strategies as st
import numpy as np
import onnx
from onnx import helper, numpy_helper, TensorProto
import pytest
from support.models import FLOAT, save_linear, save_model


def test_facts_of_a_plain_model(tmp_path):
    facts = read_onnx_facts(save_linear(tmp_path / 'a.onnx', np.eye(3)))
    assert (facts.opset, facts.domains, facts.external_files) == (17, (), ())


def test_operators_of_other_domains_are_found_inside_branches(tmp_path):
    path = save_model(tmp_path / 'a.onnx', [('Identity', ['x'], ['y'])], {'x': [1]}, {'y': [1]})
    model = onnx.load(path)
    output = helper.make_tensor_value_info('z', FLOAT, [1])
    node = helper.make_node('Gelu', ['x'], ['z'], domain='com.microsoft')
    branch = helper.make_graph([node], 'branch', [], [output])
    model.graph.node.append(
        helper.make_node('If', ['c'], ['w'], then_branch=branch, else_branch=branch)
    )
    onnx.save(model, path)
    assert read_onnx_facts(path).domains == ('com.microsoft',)


def scanned(model):
    scan = OnnxScan()
    scan.model(memoryview(model if isinstance(model, bytes) else model.SerializeToString()))
    return scan


def external(location, name='w'):
    tensor = TensorProto(name=name, data_type=FLOAT, dims=[1])
    tensor.data_location = TensorProto.EXTERNAL
    for key, value in (('offset', '0'), ('location', location), ('length', '4')):
        tensor.external_data.add(key=key, value=value)
    return tensor


def graph_of(*nodes, initializer=(), **changes):
    output = helper.make_tensor_value_info('y', FLOAT, [1])
    return helper.make_graph(list(nodes), 'g', [], [output], list(initializer), **changes)


def model_of(*nodes, functions=(), **changes):
    return helper.make_model(
        graph_of(*nodes, **changes),
        opset_imports=[helper.make_opsetid('', 17), helper.make_opsetid('my.ops', 3)],
        functions=list(functions),
        producer_name='maker',
        producer_version='1.2',
    )


def test_header():
    scan = scanned(model_of())
    assert (scan.has_graph, scan.producer, scan.version) == (True, 'maker', '1.2')
    assert scan.opsets == {'': 17, 'my.ops': 3}


def test_external_tensors_are_found_in_every_message():
    sparse = onnx.SparseTensorProto(values=external('values.bin'), indices=external('indices.bin'))
    inner = graph_of(initializer=[external('branch.bin')])
    nodes = [
        helper.make_node('Constant', [], ['a'], value=external('attribute.bin')),
        helper.make_node('If', ['c'], ['b'], then_branch=inner, else_branch=inner),
        helper.make_node('X', [], ['d'], many=[external('list.bin')]),
        helper.make_node('Y', [], ['e'], sparse_value=sparse),
    ]
    function = helper.make_function(
        'own', 'F', [], ['f'],
        [helper.make_node('Constant', [], ['f'], value=external('function.bin'))],
        [helper.make_opsetid('', 17)],
    )  # fmt: skip
    model = model_of(*nodes, initializer=[external('top.bin')], functions=[function])
    model.graph.sparse_initializer.append(sparse)
    training = model.training_info.add()
    training.algorithm.initializer.append(external('training.bin'))
    assert scanned(model).locations == {
        f'{name}.bin'
        for name in (
            'attribute', 'branch', 'function', 'indices', 'list', 'top', 'training', 'values',
        )
    }  # fmt: skip


def test_domains_of_nodes_and_of_functions_of_the_model():
    function = helper.make_function(
        'own.package', 'F', ['x'], ['y'],
        [helper.make_node('Secret', ['x'], ['y'], domain='hidden')],
        [helper.make_opsetid('', 17)],
    )  # fmt: skip
    scan = scanned(
        model_of(helper.make_node('F', ['x'], ['y'], domain='own.package'), functions=[function])
    )
    assert scan.domains == {'own.package', 'hidden'}
    assert scan.function_domains == {'own.package'}


def wrapped(number, content):
    """Return a field that holds a message, its size in five bytes."""
    size = [len(content) >> 7 * index & 0x7F | (0x80 if index < 4 else 0) for index in range(5)]
    return bytes([number << 3 | 2, *size]) + content


def nested(depth):
    """Return a model of graphs in the attributes of nodes, deeper than the library writes."""
    graph = b''
    for _ in range(depth):
        graph = wrapped(1, wrapped(5, wrapped(6, graph)))
    return wrapped(7, graph)


def test_graphs_deep_in_one_another_are_refused():
    scanned(nested(onnx_facts.MAX_DEPTH - 1))
    with pytest.raises(ValueError, match=r'^its graphs are nested more than 50 deep$'):
        scanned(nested(onnx_facts.MAX_DEPTH))


def test_endless_small_fields_are_refused(monkeypatch):
    monkeypatch.setattr(onnx_facts, 'MAX_FIELDS', 100)
    with pytest.raises(ValueError, match=r'^it has more than 100 fields$'):
        scanned(b'\x08\x01' * 101)


@pytest.mark.parametrize(
    ('content', 'message'),
    [
        (b'\x38\x01', 'found 1, expected a message'),
        (b'\x10\x01', 'found 1, expected a string'),
        (b'\x12\x01\xff', 'invalid start byte'),
    ],
)
def test_field_of_another_type_is_refused(content, message):
    with pytest.raises(ValueError, match=message):
        scanned(content)


@pytest.mark.fuzz
@given(data=st.data())
def test_damaged_model_is_scanned_or_refused(tmp_path_factory, data):
    path = tmp_path_factory.getbasetemp() / 'plain.onnx'
    if not path.exists():
        save_linear(path, np.eye(3))
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 5))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    with contextlib.suppress(ValueError):
        scanned(bytes(content))


def test_only_external_tensors_have_a_location():
    tensor = external('left_over.bin')
    tensor.data_location = TensorProto.DEFAULT
    large = numpy_helper.from_array(np.zeros(1_000_000, np.float32), 'w')
    assert scanned(model_of(initializer=[tensor, large])).locations == set()
    unnamed = TensorProto(name='w', data_location=TensorProto.EXTERNAL)
    assert scanned(model_of(initializer=[external('a.bin'), unnamed])).locations == {'a.bin', ''}
