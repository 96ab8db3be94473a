# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""ONNX metadata of mjlab and of whole_body_tracking (BeyondMimic).

Joints, gains, pose and action scale, and the observations by name. Numbers have three decimals.
Missing always: the period, command ranges, bounds of actions; in older files also scales, clips
and history. The target is the default pose plus the scaled action.

Names of observations are those in the configuration of the training and mean what the tasks of
these programs mean by them. A term is clipped, then scaled; its history is oldest first and starts
filled with the first observation.

A value is a list: commas between elements, semicolons or brackets inside. ``1.000,0.500;0.250``
and ``[-inf, 5.0],[-1, 1]`` are lists of two.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from distill_runtime.errors import ConfigError
from distill_runtime.spec.dialect import (
    Fields,
    has_keys,
    hinted,
    merged_history,
    MetadataDialect,
    ModelContext,
    no_command,
    unknown_observation,
    UnsuppliedError,
)
from distill_runtime.spec.mapping import shown
from distill_runtime.spec.sources import SpecSource

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
    'command': no_command('the metadata has'),
    'outputs.action.clip': 'the metadata has no bounds of actions: if the training clipped them, '
    'give them under outputs.action.clip',
}
_OPENING, _CLOSING = '[(', '])'
_TERMS: dict[str, dict[str, object]] = {
    'base_lin_vel': {'term': 'base_linear_velocity'},
    'base_ang_vel': {'term': 'base_angular_velocity'},
    'projected_gravity': {'term': 'projected_gravity'},
    'joint_pos': {'term': 'joint_position', 'relative': True},
    'joint_vel': {'term': 'joint_velocity'},
    'actions': {'term': 'last_action'},
    'last_action': {'term': 'last_action'},
    'velocity_commands': {'term': 'velocity_command'},
}
_VELOCITY_COMMANDS = ('twist', 'base_velocity')
_HISTORY = ('observation_terms_history_length', 'observation_history_lengths')
_CLIP = ('observation_terms_clip', 'observation_term_clip')
_FLATTEN = 'observation_terms_flatten_history_dim'
_SCALE = 'observation_terms_scale'
_TEXTS = ('run_path', 'joint_names', 'command_names', 'observation_names')
_NUMBERS = ('joint_stiffness', 'joint_damping', 'default_joint_pos', 'action_scale')
_COUNTS = (*_HISTORY, _FLATTEN)
_NESTED = (*_CLIP, _SCALE)


def _read(metadata: Mapping[str, str], context: ModelContext) -> SpecSource:
    csv = _parsed(metadata)
    joints = csv.texts('joint_names')
    run = csv.texts('run_path')[0].rstrip('/').rpartition('/')[2] if 'run_path' in csv else ''
    result: dict[str, Any] = {
        'name': run or context.model.stem,
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
    with hinted(hints, 'inputs'):
        claims['inputs'] = [{'terms': _terms(csv)}]
        inputs = [tensor.name for tensor in context.inputs]
        if 'time_step' in inputs:
            raise UnsuppliedError(
                'the network contains a motion and reads it at input time_step, the number of '
                'policy steps, which no term gives: describe the inputs in a file with --spec, '
                'with a term external for it'
            )
        name = 'obs' if 'obs' in inputs else 0
        result['inputs'] = [{'name': name, **_observations(csv)}]
    return SpecSource(
        name=f'{context.model.name} metadata',
        values=result,
        hints=hints,
        keys=_KEYS,
        claims={} if 'inputs' in result else claims,
    )


def _outputs(csv: Fields, joints: list[str], context: ModelContext) -> dict[str, Any]:
    """Return the outputs; without scale where the action is of other joints than all."""
    names = [tensor.name for tensor in context.outputs]
    index = names.index('actions') if 'actions' in names else 0
    action: dict[str, Any] = {'name': 'actions' if 'actions' in names else 0}
    numbers = csv.numbers('action_scale')
    scale = numbers[0] if len(numbers) == 1 else numbers
    width = context.outputs[index].width if names else None
    num_actions = len(scale) if isinstance(scale, list) else width
    if num_actions in (None, len(joints)):
        action |= {'scale': scale, 'offset': 'default'}
    return {'action': action, 'mode': 'position'}


def _parsed(metadata: Mapping[str, str]) -> Fields:
    """Return the values of the known keys as lists; a key without text is missing."""
    values: dict[str, list[Any]] = {}
    for key in (*_TEXTS, *_NUMBERS, *_COUNTS, *_NESTED):
        text = metadata.get(key, '').strip()
        if not text:
            continue
        elements = _split(text, key)
        if key in _NESTED:
            values[key] = [list(map(_number, _inner(element))) for element in elements]
            continue
        if len(elements) == 1 and elements[0][0] in _OPENING:
            elements = _split(elements[0][1:-1].strip(), key)
        if key in _TEXTS:
            values[key] = [element.strip('\'"') for element in elements]
        else:
            values[key] = list(map(_count if key in _COUNTS else _number, elements))
    return Fields(values, 'metadata')


def _inner(element: str) -> list[str]:
    if element[:1] in _OPENING and element[-1:] in _CLOSING:
        return element[1:-1].replace(';', ',').split(',')
    return element.split(';')


def _split(text: str, key: str) -> list[str]:
    """Split at the commas that are in no bracket."""
    elements, depth, start = [], 0, 0
    for index, character in enumerate(text):
        if character in _OPENING:
            depth += 1
        elif character in _CLOSING:
            depth -= 1
        elif character == ',' and depth == 0:
            elements.append(text[start:index].strip())
            start = index + 1
        if depth < 0:
            break
    elements.append(text[start:].strip())
    if depth != 0 or not all(elements):
        raise ConfigError(f'metadata {key!r} is {shown(text)}, expected a list with commas')
    return elements


def _number(text: str) -> float | str:
    """Return the number that a text is, or the text, for a message."""
    try:
        return float(text)
    except ValueError:
        return text


def _count(text: str) -> float | str:
    """Return a number, an integer if it is whole: counts are written like 5.000."""
    value = _number(text)
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _terms(metadata: Fields) -> list[dict[str, Any]]:
    """Return the terms in tensor order, without scale, clip and history."""
    return [_term(metadata, name) for name in metadata.texts('observation_names')]


def _term(metadata: Fields, name: str) -> dict[str, Any]:
    if name in _TERMS:
        return dict(_TERMS[name])
    if name == 'command':
        commands = metadata.texts('command_names') if 'command_names' in metadata else []
        if len(commands) == 1 and commands[0] in _VELOCITY_COMMANDS:
            return {'term': 'velocity_command'}
        if commands == ['motion']:
            name = 'motion_command'
    raise unknown_observation(f'observation_names: {name}', name, sorted([*_TERMS, 'command']))


def _observations(metadata: Fields) -> dict[str, Any]:
    """Return terms and history of the tensor."""
    terms = _terms(metadata)
    history, clip = (next((k for k in keys if k in metadata), None) for keys in (_HISTORY, _CLIP))
    missing = [
        what
        for what, key in (('scales', _SCALE), ('clips', clip), ('history', history))
        if key is None or key not in metadata
    ]
    if missing or history is None or clip is None:
        order = ', '.join(str(term['term']) for term in terms)
        raise UnsuppliedError(
            f'the metadata names the observations, not their {" and ".join(missing)}: describe '
            f'the inputs in a file with --spec, with the terms {order}, in this order'
        )
    _add_scale_and_clip(metadata, terms, clip)
    return {'terms': terms, 'history': _history(metadata, terms, history)}


def _add_scale_and_clip(metadata: Fields, terms: list[dict[str, Any]], clip: str) -> None:
    for term, scale in zip(terms, metadata.lists(_SCALE, len(terms)), strict=True):
        term['scale'] = scale[0] if len(scale) == 1 else scale
    pairs = metadata.pairs(clip, len(terms), open_sides=True)
    for term, pair in zip(terms, pairs, strict=True):
        if pair != [None, None]:
            term |= {'clip': pair, 'order': 'clip_then_scale'}


def _history(metadata: Fields, terms: list[dict[str, Any]], key: str) -> dict[str, Any]:
    """Return the history of the tensor; set that of terms with another length."""
    lengths = [max(1, length) for length in metadata.integers(key, len(terms))]
    if _FLATTEN in metadata:
        names = metadata.texts('observation_names')
        flat = metadata.integers(_FLATTEN, len(terms))
        for name, length, is_flat in zip(names, lengths, flat, strict=True):
            if length > 1 and not is_flat:
                raise UnsuppliedError(
                    f'observation_names: {name} has a history that is not flattened: describe the '
                    'inputs in a file with --spec'
                )
    return merged_history(terms, lengths)


MJLAB = MetadataDialect(
    name='metadata of mjlab',
    matches=has_keys('joint_names', 'observation_names', 'action_scale'),
    read=_read,
)
