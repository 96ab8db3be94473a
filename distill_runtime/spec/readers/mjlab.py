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
import math
from typing import Any

from distill_runtime.errors import ConfigError
from distill_runtime.spec.dialect import MetadataDialect, ModelContext
from distill_runtime.spec.mapping import shown
from distill_runtime.spec.sources import SpecSource

from .unsupplied import explain, UnsuppliedError

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
    'command': 'the metadata has no command ranges: give the trained ones under command',
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


def is_mjlab(metadata: Mapping[str, str]) -> bool:
    """Whether metadata is of this dialect."""
    return set(metadata) >= _MARKS


def read_mjlab(metadata: Mapping[str, str], context: ModelContext) -> SpecSource:
    """Convert the metadata to a partial SpecSource.

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
                'the network contains a motion and reads it at input time_step, the number of '
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


class CsvMetadata:
    """Metadata of a model whose values are lists."""

    def __init__(self, metadata: Mapping[str, str]) -> None:
        """Take the metadata."""
        self._metadata = metadata

    def __contains__(self, key: str) -> bool:
        """Whether a key has a value."""
        return bool(self._metadata.get(key, '').strip())

    def texts(self, key: str) -> list[str]:
        """Return the elements without quotes.

        Raises:
            ConfigError: If there are none, or brackets do not match.
        """
        text = self._metadata.get(key, '').strip()
        if not text:
            raise ConfigError(f'metadata {key!r} is missing')
        elements = _split(text, key)
        if len(elements) == 1 and elements[0][0] in _OPENING:
            elements = _split(elements[0][1:-1].strip(), key)
        return [element.strip('\'"') for element in elements]

    def numbers(self, key: str, length: int | None = None) -> list[float]:
        """Return a list of finite numbers.

        Raises:
            ConfigError: If it is none, or of another length.
        """
        values = [_number(element, key) for element in self.texts(key)]
        if length is not None and len(values) != length:
            raise ConfigError(f'metadata {key!r} has {len(values)} elements, expected {length}')
        return values

    def integers(self, key: str, length: int) -> list[int]:
        """Return a list of integers of at least 0, which may be written like 5.000."""
        values = self.numbers(key, length)
        for value in values:
            if value < 0.0 or value != int(value):
                raise ConfigError(
                    f'metadata {key!r} has {value}, expected whole numbers of at least 0'
                )
        return [int(value) for value in values]

    def number_or_numbers(self, key: str) -> float | list[float]:
        """Return one number, or a list of more."""
        values = self.numbers(key)
        return values[0] if len(values) == 1 else values

    def nested(self, key: str, length: int, *, is_bound: bool = False) -> list[list[float]]:
        """Return a list of lists.

        Args:
            key: Key of the metadata.
            length: Number of inner lists.
            is_bound: Whether infinity is allowed.
        """
        elements = _split(self._metadata.get(key, '').strip(), key)
        if len(elements) != length:
            raise ConfigError(f'metadata {key!r} has {len(elements)} elements, expected {length}')
        return [
            [_number(number, key, is_bound=is_bound) for number in _inner(element)]
            for element in elements
        ]


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


def _number(text: str, key: str, *, is_bound: bool = False) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if math.isnan(value) or (math.isinf(value) and not is_bound):
        raise ConfigError(f'metadata {key!r} has {shown(text.strip())}, expected a number')
    return value


def bare_terms(metadata: CsvMetadata) -> list[dict[str, Any]]:
    """Return the terms in tensor order, without scale, clip and history.

    Raises:
        UnsuppliedError: If an observation has no term.
    """
    return [_term(metadata, name) for name in metadata.texts('observation_names')]


def _term(metadata: CsvMetadata, name: str) -> dict[str, Any]:
    if name in _TERMS:
        return dict(_TERMS[name])
    if name == 'command':
        commands = metadata.texts('command_names') if 'command_names' in metadata else []
        if len(commands) == 1 and commands[0] in _VELOCITY_COMMANDS:
            return {'term': 'velocity_command'}
        if commands == ['motion']:
            name = 'motion_command'
    where = f'observation_names: {name}'
    raise UnsuppliedError(explain(where, name, sorted([*_TERMS, 'command'])))


def read_observations(metadata: CsvMetadata) -> dict[str, Any]:
    """Return terms and history of the tensor.

    Raises:
        ConfigError: If a value is invalid.
        UnsuppliedError: If the metadata is incomplete, or has an observation without a term.
    """
    names = metadata.texts('observation_names')
    terms = bare_terms(metadata)
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
    return {'terms': terms, 'history': _history(metadata, names, terms, history)}


def _add_scale_and_clip(metadata: CsvMetadata, terms: list[dict[str, Any]], clip: str) -> None:
    scales = metadata.nested(_SCALE, len(terms))
    for term, scale in zip(terms, scales, strict=True):
        term['scale'] = scale[0] if len(scale) == 1 else scale
    for term, pair in zip(terms, metadata.nested(clip, len(terms), is_bound=True), strict=True):
        if len(pair) != 2:
            raise ConfigError(f'metadata {clip!r} has {pair}, expected a lower and an upper bound')
        if any(math.isfinite(bound) for bound in pair):
            term['clip'] = [bound if math.isfinite(bound) else None for bound in pair]
            term['order'] = 'clip_then_scale'


def _history(
    metadata: CsvMetadata, names: list[str], terms: list[dict[str, Any]], key: str
) -> dict[str, Any]:
    """Return the history of the tensor; set that of terms with another length."""
    lengths = [max(1, length) for length in metadata.integers(key, len(terms))]
    if _FLATTEN in metadata:
        for name, length, is_flat in zip(
            names, lengths, metadata.integers(_FLATTEN, len(terms)), strict=True
        ):
            if length > 1 and not is_flat:
                raise UnsuppliedError(
                    f'observation_names: {name} has a history that is not flattened: describe the '
                    'inputs in a file with --spec'
                )
    longest = max(lengths)
    if longest == 1:
        return {'length': 1}
    for term, length in zip(terms, lengths, strict=True):
        if length != longest:
            term['history'] = {'length': length}
    return {'length': longest, 'major': 'term', 'order': 'oldest_first', 'fill': 'first'}


MJLAB = MetadataDialect(name='metadata of mjlab', matches=is_mjlab, read=read_mjlab)
