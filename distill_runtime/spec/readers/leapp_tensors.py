# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Tensors of a LEAPP bundle: inputs as terms, elements as joints, and the recurrent state.

``feedback_flow`` (``feedback_connections`` in other versions) maps ``node/output`` to a list of
``node/input``; the file of initial values has a tensor ``node/input`` for each.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from distill_runtime.errors import ConfigError, MissingExtraError
from distill_runtime.spec.dialect import Fields
from distill_runtime.spec.files import read_bytes
from distill_runtime.spec.mapping import shown
import numpy as np

_FEEDBACK_KEYS = ('feedback_flow', 'feedback_connections')
MAX_BYTES = 64 * 2**20
"""Size of the file of initial values, in [byte]."""
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
_BY_HAND = 'describe all inputs in a file with --spec'


@dataclass(frozen=True, kw_only=True)
class LeappTensor:
    """One input or output of the network."""

    where: str
    """Dotted key, for messages."""
    name: str
    kind: str
    """'' if unknown."""
    dtype: str
    shape: tuple[int, ...]
    names: tuple[str, ...]
    """Names of the elements of the last axis; empty if unknown."""
    connection: str
    """Its name in Isaac Lab; '' if unknown."""
    is_chunk: bool
    """Whether an axis is time: several steps in one tensor."""
    period: float | None
    """Time between steps in [s]; None if unknown."""

    @property
    def width(self) -> int:
        """Elements of the last axis."""
        return self.shape[-1]


def tensors(model: Fields, key: str) -> list[LeappTensor]:
    """Return the inputs or the outputs of a network.

    Raises:
        ConfigError: If one has no name, no shape, or more names than elements.
    """
    entries = model.any(key)
    if not isinstance(entries, list):
        raise ConfigError(f'{model.path(key)} is {shown(entries)}, expected a list')
    return [
        _tensor(Fields(entry, f'{model.path(key)}[{index}]'))
        for index, entry in enumerate(entries)
    ]


def _tensor(fields: Fields) -> LeappTensor:
    axes = _axes(fields)
    shape = tuple(fields.integers('shape'))
    if not shape:
        raise ConfigError(f'{fields.path("shape")} is [], expected at least one axis')
    sizes = zip(reversed(axes), reversed(shape), strict=False)
    is_chunk = any(axis == _TIME and size != 1 for axis, size in sizes)
    names = axes[-1] if axes and isinstance(axes[-1], list) else []
    if not all(isinstance(name, str) for name in names):
        raise ConfigError(f'{fields.path("element_names")} is {shown(names)}, expected texts')
    return LeappTensor(
        where=fields.where,
        name=fields.text('name'),
        kind=fields.text('kind') if 'kind' in fields else '',
        dtype=fields.text('dtype') if 'dtype' in fields else 'float32',
        shape=shape,
        names=tuple(names),
        connection=(fields.text('isaaclab_connection') if 'isaaclab_connection' in fields else ''),
        is_chunk=is_chunk,
        period=fields.number('temporal_period_ms') / 1000.0
        if 'temporal_period_ms' in fields
        else None,
    )


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


def last_names(tensor: LeappTensor) -> list[str]:
    """Return the names of a tensor's elements, if there is one for each."""
    if tensor.names and len(tensor.names) != tensor.width:
        raise ConfigError(
            f'{tensor.where} has {len(tensor.names)} names, expected {tensor.width}, one per '
            'element'
        )
    return list(tensor.names)


def joint_names(sensors: list[LeappTensor], outputs: list[LeappTensor]) -> list[str]:
    """Return the joints of a bundle: those of the widest joint tensor, then any others."""
    found = [
        last_names(tensor)
        for tensor in [*sensors, *outputs]
        if tensor.kind in _JOINT_TERMS or tensor.kind.startswith('target/joint/')
    ]
    found.sort(key=len, reverse=True)
    return list(dict.fromkeys(name for names in found for name in names))


def input_terms(sensors: list[LeappTensor], joints: list[str]) -> tuple[list[Any], str]:
    """Return the inputs, one tensor each, and '' or how to supply what the bundle lacks."""
    inputs = []
    for tensor in sensors:
        term, reason = _term(tensor, joints)
        if reason:
            return [], f'{tensor.where} ({tensor.name}) {reason}: {_BY_HAND}'
        inputs.append({'name': tensor.name, 'terms': [term]})
    return inputs, ''


def _term(tensor: LeappTensor, joints: list[str]) -> tuple[dict[str, Any], str]:
    """Return the term of a tensor and '', or why there is none."""
    kind, names = tensor.kind, list(tensor.names)
    frame = tensor.connection.rpartition(':')[2]
    if tensor.is_chunk:
        return {}, 'holds several steps in time'
    if kind in _JOINT_TERMS:
        names = last_names(tensor) or joints
        if len(names) != tensor.width:
            return {}, f'has {tensor.width} elements without names, of {len(joints)} joints'
        return _JOINT_TERMS[kind] | ({} if names == joints else {'joints': names}), ''
    if kind in _VECTOR_TERMS and tensor.width == 3 and names in ([], ['x', 'y', 'z']):
        if frame and not (frame.startswith('root_') and frame.endswith('_b')):
            return {}, f'is {frame}, not a velocity of the base in the base frame'
        return {'term': _VECTOR_TERMS[kind]}, ''
    if kind == 'state/body/rotation' and ''.join(names) in _QUATERNIONS:
        if frame and not frame.startswith('root_'):
            return {}, f'is {frame}, not the orientation of the base'
        return {'term': 'base_orientation', 'quaternion': _QUATERNIONS[''.join(names)]}, ''
    if kind == 'state/vector3d' and frame == 'projected_gravity_b':
        return {'term': 'projected_gravity'}, ''
    is_velocity = kind == 'command/body/velocity' and len(names) == tensor.width
    if is_velocity and set(names) <= set(_COMPONENTS):
        return {
            'term': 'velocity_command',
            'components': [_COMPONENTS[name] for name in names],
        }, ''
    what = f'is of kind {kind!r}' if kind else 'has no kind and no feedback'
    return {}, f'{what}, with {tensor.width} elements called {names}, which is no term'


def read_state(
    pipeline: Fields,
    node: str,
    inputs: list[LeappTensor],
    outputs: list[LeappTensor],
    folder: Path,
) -> list[dict[str, Any]]:
    """Return the recurrent state of a network.

    Args:
        pipeline: Section of the bundle with the feedback.
        node: Name of the network.
        inputs: Its inputs.
        outputs: Its outputs.
        folder: Folder of the bundle.

    Raises:
        ConfigError: If the feedback names other tensors, or its initial values do not fit.
    """
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
                'input': name, 'output': output, 'shape': list(tensor.shape)
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
    """Read the file of initial values; None if the bundle has none: then they are zeros.

    Returns:
        Fields dtype, shape and data of each tensor.
    """
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


def _values(initial: dict[str, Mapping[str, Any]], name: str, tensor: LeappTensor) -> list[float]:
    """Return the initial elements of a state, in the order of a flattened C array."""
    if name not in initial:
        raise ConfigError(
            f'initial values have {sorted(initial)}, expected {name!r} too, which is fed back'
        )
    dtype, shape = initial[name]['dtype'], initial[name]['shape']
    if shape != list(tensor.shape):
        raise ConfigError(
            f'initial value {name!r} has shape {shape}, expected {list(tensor.shape)}'
        )
    if dtype != 'F32':
        raise ConfigError(f'initial value {name!r}: type is {dtype}, expected F32')
    values: list[float] = np.frombuffer(initial[name]['data'], '<f4').tolist()
    return values
