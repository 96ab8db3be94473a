# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from distill_runtime.errors import ConfigError, ModelError
from distill_runtime.policy.session import open_session, PolicySession
import numpy as np
import onnx
from onnx import TensorProto
import onnxruntime
import pytest
from support.models import save_linear, save_model, save_recurrent
from support.specs import make_spec

WEIGHTS = [[1, 0, 0], [0, 2, 0], [0, 0, 3]]
STATE = [{'input': 'h_in', 'output': 'h_out', 'shape': [1, 1, 3]}]


def policy_of(path, **changes):
    session, graph = open_session(path)
    policy = PolicySession(session, graph, make_spec(**changes))
    policy.smoke_test()
    return policy


def run(policy, *observation):
    policy.observation[:] = observation
    policy.run()
    return policy.action.tolist()


@pytest.mark.parametrize(('rank', 'batch'), [(1, 1), (2, 1), (2, 'batch'), (2, None)])
def test_rank_one_and_two_with_fixed_and_symbolic_batch(tmp_path, rank, batch):
    policy = policy_of(save_linear(tmp_path / 'm.onnx', WEIGHTS, rank, batch))
    assert run(policy, 1.0, 2.0, 3.0) == [1.0, 4.0, 9.0]
    assert run(policy, 0.0, -1.0, 0.5) == [0.0, -2.0, 1.5]


def test_tensors_are_found_by_position_where_names_are_useless(tmp_path):
    path = save_linear(tmp_path / 'm.onnx', WEIGHTS, names=('onnx::Gemm_0', '23'))
    tensor = {'name': 0, 'terms': [{'term': 'joint_velocity'}]}
    policy = policy_of(path, inputs=[tensor], action={'name': 0})
    assert run(policy, 1.0, 1.0, 1.0) == [1.0, 2.0, 3.0]


def test_two_inputs_are_concatenated(tmp_path):
    path = save_model(
        tmp_path / 'm.onnx',
        [('Sub', ['a', 'b'], ['actions'])],
        {'a': [1, 3], 'b': [3]},
        {'actions': [1, 3]},
    )
    tensors = [
        {'name': 'b', 'terms': [{'term': 'joint_velocity'}]},
        {'name': 'a', 'terms': [{'term': 'last_action'}]},
    ]
    policy = policy_of(path, inputs=tensors)
    assert run(policy, 1, 2, 3, 10, 20, 30) == [9.0, 18.0, 27.0]
    assert [len(view) for view in policy.inputs] == [3, 3]
    policy.inputs[0][:] = 0.0
    policy.run()
    assert policy.action.tolist() == [10.0, 20.0, 30.0]


def test_recurrent_state_is_carried_and_reset_to_zeros(tmp_path):
    policy = policy_of(save_recurrent(tmp_path / 'm.onnx'), state=STATE)
    assert run(policy, 1, 2, 3) == [2.0, 4.0, 6.0]
    assert run(policy, 1, 2, 3) == [4.0, 8.0, 12.0]
    policy.reset()
    assert run(policy, 1, 2, 3) == [2.0, 4.0, 6.0]


def test_warm_up_leaves_no_trace(tmp_path):
    policy = policy_of(save_recurrent(tmp_path / 'm.onnx'), state=STATE)
    for expected in ([2.0, 4.0, 6.0], [4.0, 8.0, 12.0], [6.0, 12.0, 18.0]):
        assert run(policy, 1, 2, 3) == expected
        policy.warm_up()
        assert policy.observation.tolist() == [1.0, 2.0, 3.0]
        assert policy.action.tolist() == expected


def test_try_out_leaves_no_trace(tmp_path):
    policy = policy_of(save_recurrent(tmp_path / 'm.onnx'), state=STATE)
    assert policy.observation.tolist() == policy.action.tolist() == [0.0] * 3
    run(policy, 1, 1, 1)
    policy.smoke_test()
    assert policy.observation.tolist() == policy.action.tolist() == [0.0] * 3
    assert run(policy, 1, 2, 3) == [2.0, 4.0, 6.0]


def test_network_that_cannot_be_computed_on_an_observation_fails_there_alone(
    tmp_path,
):
    """Elements above 0.5 are taken from a row that is not there."""
    path = save_model(
        tmp_path / 'policy.onnx',
        [
            ('Greater', ['obs', 'most'], ['is_far']),
            ('Where', ['is_far', 'nowhere', 'here'], ['row']),
            ('GatherElements', ['obs', 'row'], ['actions']),
        ],
        {'obs': [1, 3]},
        {'actions': [1, 3]},
        {'most': np.float32(0.5), 'nowhere': np.int64(7), 'here': np.int64(0)},
    )
    policy = policy_of(path)
    with pytest.raises(RuntimeError, match='Out of range value in index'):
        run(policy, 0.0, 1.0, 0.25)
    assert run(policy, 0.0, 0.5, 0.25) == [0.0, 0.5, 0.25]


def symbolic(path):
    """Write a network whose graph does not give the width that it takes."""
    return save_model(
        path,
        [('MatMul', ['obs', 'weights'], ['actions'])],
        {'obs': ['batch', 'width']},
        {'actions': ['batch', 'out']},
        {'weights': np.zeros((7, 3), np.float32)},
    )


def double(path):
    nodes, shapes = [('Neg', ['obs'], ['actions'])], ({'obs': [1, 3]}, {'actions': [1, 3]})
    return save_model(path, nodes, *shapes, dtype=TensorProto.DOUBLE)


FRAMES = {'length': 5, 'major': 'term', 'order': 'oldest_first', 'fill': 'first'}
TERMS = [{'term': 'joint_velocity'}, {'term': 'last_action', 'history': {'length': 1}}]


@pytest.mark.parametrize(
    ('save', 'changes', 'message'),
    [
        (
            lambda path: save_linear(path, np.zeros((48, 3))),
            {'inputs': [{'name': 'obs', 'terms': TERMS, 'history': FRAMES}]},
            r"^tensor 'obs' of the graph has shape \[1, 48\], expected 18 elements, the sum of "
            r'inputs\[0\]\.terms: joint_velocity 3 x 5 \+ last_action 3$',
        ),
        (
            lambda path: save_linear(path, np.zeros((3, 5))),
            {},
            r"^tensor 'actions' of the graph has shape \[1, 5\], expected 3 elements, one per "
            r'action of the spec$',
        ),
        (
            lambda path: save_linear(path, WEIGHTS, batch=4),
            {},
            r"'obs' of the graph has shape \[4, 3\], expected 3 ",
        ),
        (symbolic, {}, r'^network does not run on 3 observations and 3 actions: .*mismatch'),
        (double, {}, r"^tensor 'obs' is of type tensor\(double\), expected tensor\(float\)$"),
    ],
    ids=['observation', 'action', 'batch', 'symbolic', 'type'],
)
def test_network_of_another_shape_or_type_is_refused(tmp_path, save, changes, message):
    with pytest.raises(ModelError, match=message):
        policy_of(save(tmp_path / 'm.onnx'), **changes)


@pytest.mark.parametrize(
    ('changes', 'message'),
    [
        (
            {'action': {'name': 'action'}},
            r"^outputs\.action\.name is 'action', expected one of the names in the graph: "
            r"\['actions', 'h_out'\]$",
        ),
        ({'action': {'name': 2}}, r'^outputs\.action\.name is position 2, expected 0 to 1$'),
        ({'action': {'name': -1}}, r'^outputs\.action\.name is position -1, expected 0 to 1$'),
        (
            {'inputs': [{'name': 'o', 'terms': [{'term': 'last_action'}]}]},
            r"^inputs\[0\]\.name is 'o', expected one of the names in the graph: \['obs', ",
        ),
        (
            {'state': [{**STATE[0], 'input': 'c_in'}]},
            r"^state\[0\]\.input is 'c_in', expected one of the names in the graph",
        ),
        (
            {'state': [{**STATE[0], 'output': 'c_out'}]},
            r"^state\[0\]\.output is 'c_out', expected one of the names in the graph",
        ),
        (
            {'state': [{**STATE[0], 'shape': [1, 3]}]},
            r"^state\[0\]\.shape is \[1, 3\], expected that of 'h_in' in the graph, \[1, 1, 3\]$",
        ),
        ({'state': STATE * 2}, r"^tensor 'h_in' is used twice in the spec, expected once$"),
        ({'action': {'name': 'h_out'}}, r"'h_out' .*, expected 3 elements, one per action"),
        (
            {'state': []},
            r"^graph inputs \['h_in'\] are not in the spec, expected each under inputs",
        ),
    ],
)
def test_tensor_that_does_not_fit_is_refused(tmp_path, changes, message):
    path = save_recurrent(tmp_path / 'm.onnx')
    with pytest.raises(ModelError, match=message):
        policy_of(path, **{'state': STATE, **changes})


def test_one_thread_runs_the_network(tmp_path):
    session, _ = open_session(save_linear(tmp_path / 'm.onnx', WEIGHTS))
    options = session.get_session_options()
    assert (options.intra_op_num_threads, options.inter_op_num_threads) == (1, 1)


def test_graph_has_names_types_shapes_and_metadata(tmp_path):
    _, graph = open_session(
        save_linear(tmp_path / 'm.onnx', WEIGHTS, batch='n', metadata={'author': 'x'})
    )
    assert [(t.name, t.dtype, t.shape) for t in graph.inputs] == [
        ('obs', 'tensor(float)', ('n', 3))
    ]
    assert [t.name for t in graph.outputs] == ['actions']
    assert graph.metadata == {'author': 'x'}
    assert open_session((tmp_path / 'm.onnx').read_bytes()).graph == graph


@pytest.mark.parametrize(
    ('provider', 'message'),
    [
        ('gpu', r"^provider is 'gpu', expected one of \['cpu', 'cuda', 'tensorrt'\]$"),
        *(
            (
                name,
                rf"^provider '{name}' is not in this onnxruntime, which has "
                r"\['CPUExecutionProvider'\]: install the build that has it$",
            )
            for name in ('cuda', 'tensorrt')
        ),
    ],
)
def test_unknown_or_absent_provider_is_refused_and_not_replaced(
    tmp_path, provider, message, monkeypatch
):
    monkeypatch.setattr(onnxruntime, 'get_available_providers', lambda: ['CPUExecutionProvider'])
    with pytest.raises(ConfigError, match=message):
        open_session(save_linear(tmp_path / 'm.onnx', WEIGHTS), provider)


def test_state_begins_with_its_initial_elements_at_every_reset(tmp_path):
    path = save_recurrent(tmp_path / 'm.onnx')
    policy = policy_of(path, state=[{**STATE[0], 'initial': [1.0, 2.0, -3.0]}])
    for _ in range(2):
        assert run(policy, 0, 0, 1) == [2.0, 4.0, -4.0]
        assert run(policy, 1, 1, 1) == [4.0, 6.0, -2.0]
        policy.reset()


def save_shared(path):
    """Write sum = obs + a + 2 b; it is the action, and both of the states."""
    return save_model(
        path,
        [
            ('Add', ['b', 'b'], ['twice']),
            ('Add', ['obs', 'a'], ['first']),
            ('Add', ['first', 'twice'], ['sum']),
        ],
        {'obs': [1, 3], 'a': [1, 3], 'b': [1, 3]},
        {'sum': [1, 3]},
    )


def test_one_output_feeds_several_states_and_is_the_action_too(tmp_path):
    state = [{'input': name, 'output': 'sum', 'shape': [1, 3]} for name in ('a', 'b')]
    policy = policy_of(save_shared(tmp_path / 'm.onnx'), state=state, action={'name': 'sum'})
    assert run(policy, 1, 2, 3) == [1.0, 2.0, 3.0]
    assert run(policy, 0, 0, 1) == [3.0, 6.0, 10.0]


def save_doubled(path):
    """Write outputs (junk, junk, act): exporters repeat the name of a traced tensor."""
    save_model(
        path,
        [('Abs', ['obs'], ['junk']), ('Neg', ['obs'], ['act'])],
        {'obs': [1, 3]},
        {'junk': [1, 3], 'act': [1, 3]},
    )
    model = onnx.load(str(path))
    model.graph.output.insert(0, model.graph.output[0])
    onnx.save(model, str(path))
    return path


@pytest.mark.parametrize(
    ('name', 'expected'),
    [(2, [-1, 2, -3]), ('act', [-1, 2, -3]), (0, [1, 2, 3]), (1, [1, 2, 3]), ('junk', [1, 2, 3])],
)
def test_output_whose_name_occurs_twice_is_one_tensor_and_the_others_are_ignored(
    tmp_path, name, expected
):
    policy = policy_of(save_doubled(tmp_path / 'm.onnx'), action={'name': name})
    assert run(policy, 1, -2, 3) == expected
