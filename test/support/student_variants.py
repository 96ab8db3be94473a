# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Variants of the shipped student with equal targets: other widths, histories, state, scales."""

from __future__ import annotations

import json

from distill_runtime.share import share_path
import numpy as np
import onnx
from onnx import helper, numpy_helper, TensorProto

STUDENT = share_path() / 'models' / 'quadruped_student.onnx'
_LENGTH = 5
_WIDTHS = {
    'base_angular_velocity': 3,
    'projected_gravity': 3,
    'velocity_command': 3,
    'joint_position': 12,
    'joint_velocity': 12,
    'last_action': 12,
}
_OF_JOINTS = ('joint_position', 'joint_velocity', 'last_action')
_FRAME = sum(_WIDTHS.values())


def write_student_variant(
    path,
    *,
    length=_LENGTH,
    major='term',
    order='oldest_first',
    fill='first',
    turned=False,
    scales=None,
    action_scale=1.0,
    width=0,
    is_recurrent=False,
    **changes,
):
    """Write a policy with the targets of the student; return its path.

    Args:
        path: Of the model file.
        length: Of the history; frames older than those of the student are not used.
        major, order, fill: Of the history.
        turned: Whether the joints are in reverse order.
        scales: Factor by term.
        action_scale: Factor on the scale of actions.
        width: Units of an additional layer that adds zero.
        is_recurrent: Whether the history is a recurrent state.
        changes: Of the spec.
    """
    model = onnx.load(str(STUDENT))
    spec = json.loads(_metadata(model)['distill_runtime.spec'])
    graph = model.graph
    scales = {**(scales or {}), 'last_action': 1.0 / action_scale}
    names = list(_WIDTHS)
    turn = np.arange(12)[::-1] if turned else np.arange(12)
    length = 1 if is_recurrent else length
    index, factor = [], []
    for name in names:
        for lag in range(_LENGTH - 1, -1, -1):  # the student reads term by term, oldest first
            for column in range(_WIDTHS[name]):
                source_column = int(turn[column]) if name in _OF_JOINTS else column
                index.append(_column(name, source_column, lag, length, major, order, is_recurrent))
                factor.append(1.0 / scales.get(name, 1.0))
    _rename(graph, 'obs', 'student_obs', 'actions', 'student_actions')
    dim = _FRAME * length
    source, nodes = 'obs', []
    values = {
        'index': np.array(index, np.int64),
        'factor': np.array(factor, np.float32),
        'turn': turn.astype(np.int64),
        'gain': np.array(1.0 / action_scale, np.float32),
    }
    inputs = [helper.make_tensor_value_info('obs', TensorProto.FLOAT, [1, dim])]
    outputs = [helper.make_tensor_value_info('actions', TensorProto.FLOAT, [1, 12])]
    if is_recurrent:
        state = _FRAME * (_LENGTH - 1)
        inputs.append(helper.make_tensor_value_info('past', TensorProto.FLOAT, [1, state]))
        outputs.append(helper.make_tensor_value_info('present', TensorProto.FLOAT, [1, state]))
        values |= {'first': np.array([_FRAME]), 'last': np.array([_FRAME * _LENGTH])}
        values['axis'] = np.array([1])
        nodes += [
            helper.make_node('Concat', ['past', 'obs'], ['all'], axis=1),
            helper.make_node('Slice', ['all', 'first', 'last', 'axis'], ['present']),
        ]
        source = 'all'
    nodes += [
        helper.make_node('Gather', [source, 'index'], ['gathered'], axis=1),
        helper.make_node('Mul', ['gathered', 'factor'], ['student_obs']),
    ]
    result = 'student_actions'
    nodes_after = []
    if width:
        rng = np.random.default_rng(width)
        values['wide'] = rng.normal(0, 0.1, (dim, width)).astype(np.float32)
        values['zeros'] = np.zeros((width, 12), np.float32)
        nodes_after += [
            helper.make_node('MatMul', ['obs', 'wide'], ['layer']),
            helper.make_node('Elu', ['layer'], ['activated']),
            helper.make_node('MatMul', ['activated', 'zeros'], ['zero']),
            helper.make_node('Add', [result, 'zero'], ['sum']),
        ]
        result = 'sum'
    nodes_after += [
        helper.make_node('Gather', [result, 'turn'], ['turned'], axis=1),
        helper.make_node('Mul', ['turned', 'gain'], ['actions']),
    ]
    _rebuild(graph, nodes, nodes_after, values, inputs, outputs)
    _respec(spec, length, major, order, fill, turned, scales, action_scale, is_recurrent)
    spec.update(changes)
    del model.metadata_props[:]
    helper.set_model_props(model, {'distill_runtime.spec': json.dumps(spec)})
    onnx.save(model, str(path))
    return path


def _metadata(model):
    return {entry.key: entry.value for entry in model.metadata_props}


def _column(name, column, lag, length, major, order, is_recurrent):
    """Return the column of an element of the student's observation in the variant."""
    before = sum(_WIDTHS[other] for other in list(_WIDTHS)[: list(_WIDTHS).index(name)])
    if is_recurrent:
        return (_LENGTH - 1 - lag) * _FRAME + before + column
    slot = lag if order == 'newest_first' else length - 1 - lag
    if major == 'frame':
        return slot * _FRAME + before + column
    return before * length + slot * _WIDTHS[name] + column


def _rename(graph, *pairs):
    names = dict(zip(pairs[::2], pairs[1::2], strict=True))
    for node in graph.node:
        node.input[:] = [names.get(name, name) for name in node.input]
        node.output[:] = [names.get(name, name) for name in node.output]


def _rebuild(graph, nodes_before, nodes_after, values, inputs, outputs):
    student = list(graph.node)
    del graph.node[:], graph.input[:], graph.output[:], graph.value_info[:]
    graph.node.extend([*nodes_before, *student, *nodes_after])
    graph.input.extend(inputs)
    graph.output.extend(outputs)
    graph.initializer.extend(
        numpy_helper.from_array(np.asarray(value), name) for name, value in values.items()
    )


def _respec(spec, length, major, order, fill, turned, scales, action_scale, is_recurrent):
    entry = spec['inputs'][0]
    for term in entry['terms']:
        if scales.get(term['term'], 1.0) != 1.0 and term['term'] != 'last_action':
            term['scale'] = scales[term['term']]
    entry['history'] = {'length': length, 'major': major, 'order': order, 'fill': fill}
    if is_recurrent:
        del entry['history']
        state = _FRAME * (_LENGTH - 1)
        spec['state'] = [{'input': 'past', 'output': 'present', 'shape': [1, state]}]
    spec['outputs']['action']['scale'] *= action_scale
    if turned:
        for key in ('joints', 'default_position', 'stiffness', 'damping'):
            spec[key].reverse()
        for values in spec['limits'].values():
            values.reverse()
