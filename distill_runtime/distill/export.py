# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Export a student as one ONNX file: plain operators, normaliser first, no external data."""

from __future__ import annotations

from distill_runtime.core.arrays import Float32Array
from distill_runtime.errors import ModelError
from distill_runtime.policy.session import open_session
import numpy as np
import onnx
from onnx import helper, numpy_helper, TensorProto
import torch
from torch import Tensor

from .students import Student

OPSET = 17
IR_VERSION = 8
"""Readable by ONNX Runtime since 1.13."""
TOLERANCE = 1e-5
"""Largest difference between torch and ONNX Runtime, in units of the action."""
_OPERATORS = {'elu': 'Elu', 'tanh': 'Tanh'}


def export_student(student: Student, observation: Float32Array) -> bytes:
    """Write a student as ONNX, and compare it with torch on real rows.

    The graph is built node by node instead of traced: names are readable, the batch size is the
    only free shape, and the result does not depend on the exporter's version.

    Args:
        student: The trained student.
        observation: Rows to compare on, shape (B, obs_dim).

    Returns:
        The file: input ``obs`` (N, obs_dim), output ``actions`` (N, act_dim).

    Raises:
        ModelError: If the two differ by more than TOLERANCE.
    """
    model = _model(student)
    onnx.checker.check_model(model, full_check=True)
    content: bytes = model.SerializeToString(deterministic=True)
    difference = export_error(student, content, observation)
    if not difference <= TOLERANCE:
        raise ModelError(
            f'exported student differs by {difference:.3g} from torch, expected at most '
            f'{TOLERANCE:g}'
        )
    return content


def export_error(student: Student, model: bytes, observation: Float32Array) -> float:
    """Return the largest difference of an action element between torch and ONNX Runtime."""
    session, _ = open_session(model)
    (action,) = session.run(['actions'], {'obs': observation})
    with torch.no_grad():
        expected = student(torch.from_numpy(observation)).numpy()
    return float(np.abs(action - expected).max())


def _model(student: Student) -> onnx.ModelProto:
    config = student.config
    tensors = {'mean': student.normaliser.mean, 'std': student.normaliser.std}
    nodes = [
        helper.make_node('Sub', ['obs', 'mean'], ['centred'], 'normaliser/centre'),
        helper.make_node('Div', ['centred', 'std'], ['hidden_0'], 'normaliser/scale'),
    ]
    last = len(student.layers) - 1
    for index, layer in enumerate(student.layers):
        weight, bias = f'layer_{index}/weight', f'layer_{index}/bias'
        tensors |= {weight: layer.weight, bias: layer.bias}
        operator = _OPERATORS[config.activation]
        result = f'hidden_{index + 1}'
        if index == last:
            operator = 'Tanh' if config.output == 'tanh' else 'Identity'
            result = 'actions'
        inputs = [f'hidden_{index}', weight, bias]
        linear = f'linear_{index}'
        nodes += [
            helper.make_node('Gemm', inputs, [linear], f'layer_{index}/linear', transB=1),
            helper.make_node(operator, [linear], [result], f'layer_{index}/activation'),
        ]
    obs_dim, act_dim = len(student.normaliser.mean), len(student.layers[last].bias)
    graph = helper.make_graph(
        nodes,
        'student',
        [helper.make_tensor_value_info('obs', TensorProto.FLOAT, ['N', obs_dim])],
        [helper.make_tensor_value_info('actions', TensorProto.FLOAT, ['N', act_dim])],
        [numpy_helper.from_array(_array(tensor), name) for name, tensor in tensors.items()],
    )
    return helper.make_model(
        graph,
        ir_version=IR_VERSION,
        opset_imports=[helper.make_opsetid('', OPSET)],
        producer_name='distill_runtime',
    )


def _array(tensor: Tensor) -> Float32Array:
    array: Float32Array = tensor.detach().numpy()
    return np.ascontiguousarray(array)
