# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""LEAPP bundles: a yaml with an ONNX file and the initial values of its state.

The graph holds the whole computation from raw sensor values to targets, so terms have no scale and
the action no offset. Histories and the last action are state tensors: ``feedback_flow``
(``feedback_connections`` in other versions) maps ``node/output`` to a list of ``node/input``, and
the file of initial values has a tensor ``node/input`` for each. A pipeline of several networks is
refused.
"""

from __future__ import annotations

from collections.abc import Mapping
import hashlib
from pathlib import Path
from typing import Any

from distill_runtime.errors import ConfigError, MissingExtraError
from distill_runtime.spec.dialect import (
    Fields,
    FileDialect,
    hinted,
    ModelContext,
    no_command,
    UnsuppliedError,
)
from distill_runtime.spec.files import read_bytes
from distill_runtime.spec.mapping import shown
from distill_runtime.spec.sources import SpecSource
import numpy as np

_MODES = {
    'target/joint/position': 'position',
    'target/joint/velocity': 'velocity',
    'target/joint/torques': 'effort',
    'target/joint/effort': 'effort',
}
_FEEDBACK_KEYS = ('feedback_flow', 'feedback_connections')
MAX_BYTES = 64 * 2**20
"""Size of the file of initial values, in [byte]."""
_AGILE_KEYS = {
    'default_position': 'default_joint_pos',
    'stiffness': 'default_joint_stiffness',
    'damping': 'default_joint_damping',
}
_TIME = '__temporal_axis__'
_COMPONENTS = {'lin_vel_x': 'vx', 'lin_vel_y': 'vy', 'ang_vel_z': 'yaw'}
_QUATERNIONS = {'qxqyqzqw': 'xyzw', 'xyzw': 'xyzw', 'qwqxqyqz': 'wxyz', 'wxyz': 'wxyz'}
_JOINT_TERMS: dict[str, dict[str, Any]] = {
    'state/joint/position': {'term': 'joint_position', 'relative': False},
    'state/joint/velocity': {'term': 'joint_velocity'},
}
_VECTOR_TERMS = {
    'state/body/angular_velocity': 'base_angular_velocity',
    'state/body/linear_velocity': 'base_linear_velocity',
}
_NO_POSE = (
    'a LEAPP bundle has no default pose, it is inside the graph: give default_position, the pose '
    'that standby ramps to, in a file with --spec'
)
_NO_PERIOD = 'pipeline.configs.frequency is missing: give period, in s, in a file with --spec'
_NO_GAINS = 'gains are {where}: give stiffness and damping of all joints in a file with --spec'


def _read(values: Mapping[str, Any], path: Path, context: ModelContext) -> SpecSource:
    content = Fields(values)
    models, pipeline = content.mapping('models'), content.mapping('pipeline')
    if len(list(models)) != 1:
        raise ConfigError(
            f'models has {list(models)}, expected one: a pipeline of several networks is not run'
        )
    node = next(iter(models))
    model = models.mapping(node)
    _check_file(model.mapping('parameters'), context.model)
    if list(pipeline.mapping('data_flow', {})):
        raise ConfigError('pipeline.data_flow is given, expected none for one network')
    inputs, outputs = (
        [_Tensor(entry) for entry in model.mappings(key, 'tensors')]
        for key in ('inputs', 'outputs')
    )
    state = _state(pipeline, node, inputs, outputs, path.parent)
    fed_back = {entry['input'] for entry in state}
    sensors = [tensor for tensor in inputs if tensor.name not in fed_back]
    joints = _joint_names(sensors, outputs)
    found: dict[str, Any] = {
        'state': state,
        'period': _period(pipeline, [*inputs, *outputs]),
        'joints': joints,
        **(_pose_and_gains(content, joints) if joints else {}),
    }
    result = {'name': path.stem} | {field: value for field, value in found.items() if value}
    hints = {
        'default_position': _NO_POSE,
        'command': no_command('a LEAPP bundle has'),
        'period': _NO_PERIOD,
    }
    if 'stiffness' not in result:
        gains = [tensor.name for tensor in outputs if tensor.kind in ('kp', 'kd')]
        where = f'computed by the graph, in its outputs {gains}' if gains else 'not in the bundle'
        hints['stiffness'] = hints['damping'] = _NO_GAINS.format(where=where)
    with hinted(hints, 'inputs'):
        result['inputs'] = [
            {'name': tensor.name, 'terms': [_term(tensor, joints)]} for tensor in sensors
        ]
    with hinted(hints, 'outputs.action.name'):
        result['outputs'] = _outputs(outputs, joints)
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
    backend = parameters.text('backend', 'onnx')
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


def _period(pipeline: Fields, all_tensors: list[_Tensor]) -> float | None:
    """Return the time between steps; None if the bundle does not give it."""
    configs = pipeline.mapping('configs', {})
    if 'frequency' not in configs:
        periods = {tensor.period for tensor in all_tensors if not tensor.is_chunk} - {None}
        return periods.pop() if len(periods) == 1 else None
    frequency = configs.number('frequency')
    if not frequency > 0.0:
        raise ConfigError(f'{configs.path("frequency")} is {frequency} Hz, expected above 0 Hz')
    return 1.0 / frequency


def _pose_and_gains(content: Fields, joints: list[str]) -> dict[str, list[float]]:
    """Return pose and gains from the section that AGILE adds to its bundles; empty without it."""
    if 'agile' not in content:
        return {}
    robot = content.mapping('agile').mapping('articulations').mapping('robot')
    names = robot.texts('joint_names')
    if not set(joints) <= set(names):
        raise ConfigError(
            f'{robot.path("joint_names")} is {shown(names)}, expected all of {joints}'
        )
    result = {}
    for field, key in _AGILE_KEYS.items():
        if key in robot:
            values = dict(zip(names, robot.numbers(key, len(names)), strict=True))
            result[field] = [values[name] for name in joints]
    return result


def _outputs(outputs: list[_Tensor], joints: list[str]) -> dict[str, Any]:
    """Return the one output that is a joint target."""
    targets = [tensor for tensor in outputs if tensor.kind in _MODES]
    if len(targets) != 1:
        raise UnsuppliedError(
            f'outputs of the bundle have {len(targets)} targets of joints, expected 1: describe '
            'outputs in a file with --spec'
        )
    target = targets[0]
    names = target.element_names() or joints
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
    modes = dict.fromkeys(joints, 'position') | dict.fromkeys(names, _MODES[target.kind])
    every = list(modes.values())
    return {'action': action, 'mode': every[0] if len(set(every)) == 1 else every}


class _Tensor:
    """One input or output of the network; a text that the bundle lacks is ''."""

    def __init__(self, fields: Fields) -> None:
        """Read the entry of a tensor."""
        self.where = fields.where
        self.name = fields.text('name')
        self.kind = fields.text('kind', '')
        self.dtype = fields.text('dtype', 'float32')
        self.connection = fields.text('isaaclab_connection', '')
        self.shape = fields.integers('shape')
        if not self.shape:
            raise ConfigError(f'{fields.path("shape")} is [], expected at least one axis')
        has_period = 'temporal_period_ms' in fields
        self.period = fields.number('temporal_period_ms') / 1000.0 if has_period else None
        axes = _axes(fields)
        sizes = zip(reversed(axes), reversed(self.shape), strict=False)
        # an axis that is time: several steps in one tensor
        self.is_chunk = any(axis == _TIME and size != 1 for axis, size in sizes)
        self.names: list[str] = axes[-1] if axes and isinstance(axes[-1], list) else []
        if not all(isinstance(name, str) for name in self.names):
            raise ConfigError(
                f'{fields.path("element_names")} is {shown(self.names)}, expected texts'
            )

    @property
    def width(self) -> int:
        """Elements of the last axis."""
        return self.shape[-1]

    def element_names(self) -> list[str]:
        """Return the names of the elements, if there is one for each."""
        if self.names and len(self.names) != self.width:
            raise ConfigError(
                f'{self.where} has {len(self.names)} names, expected {self.width}, one per element'
            )
        return self.names


def _axes(fields: Fields) -> list[Any]:
    """Return the names of each axis, from the old format or the new one."""
    if 'element_names' in fields:
        axes = fields.any('element_names')
    elif 'axes' in fields:
        entries = [Fields(entry, fields.path('axes')) for entry in fields.any('axes')]
        axes = [
            _TIME if 'kind' in entry and entry.text('kind') == 'time'
            else entry.texts('names') if 'names' in entry else []
            for entry in entries
        ]  # fmt: skip
    else:
        return []
    if not isinstance(axes, list):
        raise ConfigError(f'{fields.path("element_names")} is {shown(axes)}, expected a list')
    return axes


def _joint_names(sensors: list[_Tensor], outputs: list[_Tensor]) -> list[str]:
    """Return the joints of a bundle: those of the widest joint tensor, then any others."""
    found = [
        tensor.element_names()
        for tensor in [*sensors, *outputs]
        if tensor.kind in _JOINT_TERMS or tensor.kind.startswith('target/joint/')
    ]
    found.sort(key=len, reverse=True)
    return list(dict.fromkeys(name for names in found for name in names))


def _term(tensor: _Tensor, joints: list[str]) -> dict[str, Any]:
    """Return the term of a tensor."""
    kind, names = tensor.kind, tensor.names
    frame = tensor.connection.rpartition(':')[2]
    if tensor.is_chunk:
        raise _no_term(tensor, 'holds several steps in time')
    if kind in _JOINT_TERMS:
        names = tensor.element_names() or joints
        if len(names) != tensor.width:
            raise _no_term(
                tensor, f'has {tensor.width} elements without names, of {len(joints)} joints'
            )
        return _JOINT_TERMS[kind] | ({} if names == joints else {'joints': names})
    if kind in _VECTOR_TERMS and tensor.width == 3 and names in ([], ['x', 'y', 'z']):
        if frame and not (frame.startswith('root_') and frame.endswith('_b')):
            raise _no_term(tensor, f'is {frame}, not a velocity of the base in the base frame')
        return {'term': _VECTOR_TERMS[kind]}
    if kind == 'state/body/rotation' and ''.join(names) in _QUATERNIONS:
        if frame and not frame.startswith('root_'):
            raise _no_term(tensor, f'is {frame}, not the orientation of the base')
        return {'term': 'base_orientation', 'quaternion': _QUATERNIONS[''.join(names)]}
    if kind == 'state/vector3d' and frame == 'projected_gravity_b':
        return {'term': 'projected_gravity'}
    is_velocity = kind == 'command/body/velocity' and len(names) == tensor.width
    if is_velocity and set(names) <= set(_COMPONENTS):
        return {'term': 'velocity_command', 'components': [_COMPONENTS[name] for name in names]}
    what = f'is of kind {kind!r}' if kind else 'has no kind and no feedback'
    raise _no_term(
        tensor, f'{what}, with {tensor.width} elements called {names}, which is no term'
    )


def _no_term(tensor: _Tensor, reason: str) -> UnsuppliedError:
    return UnsuppliedError(
        f'{tensor.where} ({tensor.name}) {reason}: describe all inputs in a file with --spec'
    )


def _state(
    pipeline: Fields, node: str, inputs: list[_Tensor], outputs: list[_Tensor], folder: Path
) -> list[dict[str, Any]]:
    """Return the recurrent state of a network, which node names; folder is that of the bundle."""
    given = [key for key in _FEEDBACK_KEYS if key in pipeline]
    if len(given) > 1:
        raise ConfigError(f'pipeline has {given[0]} and {given[1]}, expected one of them')
    if not given:
        return []
    flow = pipeline.mapping(given[0])
    initial = _initial_values(pipeline, folder)
    by_name = {tensor.name: tensor for tensor in inputs}
    output_names = [tensor.name for tensor in outputs]
    state: list[dict[str, Any]] = []
    for source in flow:
        output = _tensor_name(source, node, output_names, flow.path(source))
        for target in flow.texts(source):
            name = _tensor_name(target, node, list(by_name), flow.path(source))
            tensor = by_name[name]
            if tensor.dtype.rpartition('.')[2] != 'float32':
                raise ConfigError(
                    f'{tensor.where} ({name}) is of type {tensor.dtype}, expected float32'
                )
            entry: dict[str, Any] = {
                'input': name, 'output': output, 'shape': tensor.shape
            }  # fmt: skip
            if initial is not None:
                values = _values(initial, f'{node}/{name}', tensor)
                entry |= {'initial': values} if any(values) else {}
            state.append(entry)
    return state


def _tensor_name(port: str, node: str, known: list[str], where: str) -> str:
    """Return the name of a tensor of this network."""
    owner, _, name = port.partition('/')
    if owner != node or name not in known:
        raise ConfigError(f'{where} names {port!r}, expected one of {known} of {node!r}')
    return name


def _initial_values(pipeline: Fields, folder: Path) -> dict[str, Mapping[str, Any]] | None:
    """Return dtype, shape and data of each initial value; None without a file: all are zeros."""
    if 'initial_values' not in pipeline:
        return None
    name = pipeline.text('initial_values')
    if Path(name).name != name:
        raise ConfigError(
            f'{pipeline.path("initial_values")} is {shown(name)}, expected the name of a file '
            'in the folder of the bundle'
        )
    path = folder / name
    resolved = path.resolve()
    if resolved.parent != folder.resolve():
        raise ConfigError(f'{path} links to another folder, expected a file in its folder')
    content = read_bytes(resolved, MAX_BYTES)
    try:
        from safetensors import deserialize, SafetensorError
    except ImportError as error:
        raise MissingExtraError(
            f'{path} needs safetensors, which is not installed: install it with pip install '
            '"distill_runtime[leapp]"'
        ) from error
    try:
        return dict(deserialize(content))  # type: ignore[no-untyped-call]
    except SafetensorError as error:
        raise ConfigError(f'{path} cannot be read as safetensors: {error}') from error


def _values(initial: dict[str, Mapping[str, Any]], name: str, tensor: _Tensor) -> list[float]:
    """Return the initial elements of a state, in the order of a flattened C array."""
    if name not in initial:
        raise ConfigError(
            f'initial values have {sorted(initial)}, expected {name!r} too, which is fed back'
        )
    dtype, shape = initial[name]['dtype'], initial[name]['shape']
    if shape != tensor.shape:
        raise ConfigError(f'initial value {name!r} has shape {shape}, expected {tensor.shape}')
    if dtype != 'F32':
        raise ConfigError(f'initial value {name!r}: type is {dtype}, expected F32')
    values: list[float] = np.frombuffer(initial[name]['data'], '<f4').tolist()
    return values


LEAPP = FileDialect(
    name='LEAPP bundle',
    files=('{stem}.yaml',),
    matches=lambda values: all(isinstance(values.get(k), Mapping) for k in ('models', 'pipeline')),
    read=_read,
)
