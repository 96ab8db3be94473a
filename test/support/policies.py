# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""A synthetic policy for the shipped quadruped: it stands, and leans with what it measures."""

from __future__ import annotations

import numpy as np
import onnx
from onnx import helper, numpy_helper, TensorProto

from .sim import QUADRUPED_JOINTS, QUADRUPED_POSE

SPEC = f"""
spec_version: 1
name: leaning
period: 0.02
joints: {list(QUADRUPED_JOINTS)}
default_position: {list(QUADRUPED_POSE)}
stiffness: {[35.0] * 12}
damping: {[0.5] * 12}
inputs:
  - name: obs
    terms:
      - {{term: base_angular_velocity, scale: 0.25}}
      - {{term: projected_gravity}}
      - {{term: velocity_command}}
      - {{term: joint_position, relative: true}}
      - {{term: joint_velocity, scale: 0.05}}
outputs:
  action: {{name: actions, scale: 0.25, offset: default}}
"""


def write_leaning_policy(folder):
    """Write model and spec; return their paths."""
    weights = np.random.default_rng(0).normal(0.0, 0.05, (33, 12)).astype(np.float32)
    graph = helper.make_graph(
        [helper.make_node('MatMul', ['obs', 'weights'], ['actions'])],
        'leaning',
        [helper.make_tensor_value_info('obs', TensorProto.FLOAT, [1, 33])],
        [helper.make_tensor_value_info('actions', TensorProto.FLOAT, [1, 12])],
        [numpy_helper.from_array(weights, 'weights')],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid('', 17)])
    model.ir_version = 8
    model_path, spec_path = folder / 'leaning.onnx', folder / 'leaning.yaml'
    onnx.save(model, str(model_path))
    spec_path.write_text(SPEC)
    return model_path, spec_path
