# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import hashlib
import json

from distill_runtime.core.config import RunnerConfig
from distill_runtime.core.sensors import Sensors
from distill_runtime.errors import ConfigError, ModelError
from distill_runtime.policy.model import load_policy
from distill_runtime.spec.readers.native import GOLDEN_KEY, SPEC_KEY
import pytest
from support.models import save_linear
from support.specs import spec_mapping

WEIGHTS = [[1, 0, 0], [0, 2, 0], [0, 0, 3]]


def packed(path, golden=None, **changes):
    """Write a model that carries its spec."""
    metadata = {SPEC_KEY: json.dumps(spec_mapping(**changes))}
    if golden is not None:
        metadata[GOLDEN_KEY] = json.dumps(golden)
    return save_linear(path, WEIGHTS, metadata=metadata)


def test_packed_model_loads_alone(tmp_path):
    path = packed(tmp_path / 'walk.onnx')
    policy = load_policy(path)
    assert policy.spec.name == 'small'
    assert policy.path == path
    assert policy.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert policy.golden_error is None
    assert [tensor.name for tensor in policy.graph.inputs] == ['obs']


def test_golden_vectors_are_replayed_at_load(tmp_path):
    golden = {'observation': [[1, 1, 1]], 'action': [[1, 2, 3.00001]]}
    policy = load_policy(packed(tmp_path / 'walk.onnx', golden))
    assert policy.golden_error == pytest.approx(1e-5, rel=1e-2)


@pytest.mark.parametrize(
    ('changes', 'message'),
    [
        (
            {'golden': {'observation': [[1, 1, 1]], 'action': [[1, 2, 4]]}},
            r'golden\.action\[0\]\[2\] is 3, expected 4 within 0\.0001: was the ',
        ),
        (
            {'inputs': [{'name': 'obs', 'terms': [{'term': 'projected_gravity'}] * 2}]},
            r"tensor 'obs' of the graph has shape \[1, 3\], expected 6 ",
        ),
    ],
)
def test_network_that_does_not_fit_its_spec_is_refused_with_the_file(tmp_path, changes, message):
    with pytest.raises(ModelError, match=rf'walk\.onnx: {message}'):
        load_policy(packed(tmp_path / 'walk.onnx', **changes))


def test_runner_takes_the_joints_in_any_order(tmp_path):
    policy = load_policy(packed(tmp_path / 'walk.onnx', default_position=[0, 0, 0]))
    config = RunnerConfig(start_in='policy')
    runner = policy.runner(config, robot_joints=('ankle', 'tail', 'knee', 'hip'))
    sensors = Sensors(runner.compiled.layout)
    sensors.joint_position[:] = [0.3, 9.0, 0.2, 0.1]
    sensors.joint_stamp_ns = 0
    step = runner.step(sensors, 0)
    assert step.action.tolist() == pytest.approx([0.1, 0.4, 0.9])
    assert step.command.tolist() == pytest.approx([0.05, 0.2, 0.45])


@pytest.mark.parametrize(
    ('name', 'reason'),
    [
        ('no.onnx', 'No such file or directory'),
        ('.', 'Is a directory'),
        ('a\0b.onnx', 'embedded null byte'),
    ],
)
def test_path_that_is_no_file_is_refused(tmp_path, name, reason):
    with pytest.raises(ConfigError, match=rf'^model .* cannot be read: {reason}$'):
        load_policy(f'{tmp_path}/{name}')
