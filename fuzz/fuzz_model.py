# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Fuzz model files: inspect, open, check against the embedded spec, and run once."""

from __future__ import annotations

import json
from pathlib import Path
import tempfile

import atheris

with atheris.instrument_imports(include=['distill_runtime']):
    from distill_runtime.errors import DistillError
    from distill_runtime.policy.model import load_policy
import numpy as np
from onnx import helper, numpy_helper, TensorProto
from target import fuzz

SPEC = {
    'name': 'tiny',
    'period': 0.02,
    'joints': ['a', 'b'],
    'default_position': [0.1, 0.2],
    'inputs': [{'name': 'obs', 'terms': [{'term': 'joint_position', 'relative': True}]}],
    'outputs': {'action': {'name': 'actions', 'scale': 0.5, 'offset': 'default'}},
}


def seed() -> bytes:
    """Return a linear policy with an embedded spec."""
    shape = [1, 2]
    graph = helper.make_graph(
        [helper.make_node('MatMul', ['obs', 'weights'], ['actions'])],
        'tiny',
        [helper.make_tensor_value_info('obs', TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info('actions', TensorProto.FLOAT, shape)],
        [numpy_helper.from_array(np.eye(2, dtype=np.float32), 'weights')],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid('', 17)], ir_version=8)
    helper.set_model_props(model, {'distill_runtime.spec': json.dumps(SPEC)})
    return model.SerializeToString()


def main() -> None:
    """Load each input from a file, as a node does."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / 'policy.onnx'

        def read(data: bytes) -> None:
            path.write_bytes(data)
            load_policy(path).session.run()

        fuzz(read, (DistillError,), [seed()])


if __name__ == '__main__':
    main()
