# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Fuzz spec files of every dialect: read, merge into a spec and compile."""

from __future__ import annotations

import json
from pathlib import Path

import atheris

with atheris.instrument_imports(include=['distill_runtime']):
    from distill_runtime.errors import DistillError
    from distill_runtime.spec.compile import compile_spec
    from distill_runtime.spec.dialect import ModelContext, TensorShape
    from distill_runtime.spec.files import parse_foreign
    from distill_runtime.spec.readers.native import read_embedded
    from distill_runtime.spec.readers.registry import metadata_sources, read_content
    from distill_runtime.spec.robots import load_profile
    from distill_runtime.spec.sources import merge_sources
from target import fuzz

ROOT = Path(__file__).parents[1]
CONTEXT = ModelContext(
    model=Path('policy.onnx'),
    robot=load_profile('unitree_go2'),
    inputs=(TensorShape(name='obs', shape=(1, 45)),),
    outputs=(TensorShape(name='actions', shape=(1, 12)),),
)


def read(data: bytes) -> None:
    """Read a file of any dialect, and as metadata if it is a flat mapping."""
    content = parse_foreign(data, Path('params.yaml'))
    sources = [read_content(content, Path('params.yaml'), CONTEXT)]
    if isinstance(content, dict):
        metadata = {str(key): value for key, value in content.items() if isinstance(value, str)}
        sources += read_embedded(metadata, 'policy.onnx')
        sources += metadata_sources(metadata, CONTEXT)
    compile_spec(merge_sources(sources).spec)


def seeds() -> list[bytes]:
    """Return native specs, and a minimal example of each short dialect."""
    joints = [f'joint_{number}' for number in range(2)]
    numbers = [0.5, 0.5]
    dialects = (
        {
            'joint_ids_map': [0, 1], 'step_dt': 0.02, 'stiffness': numbers, 'damping': numbers,
            'default_joint_pos': numbers,
            'actions': {'JointPositionAction': {'scale': numbers, 'offset': numbers}},
            'observations': {'base_ang_vel': {'scale': [1, 1, 1], 'history_length': 2}},
        },
        {
            'joint_names': ','.join(joints), 'joint_stiffness': '1.000,1.000',
            'joint_damping': '0.100,0.100', 'default_joint_pos': '0.000,0.000',
            'observation_names': 'base_ang_vel,joint_pos', 'action_scale': '0.250',
            'command_names': 'twist', 'run_path': 'x',
        },
        {'dof_names': json.dumps(joints), 'kp': json.dumps(numbers), 'kd': json.dumps(numbers)},
        {
            'go2': {'dt': 0.005, 'decimation': 4, 'joint_names': joints},
            'go2/x': {'observations': ['ang_vel'], 'action_scale': numbers},
        },
        {'policy_joint_names': joints, 'default_joint_pos': numbers, 'action_scale': 0.5},
        {'actions': [{'joint_names': joints, 'scale': 0.5}], 'articulations': {}, 'scene': {}},
        {'models': {'policy': {'inputs': [], 'outputs': []}}, 'pipeline': {}},
        {'PointfootCfg': {'joint_names': joints, 'size': {}, 'control': {}}},
        {'control_dt': 0.02, 'kps': numbers, 'kds': numbers, 'default_angles': numbers},
    )  # fmt: skip
    files = [path.read_bytes() for path in sorted(ROOT.glob('test/policies/*.yaml'))]
    return files + [json.dumps(content).encode() for content in dialects]


if __name__ == '__main__':
    fuzz(read, (DistillError,), seeds())
