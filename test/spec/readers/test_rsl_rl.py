# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

from distill_runtime.spec.dialect import ModelContext, TensorShape
from distill_runtime.spec.readers.rsl_rl import graph_sources


def context(inputs, outputs=('actions',)):
    return ModelContext(
        model=Path('exported/policy.onnx'),
        inputs=tuple(TensorShape(name=name, shape=shape) for name, shape in inputs.items()),
        outputs=tuple(TensorShape(name=name, shape=()) for name in outputs),
    )


def test_lstm_has_two_states_in_the_shapes_of_its_graph():
    shapes = {'obs': (1, 48), 'h_in': (2, 1, 64), 'c_in': (2, 1, 64)}
    (source,) = graph_sources(context(shapes, ('actions', 'h_out', 'c_out')))
    assert source.name == 'graph of policy.onnx'
    assert source.values == {
        'state': [
            {'input': 'h_in', 'output': 'h_out', 'shape': [2, 1, 64]},
            {'input': 'c_in', 'output': 'c_out', 'shape': [2, 1, 64]},
        ]
    }


def test_gru_has_one():
    shapes = {'obs': (1, 48), 'h_in': (1, 1, 32)}
    (source,) = graph_sources(context(shapes, ('actions', 'h_out')))
    assert [entry['input'] for entry in source.values['state']] == ['h_in']


def test_symbolic_batch_of_a_state_is_one_robot():
    (source,) = graph_sources(context({'h_in': (1, 'batch', 32)}, ('h_out',)))
    assert source.values['state'][0]['shape'] == [1, 1, 32]


def test_mlp_has_none():
    assert graph_sources(context({'obs': (1, 48)})) == []


def test_state_of_unknown_size_or_without_its_output_is_left_to_the_user():
    assert graph_sources(context({'h_in': (1, 1, 'hidden')}, ('h_out',))) == []
    assert graph_sources(context({'h_in': (1, 32)}, ('h_out',))) == []
    assert graph_sources(context({'h_in': (1, 1, 32)})) == []
