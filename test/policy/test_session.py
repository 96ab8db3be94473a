# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from distill_runtime.errors import ConfigError, ModelError
from distill_runtime.policy.session import open_session, PolicySession
import numpy as np
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


def test_network_equals_the_same_product_in_numpy(tmp_path):
    rng = np.random.default_rng(0)
    weights = rng.normal(size=(3, 3)).astype(np.float32)
    policy = policy_of(save_linear(tmp_path / 'm.onnx', weights))
    for observation in rng.normal(size=(20, 3)).astype(np.float32):
        assert run(policy, *observation) == pytest.approx(observation @ weights, abs=1e-6)


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


def test_outputs_that_the_spec_does_not_name_are_ignored(tmp_path):
    path = save_model(
        tmp_path / 'm.onnx',
        [('Neg', ['obs'], ['actions']), ('Abs', ['obs'], ['value'])],
        {'obs': [1, 3]},
        {'value': [1, 3], 'actions': [1, 3]},
    )
    assert run(policy_of(path), 1, -2, 3) == [-1.0, 2.0, -3.0]


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


def test_wrong_width_names_the_terms_and_their_frames(tmp_path):
    path = save_linear(tmp_path / 'm.onnx', np.zeros((48, 3)))
    history = {'length': 5, 'major': 'term', 'order': 'oldest_first', 'fill': 'first'}
    terms = [{'term': 'joint_velocity'}, {'term': 'last_action', 'history': {'length': 1}}]
    tensor = {'name': 'obs', 'terms': terms, 'history': history}
    with pytest.raises(
        ModelError,
        match=r"^tensor 'obs' of the graph has shape \[1, 48\], expected 18 elements, the sum of "
        r'inputs\[0\]\.terms: joint_velocity 3 x 5 \+ last_action 3$',
    ):
        policy_of(path, inputs=[tensor])


def test_wrong_action_width_is_refused(tmp_path):
    path = save_linear(tmp_path / 'm.onnx', np.zeros((3, 5)))
    with pytest.raises(
        ModelError,
        match=r"^tensor 'actions' of the graph has shape \[1, 5\], expected 3 elements, one per "
        r'action of the spec$',
    ):
        policy_of(path)


def test_batch_above_one_is_refused(tmp_path):
    with pytest.raises(ModelError, match=r"'obs' of the graph has shape \[4, 3\], expected 3 "):
        policy_of(save_linear(tmp_path / 'm.onnx', WEIGHTS, batch=4))


def test_symbolic_width_that_the_network_cannot_take_is_refused_at_load(tmp_path):
    path = save_model(
        tmp_path / 'm.onnx',
        [('MatMul', ['obs', 'weights'], ['actions'])],
        {'obs': ['batch', 'width']},
        {'actions': ['batch', 'out']},
        {'weights': np.zeros((7, 3), np.float32)},
    )
    with pytest.raises(
        ModelError, match=r'^network does not run on 3 observations and 3 actions: .*mismatch'
    ):
        policy_of(path)


def test_left_over_input_is_refused(tmp_path):
    with pytest.raises(
        ModelError,
        match=r"^graph inputs \['h_in'\] are not in the spec, expected each under inputs or",
    ):
        policy_of(save_recurrent(tmp_path / 'm.onnx'))


def test_tensor_of_another_type_is_refused(tmp_path):
    nodes = [('Neg', ['obs'], ['actions'])]
    shapes = {'obs': [1, 3]}, {'actions': [1, 3]}
    path = save_model(tmp_path / 'm.onnx', nodes, *shapes, dtype=TensorProto.DOUBLE)
    with pytest.raises(
        ModelError, match=r"^tensor 'obs' is of type tensor\(double\), expected tensor\(float\)$"
    ):
        policy_of(path)


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
    ],
)
def test_tensor_that_does_not_fit_is_refused(tmp_path, changes, message):
    path = save_recurrent(tmp_path / 'm.onnx')
    with pytest.raises(ModelError, match=message):
        policy_of(path, **{'state': STATE, **changes})


def test_action_that_is_a_state_too_is_refused(tmp_path):
    path = save_recurrent(tmp_path / 'm.onnx')
    state = [{'input': 'h_in', 'output': 'h_out', 'shape': [1, 1, 3]}]
    with pytest.raises(ModelError, match=r"'h_out' .*, expected 3 elements, one per action"):
        policy_of(path, state=state, action={'name': 'h_out'})


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


def test_content_in_memory_opens_like_a_file(tmp_path):
    path = save_linear(tmp_path / 'm.onnx', WEIGHTS)
    _, graph = open_session(path.read_bytes())
    assert graph == open_session(path)[1]


def test_unknown_provider_is_refused(tmp_path):
    with pytest.raises(
        ConfigError, match=r"^provider is 'gpu', expected one of \['cpu', 'cuda', 'tensorrt'\]$"
    ):
        open_session(save_linear(tmp_path / 'm.onnx', WEIGHTS), 'gpu')


@pytest.mark.parametrize('provider', ['cuda', 'tensorrt'])
def test_absent_provider_is_refused_and_not_replaced(tmp_path, provider, monkeypatch):
    monkeypatch.setattr(onnxruntime, 'get_available_providers', lambda: ['CPUExecutionProvider'])
    with pytest.raises(
        ConfigError,
        match=rf"^provider '{provider}' is not in this onnxruntime, which has "
        r"\['CPUExecutionProvider'\]: install the build that has it$",
    ):
        open_session(save_linear(tmp_path / 'm.onnx', WEIGHTS), provider)


def save_two_stages(folder):
    """Write z = sums of the pairs of past, and actions = obs[:3] + (z0, z1, 0)."""
    pairs = np.array([[1, 0], [1, 0], [0, 1], [0, 1]], np.float32)
    encoder = save_linear(folder / 'encoder.onnx', pairs, rank=1, names=('past', 'z'))
    weights = np.array([[1, 0, 0], [0, 1, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]], np.float32)
    return save_linear(folder / 'policy.onnx', weights), encoder


TWO_STAGES = {
    'encoder': {'model': 'encoder.onnx'},
    'inputs': [
        {'name': 'past', 'network': 'encoder', 'terms': [{'term': 'constant', 'values': [0] * 4}]},
        {
            'name': 'obs',
            'terms': [{'term': 'latent', 'width': 2}, {'term': 'joint_velocity'}],
        },
    ],
}


def test_encoder_writes_its_latent_into_the_observation_of_the_policy(tmp_path):
    path, encoder = save_two_stages(tmp_path)
    spec = make_spec(**TWO_STAGES)
    policy = PolicySession(*open_session(path), spec, open_session(encoder))
    policy.smoke_test()
    assert policy.observation.tolist() == [0.0] * 9
    assert run(policy, 1, 2, 3, 4, 99, 99, 10, 20, 30) == [13.0, 27.0, 30.0]
    assert policy.observation.tolist() == [1, 2, 3, 4, 3, 7, 10, 20, 30]
    assert [len(view) for view in policy.inputs] == [4, 5]


@pytest.mark.parametrize(
    ('changes', 'message'),
    [
        ({'output': 'latent'}, r"^encoder\.output is 'latent', expected one of the names .*'z'"),
        ({'output': 1}, r'^encoder\.output is position 1, expected 0 to 0$'),
    ],
)
def test_encoder_without_that_output_is_refused(tmp_path, changes, message):
    path, encoder = save_two_stages(tmp_path)
    spec = make_spec(**{**TWO_STAGES, 'encoder': {'model': 'encoder.onnx', **changes}})
    with pytest.raises(ModelError, match=message):
        PolicySession(*open_session(path), spec, open_session(encoder))


def test_latent_of_another_width_is_refused(tmp_path):
    path, _ = save_two_stages(tmp_path)
    wide = save_linear(tmp_path / 'wide.onnx', np.ones((4, 3)), rank=1, names=('past', 'z'))
    with pytest.raises(
        ModelError,
        match=r"^tensor 'z' of the graph has shape \[3\], expected 2 elements, the width of the",
    ):
        PolicySession(*open_session(path), make_spec(**TWO_STAGES), open_session(wide))


def test_left_over_input_of_the_encoder_is_refused(tmp_path):
    path, _ = save_two_stages(tmp_path)
    encoder = save_model(
        tmp_path / 'two.onnx',
        [('Add', ['past', 'more'], ['sum']), ('Slice', ['sum', 'zero', 'two'], ['z'])],
        {'past': [4], 'more': [4]},
        {'z': [2]},
        {'zero': np.array([0]), 'two': np.array([2])},
    )
    with pytest.raises(
        ModelError,
        match=r"^graph inputs \['more'\] are not in the spec, expected each under inputs with",
    ):
        PolicySession(*open_session(path), make_spec(**TWO_STAGES), open_session(encoder))


def test_encoder_that_is_missing_or_not_asked_for_is_refused(tmp_path):
    path, encoder = save_two_stages(tmp_path)
    with pytest.raises(ModelError, match=r"^encoder of the spec is 'encoder\.onnx', expected a"):
        PolicySession(*open_session(path), make_spec(**TWO_STAGES))
    with pytest.raises(ModelError, match=r'^encoder of the spec is None, expected a network'):
        PolicySession(*open_session(path), make_spec(), open_session(encoder))
