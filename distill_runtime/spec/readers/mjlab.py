# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""ONNX metadata of mjlab and of whole_body_tracking (BeyondMimic).

Joints, gains, pose and action scale, and the observations by name. Numbers have three decimals.
What it never tells: the period, ranges of commands, bounds of actions; older files neither scales,
clips nor history. The target is the default pose plus the scaled action.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from distill_runtime.errors import ConfigError
from distill_runtime.spec.dialect import MetadataDialect, ModelContext
from distill_runtime.spec.sources import SpecSource

from .csv_metadata import CsvMetadata
from .mjlab_observations import bare_terms, read_observations
from .unsupplied import UnsuppliedError

_MARKS = {'joint_names', 'observation_names', 'action_scale'}
_KEYS = {
    'name': 'run_path',
    'joints': 'joint_names',
    'default_position': 'default_joint_pos',
    'stiffness': 'joint_stiffness',
    'damping': 'joint_damping',
    'inputs': 'observation_names',
    'outputs.action.scale': 'action_scale',
    'outputs.action.offset': 'default_joint_pos',
}
_HINTS = {
    'period': 'the metadata has no period: give period, the physics step of the training times '
    'its decimation, in a file with --spec',
    'command': 'the metadata has no ranges of commands: say the trained ones under command',
    'outputs.action.clip': 'the metadata has no bounds of actions: if the training clipped them, '
    'say so under outputs.action.clip',
}


def is_mjlab(metadata: Mapping[str, str]) -> bool:
    """Whether metadata is of this dialect."""
    return set(metadata) >= _MARKS


def read_mjlab(metadata: Mapping[str, str], context: ModelContext) -> SpecSource:
    """Turn the metadata into our form, as far as it goes.

    Raises:
        ConfigError: If a key is missing or does not fit the others.
    """
    csv = CsvMetadata(metadata)
    joints = csv.texts('joint_names')
    result: dict[str, Any] = {
        'name': _run(csv) or context.model.stem,
        'joints': joints,
        'default_position': csv.numbers('default_joint_pos', len(joints)),
    }
    hints, claims = dict(_HINTS), {}
    gains = {key: csv.numbers(f'joint_{key}') for key in ('stiffness', 'damping')}
    if len(gains['stiffness']) != len(gains['damping']):
        raise ConfigError(
            f'metadata joint_stiffness has {len(gains["stiffness"])} elements and joint_damping '
            f'{len(gains["damping"])}, expected the same number'
        )
    if len(gains['stiffness']) == len(joints):
        result |= gains
    else:
        hints['stiffness'] = hints['damping'] = (
            f'the metadata has {len(gains["stiffness"])} gains for {len(joints)} joints, those '
            'with an actuator alone: give stiffness and damping of all in a file with --spec'
        )
    result['outputs'] = _outputs(csv, joints, context)
    if 'scale' not in result['outputs']['action']:
        hints['outputs.action.scale'] = (
            f'the action is not of the {len(joints)} joints of the metadata: give joints, scale '
            'and offset under outputs.action in a file with --spec'
        )
    try:
        claims['inputs'] = [{'terms': bare_terms(csv)}]
        if 'time_step' in [tensor.name for tensor in context.inputs]:
            raise UnsuppliedError(
                'the network reads a motion that lies in it, at input time_step, the number of '
                'policy steps, which no term gives: describe the inputs in a file with --spec, '
                'with a term external for it'
            )
        result['inputs'] = [{'name': _input(context), **read_observations(csv)}]
    except UnsuppliedError as error:
        hints['inputs'] = str(error)
    return SpecSource(
        name=f'{context.model.name} metadata',
        values=result,
        hints=hints,
        keys=_KEYS,
        claims={} if 'inputs' in result else claims,
    )


def _run(csv: CsvMetadata) -> str:
    """Return the last part of the path of the training run; '' if there is none."""
    return csv.texts('run_path')[0].rstrip('/').rpartition('/')[2] if 'run_path' in csv else ''


def _input(context: ModelContext) -> str | int:
    return 'obs' if 'obs' in [tensor.name for tensor in context.inputs] else 0


def _outputs(csv: CsvMetadata, joints: list[str], context: ModelContext) -> dict[str, Any]:
    """Return the outputs; without scale where the action is of other joints than all."""
    names = [tensor.name for tensor in context.outputs]
    index = names.index('actions') if 'actions' in names else 0
    action: dict[str, Any] = {'name': 'actions' if 'actions' in names else 0}
    scale = csv.number_or_numbers('action_scale')
    width = context.outputs[index].width if names else None
    num_actions = len(scale) if isinstance(scale, list) else width
    if num_actions in (None, len(joints)):
        action |= {'scale': scale, 'offset': 'default'}
    return {'action': action, 'mode': 'position'}


MJLAB = MetadataDialect(name='metadata of mjlab', matches=is_mjlab, read=read_mjlab)
