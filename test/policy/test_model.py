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


def test_model_may_be_named_by_a_string(tmp_path):
    assert load_policy(str(packed(tmp_path / 'walk.onnx'))).spec.name == 'small'


def test_model_with_a_sidecar_spec(tmp_path):
    path = save_linear(tmp_path / 'walk.onnx', WEIGHTS)
    (tmp_path / 'walk.spec.json').write_text(json.dumps(spec_mapping()))
    assert load_policy(path).sourced.sources['name'].endswith('walk.spec.json')


def test_golden_vectors_are_replayed_at_load(tmp_path):
    golden = {'observation': [[1, 1, 1]], 'action': [[1, 2, 3.00001]]}
    policy = load_policy(packed(tmp_path / 'walk.onnx', golden))
    assert policy.golden_error == pytest.approx(1e-5, rel=1e-2)


def test_golden_mismatch_is_refused_with_the_file(tmp_path):
    golden = {'observation': [[1, 1, 1]], 'action': [[1, 2, 4]]}
    with pytest.raises(
        ModelError,
        match=r'walk\.onnx: golden\.action\[0\]\[2\] is 3, expected 4 within 0\.0001: was the ',
    ):
        load_policy(packed(tmp_path / 'walk.onnx', golden))


def test_golden_of_another_width_is_refused(tmp_path):
    golden = {'observation': [[1, 1]], 'action': [[1, 2, 4]]}
    with pytest.raises(ModelError, match=r'golden\.observation\[0\] has 2 elements, expected 3$'):
        load_policy(packed(tmp_path / 'walk.onnx', golden))


def test_wrong_width_is_refused_with_the_file(tmp_path):
    term = {'term': 'velocity_command', 'components': ['vx']}
    path = packed(tmp_path / 'walk.onnx', inputs=[{'name': 'obs', 'terms': [term]}])
    with pytest.raises(
        ModelError, match=r"walk\.onnx: tensor 'obs' of the graph has shape \[1, 3\], expected 1 "
    ):
        load_policy(path)


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


def test_runner_without_a_joint_of_the_policy_is_refused(tmp_path):
    policy = load_policy(packed(tmp_path / 'walk.onnx'))
    with pytest.raises(ConfigError, match=r"^joint 'hip' is in the policy but not on the robot"):
        policy.runner(robot_joints=('knee', 'ankle'))


def test_missing_file_is_refused(tmp_path):
    with pytest.raises(ConfigError, match=r'no\.onnx cannot be read: No such file or directory$'):
        load_policy(tmp_path / 'no.onnx')


def test_folder_is_refused(tmp_path):
    with pytest.raises(ConfigError, match=r'^model .* cannot be read: Is a directory$'):
        load_policy(tmp_path)


def test_name_that_no_file_can_have_is_refused():
    with pytest.raises(ConfigError, match=r'cannot be read: embedded null byte$'):
        load_policy('a\0b.onnx')


@pytest.mark.parametrize('content', [b'', b'hello', b'\x00' * 1000, b'PK\x03\x04' + b'x' * 99])
def test_foreign_file_is_refused_in_one_line(tmp_path, content):
    path = tmp_path / 'walk.onnx'
    path.write_bytes(content)
    with pytest.raises(ModelError, match=r'walk\.onnx cannot be loaded as ONNX: ') as refusal:
        load_policy(path)
    assert '\n' not in str(refusal.value)


@pytest.mark.parametrize('share', [0.1, 0.5, 0.99])
def test_truncated_file_is_refused(tmp_path, share):
    path = packed(tmp_path / 'walk.onnx')
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(ModelError, match=r'walk\.onnx cannot be loaded as ONNX: '):
        load_policy(path)


def test_unknown_robot_is_refused(tmp_path):
    with pytest.raises(ConfigError, match=r"^robot profile 'r2d2' is unknown, expected one of \["):
        load_policy(packed(tmp_path / 'walk.onnx'), robot='r2d2')


def test_spec_with_a_wrong_gain_is_refused(tmp_path):
    path = packed(tmp_path / 'walk.onnx', stiffness=[1, float('nan'), 1], damping=[1, 1, 1])
    with pytest.raises(ConfigError, match=r'^stiffness\[1\] is nan, expected a finite number$'):
        load_policy(path)
