# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Files that must never act in place of the shipped student."""

from __future__ import annotations

import itertools
import json

import numpy as np
import onnx
from onnx import helper, numpy_helper

from .alike import write_alike

_BIG, _LAYERS = 1500, 60


def write_bad_models(folder):
    """Write one file of each kind; return their paths by what is wrong with them."""
    folder.mkdir()
    made = {}

    def path(name):
        made[name] = folder / f'{name}.onnx'
        return made[name]

    whole = write_alike(folder / 'whole.onnx').read_bytes()
    path('truncated').write_bytes(whole[: len(whole) // 2])
    path('empty').write_bytes(b'')
    path('no_onnx').write_bytes(b'not a model at all' * 100)
    made['missing'] = folder / 'missing.onnx'
    _edit(folder / 'whole.onnx', path('nan_weights'), _with_nan)
    write_alike(path('other_joint'), joints=[f'joint_{place}' for place in range(12)])
    write_alike(path('other_period'), period=0.01)
    write_alike(path('other_gains'), stiffness=[20.0] * 12)
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
    """Add layers that take long and do nothing."""
    graph = model.graph
    for node in graph.node:
        node.output[:] = ['student' if name == 'actions' else name for name in node.output]
    graph.initializer.extend(
        numpy_helper.from_array(np.zeros(shape, np.float32), name)
        for name, shape in (('into', (12, _BIG)), ('square', (_BIG, _BIG)), ('out', (_BIG, 12)))
    )
    chain = [f'layer_{number}' for number in range(_LAYERS)]
    graph.node.append(helper.make_node('MatMul', ['student', 'into'], ['layer_0']))
    graph.node.extend(
        helper.make_node('MatMul', [before, 'square'], [behind])
        for before, behind in itertools.pairwise(chain)
    )
    graph.node.append(helper.make_node('MatMul', [chain[-1], 'out'], ['nothing']))
    graph.node.append(helper.make_node('Add', ['student', 'nothing'], ['actions']))
