# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""What a LEAPP bundle feeds back from one step to the next, and what that begins with.

``feedback_flow`` (``feedback_connections`` in other versions) maps ``node/output`` to a list of
``node/input``; the file of initial values has a tensor ``node/input`` for each.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from distill_runtime.errors import ConfigError
from distill_runtime.spec.dialect import Fields
from distill_runtime.spec.files import read_bytes
from distill_runtime.spec.mapping import shown
from distill_runtime.spec.safetensors import MAX_BYTES, parse_safetensors, Tensor

from .leapp_tensors import LeappTensor

_KEYS = ('feedback_flow', 'feedback_connections')


def read_state(
    pipeline: Fields,
    node: str,
    inputs: list[LeappTensor],
    outputs: list[LeappTensor],
    folder: Path,
) -> list[dict[str, Any]]:
    """Return the state of a network.

    Args:
        pipeline: Part of the bundle that has the feedback.
        node: Name of the network.
        inputs: Its inputs.
        outputs: Its outputs.
        folder: Where the bundle lies.

    Raises:
        ConfigError: If the feedback names other tensors, or its initial values do not fit.
    """
    given = [key for key in _KEYS if key in pipeline]
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


def _initial_values(pipeline: Fields, folder: Path) -> dict[str, Tensor] | None:
    """Read the file of initial values; None if the bundle has none: then they are zeros."""
    if 'initial_values' not in pipeline:
        return None
    name = pipeline.text('initial_values')
    if Path(name).name != name:
        raise ConfigError(
            f'{pipeline.path("initial_values")} is {shown(name)}, expected the name of a file '
            'beside the bundle'
        )
    path = folder / name
    resolved = path.resolve()
    if resolved.parent != folder.resolve():
        raise ConfigError(f'{path} links to another folder, expected a file beside the bundle')
    try:
        return parse_safetensors(read_bytes(resolved, MAX_BYTES))
    except ConfigError as error:
        where = '' if str(path) in str(error) else f'{path}: '
        raise ConfigError(f'{where}{error}') from error


def _values(initial: dict[str, Tensor], name: str, tensor: LeappTensor) -> list[float]:
    if name not in initial:
        raise ConfigError(
            f'initial values have {sorted(initial)}, expected {name!r} too, which is fed back'
        )
    if initial[name].shape != tensor.shape:
        raise ConfigError(
            f'initial value {name!r} has shape {list(initial[name].shape)}, expected '
            f'{list(tensor.shape)}'
        )
    try:
        return list(initial[name].floats())
    except ConfigError as error:
        raise ConfigError(f'initial value {name!r}: {error}') from error
