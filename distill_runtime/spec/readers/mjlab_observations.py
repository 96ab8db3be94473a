# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Observations in the metadata of mjlab and whole_body_tracking, as far as it tells them.

Names are those of the terms in the configuration of the training; they stand for what the tasks
of these programs mean by them. A term is clipped, then scaled; its history is oldest first and
starts filled with the first observation.
"""

from __future__ import annotations

import math
from typing import Any

from distill_runtime.errors import ConfigError

from .csv_metadata import CsvMetadata
from .unsupplied import explain, UnsuppliedError

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


def bare_terms(metadata: CsvMetadata) -> list[dict[str, Any]]:
    """Return our terms in the order of the tensor, without scale, clip and history.

    Raises:
        UnsuppliedError: If there is an observation that we have no term for.
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
        ConfigError: If something is wrong.
        UnsuppliedError: If the metadata does not tell all of it, or has a term that we have not.
    """
    names = metadata.texts('observation_names')
    terms = bare_terms(metadata)
    history, clip = (next((k for k in keys if k in metadata), None) for keys in (_HISTORY, _CLIP))
    untold = [
        what
        for what, key in (('scales', _SCALE), ('clips', clip), ('history', history))
        if key is None or key not in metadata
    ]
    if untold or history is None or clip is None:
        order = ', '.join(str(term['term']) for term in terms)
        raise UnsuppliedError(
            f'the metadata names the observations, not their {" and ".join(untold)}: describe the '
            f'inputs in a file with --spec, with the terms {order}, in this order'
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
    """Return the history of the tensor; terms with another get it for themselves."""
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
