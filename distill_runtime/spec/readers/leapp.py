# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""LEAPP bundles: a yaml with an ONNX file and the initial values of its state.

The graph holds the whole computation from raw sensor values to targets, so terms have no scale and
the action no offset. Histories and the last action are state tensors. A pipeline of several
networks is refused.
"""

from __future__ import annotations

from collections.abc import Mapping
import hashlib
from pathlib import Path
from typing import Any

from distill_runtime.errors import ConfigError
from distill_runtime.spec.dialect import Fields, FileDialect, ModelContext
from distill_runtime.spec.mapping import shown
from distill_runtime.spec.sources import SpecSource

from .leapp_tensors import (
    input_terms,
    joint_names,
    last_names,
    LeappTensor,
    read_state,
    tensors,
)

_MODES = {
    'target/joint/position': 'position',
    'target/joint/velocity': 'velocity',
    'target/joint/torques': 'effort',
    'target/joint/effort': 'effort',
}
_NO_POSE = (
    'a LEAPP bundle has no default pose, it is inside the graph: give default_position, the pose '
    'that standby ramps to, in a file with --spec'
)
_NO_COMMAND = (
    'a LEAPP bundle has no command ranges: give command: {lower: [vx, vy, yaw], upper: [vx, vy, '
    'yaw]} of the training in a file with --spec'
)
_NO_PERIOD = 'pipeline.configs.frequency is missing: give period, in s, in a file with --spec'
_NO_GAINS = 'gains are {where}: give stiffness and damping of all joints in a file with --spec'


def is_leapp(values: Mapping[str, Any]) -> bool:
    """Whether the content of a file is of this dialect."""
    return isinstance(values.get('models'), Mapping) and isinstance(
        values.get('pipeline'), Mapping
    )


def read_leapp(values: Mapping[str, Any], path: Path, context: ModelContext) -> SpecSource:
    """Convert the yaml of a bundle to a SpecSource.

    Raises:
        ConfigError: If it is of another model, or a key is unknown or does not fit the others.
    """
    content = Fields(values)
    models, pipeline = content.mapping('models'), content.mapping('pipeline')
    if len(list(models)) != 1:
        raise ConfigError(
            f'models has {list(models)}, expected one: a pipeline of several networks is not run'
        )
    node = next(iter(models))
    model = models.mapping(node)
    _check_file(model.mapping('parameters'), context.model)
    if 'data_flow' in pipeline and list(pipeline.mapping('data_flow')):
        raise ConfigError('pipeline.data_flow is given, expected none for one network')
    inputs, outputs = tensors(model, 'inputs'), tensors(model, 'outputs')
    state = read_state(pipeline, node, inputs, outputs, path.parent)
    fed_back = {entry['input'] for entry in state}
    sensors = [tensor for tensor in inputs if tensor.name not in fed_back]
    result: dict[str, Any] = {'name': path.stem}
    hints = {'default_position': _NO_POSE, 'command': _NO_COMMAND, 'period': _NO_PERIOD}
    if state:
        result['state'] = state
    period = _period(pipeline, [*inputs, *outputs])
    result |= {} if period is None else {'period': period}
    joints = joint_names(sensors, outputs)
    result |= {'joints': joints} if joints else {}
    _read_pose(content, joints, result)
    if 'stiffness' not in result:
        hints['stiffness'] = hints['damping'] = _where_gains_are(outputs)
    terms, unknown = input_terms(sensors, joints)
    hints |= {'inputs': unknown} if unknown else {}
    result |= {} if unknown else {'inputs': terms}
    _read_action(outputs, joints, result, hints)
    return SpecSource(
        name=str(path),
        values=result,
        hints=hints,
        keys={
            'period': 'pipeline.configs.frequency',
            'inputs': f'models.{node}.inputs',
            'state': 'pipeline.feedback_flow',
            'joints': f'models.{node}.inputs',
        },
    )


def _check_file(parameters: Fields, model: Path) -> None:
    """Refuse a bundle of another model, another backend, or a changed file."""
    backend = parameters.text('backend') if 'backend' in parameters else 'onnx'
    if backend != 'onnx':
        raise ConfigError(
            f"{parameters.path('backend')} is {backend!r}, expected 'onnx': export the policy "
            'with the backend onnx'
        )
    name = Path(parameters.text('model_path')).name
    if name != model.name:
        raise ConfigError(
            f'{parameters.path("model_path")} is {name!r}, expected {model.name!r}: is it the '
            'bundle of this model?'
        )
    if 'sha256sum' not in parameters:
        return
    try:
        found = hashlib.sha256(model.read_bytes()).hexdigest()
    except OSError as error:
        raise ConfigError(f'{model} cannot be read: {error.strerror}') from error
    expected = parameters.text('sha256sum').lower()
    if found != expected:
        raise ConfigError(
            f'{parameters.path("sha256sum")} is {expected}, but {model.name} has {found}: was the '
            'model changed after the export?'
        )


def _period(pipeline: Fields, all_tensors: list[LeappTensor]) -> float | None:
    """Return the time between steps; None if the bundle does not give it."""
    configs = pipeline.mapping('configs') if 'configs' in pipeline else None
    if configs is None or 'frequency' not in configs:
        periods = {tensor.period for tensor in all_tensors if not tensor.is_chunk} - {None}
        return periods.pop() if len(periods) == 1 else None
    frequency = configs.number('frequency')
    if not frequency > 0.0:
        raise ConfigError(f'{configs.path("frequency")} is {frequency} Hz, expected above 0 Hz')
    return 1.0 / frequency


def _read_pose(content: Fields, joints: list[str], result: dict[str, Any]) -> None:
    """Read pose and gains of all joints from the section that AGILE adds to its bundles."""
    if 'agile' not in content or not joints:
        return
    robot = content.mapping('agile').mapping('articulations').mapping('robot')
    names = robot.texts('joint_names')
    if not set(joints) <= set(names):
        raise ConfigError(
            f'{robot.path("joint_names")} is {shown(names)}, expected all of {joints}'
        )
    for ours, theirs in (
        ('default_position', 'default_joint_pos'),
        ('stiffness', 'default_joint_stiffness'),
        ('damping', 'default_joint_damping'),
    ):
        if theirs in robot:
            values = dict(zip(names, robot.numbers(theirs, len(names)), strict=True))
            result[ours] = [values[name] for name in joints]


def _where_gains_are(outputs: list[LeappTensor]) -> str:
    gains = [tensor.name for tensor in outputs if tensor.kind in ('kp', 'kd')]
    where = f'computed by the graph, in its outputs {gains}' if gains else 'not in the bundle'
    return _NO_GAINS.format(where=where)


def _read_action(
    outputs: list[LeappTensor],
    joints: list[str],
    result: dict[str, Any],
    hints: dict[str, str],
) -> None:
    """Read the one output that is a joint target."""
    targets = [tensor for tensor in outputs if tensor.kind in _MODES]
    if len(targets) != 1:
        hints['outputs.action.name'] = (
            f'outputs of the bundle have {len(targets)} targets of joints, expected 1: describe '
            'outputs in a file with --spec'
        )
        return
    target = targets[0]
    names = last_names(target) or joints
    if len(names) != target.width:
        raise ConfigError(
            f'{target.where} has {target.width} elements, expected {len(names)}, one per joint'
        )
    for name in names:
        if joints and name not in joints:
            raise ConfigError(f'{target.where} has {name!r}, expected names of joints: {joints}')
    action: dict[str, Any] = {'name': target.name, 'scale': 1.0, 'offset': [0.0] * target.width}
    if names != joints:
        action['joints'] = names
    result['outputs'] = {'action': action}
    modes = dict.fromkeys(joints, 'position') | dict.fromkeys(names, _MODES[target.kind])
    different = set(modes.values())
    result['outputs']['mode'] = different.pop() if len(different) == 1 else list(modes.values())


LEAPP = FileDialect(name='LEAPP bundle', files=('{stem}.yaml',), matches=is_leapp, read=read_leapp)
