# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Files that must never act in place of the shipped student."""

from __future__ import annotations

import json

import numpy as np
import onnx
from onnx import helper, numpy_helper, TensorProto

from .student_variants import write_student_variant

_ROUNDS = 50_000


def write_bad_models(folder):
    """Write one file of each kind; return their paths by what is wrong with them."""
    folder.mkdir()
    made = {}

    def path(name):
        made[name] = folder / f'{name}.onnx'
        return made[name]

    whole = write_student_variant(folder / 'whole.onnx').read_bytes()
    path('truncated').write_bytes(whole[: len(whole) // 2])
    path('empty').write_bytes(b'')
    path('no_onnx').write_bytes(b'not a model at all' * 100)
    made['missing'] = folder / 'missing.onnx'
    _edit(folder / 'whole.onnx', path('nan_weights'), _with_nan)
    write_student_variant(path('other_joint'), joints=[f'joint_{place}' for place in range(12)])
    write_student_variant(path('other_period'), period=0.01)
    write_student_variant(path('other_gains'), stiffness=[20.0] * 12)
    _edit(folder / 'whole.onnx', path('wrong_width'), _without_a_term)
    _edit(folder / 'whole.onnx', path('other_golden'), _with_golden)
    _edit(folder / 'whole.onnx', path('slow'), _slow)
    external = onnx.load(str(folder / 'whole.onnx'))
    onnx.save_model(
        external, str(path('no_data')), save_as_external_data=True, location='weights.bin',
        size_threshold=0,
    )  # fmt: skip
    (folder / 'weights.bin').unlink()
    with path('too_large').open('wb') as file:
        file.write(whole)
        file.truncate(200_000_000)
    with path('huge').open('wb') as file:
        file.truncate(3 << 30)
    return made


def _edit(source, target, change):
    model = onnx.load(str(source))
    change(model)
    onnx.save(model, str(target))


def _properties(model, **changes):
    properties = {entry.key: entry.value for entry in model.metadata_props}
    del model.metadata_props[:]
    helper.set_model_props(model, {**properties, **changes})


def _with_nan(model):
    for place, tensor in enumerate(model.graph.initializer):
        values = numpy_helper.to_array(tensor)
        if values.dtype == np.float32 and values.size > 100:
            values = values.copy()
            values.flat[0] = np.nan
            model.graph.initializer[place].CopyFrom(numpy_helper.from_array(values, tensor.name))


def _without_a_term(model):
    spec = json.loads(model.metadata_props[0].value)
    del spec['inputs'][0]['terms'][0]
    _properties(model, **{'distill_runtime.spec': json.dumps(spec)})


def _with_golden(model):
    golden = {'observation': [[0.1] * 225] * 2, 'action': [[9.0] * 12] * 2}
    _properties(model, **{'distill_runtime.golden': json.dumps(golden)})


def _slow(model):
    """Add a loop that takes long and does nothing."""
    graph = model.graph
    for node in graph.node:
        node.output[:] = ['student' if name == 'actions' else name for name in node.output]
    targets = helper.make_tensor_value_info('before', TensorProto.FLOAT, [1, 12])
    body = helper.make_graph(
        [
            helper.make_node('Identity', ['is_on'], ['goes_on']),
            helper.make_node('Add', ['before', 'nothing'], ['behind']),
        ],
        'body',
        [
            helper.make_tensor_value_info('number', TensorProto.INT64, []),
            helper.make_tensor_value_info('is_on', TensorProto.BOOL, []),
            targets,
        ],
        [
            helper.make_tensor_value_info('goes_on', TensorProto.BOOL, []),
            helper.make_tensor_value_info('behind', TensorProto.FLOAT, [1, 12]),
        ],
    )
    graph.initializer.extend(
        numpy_helper.from_array(np.array(value), name)
        for name, value in (
            ('count', np.int64(_ROUNDS)), ('yes', True), ('nothing', np.zeros(12, np.float32)),
        )
    )  # fmt: skip
    loop = helper.make_node('Loop', ['count', 'yes', 'student'], ['actions'], body=body)
    graph.node.append(loop)
