# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""A small policy spec, and its mapping, with any field changed."""

from __future__ import annotations

from distill_runtime.spec.mapping import read_dataclass
from distill_runtime.spec.spec import PolicySpec

JOINTS = ('hip', 'knee', 'ankle')
DEFAULT = (0.1, 0.6, -0.5)


def spec_mapping(*terms, **changes):
    """Return the mapping of a spec: three joints, one input with the given terms.

    Args:
        terms: Mappings of terms; none: joint_position.
        changes: Top-level keys; ``history`` and ``action`` go where they belong.
    """
    history = changes.pop('history', None)
    action = {'name': 'actions', 'scale': 0.5, 'offset': 'default', **changes.pop('action', {})}
    tensor = {
        'name': 'obs',
        'terms': list(terms) or [{'term': 'joint_position', 'relative': True}],
    }
    if history is not None:
        tensor['history'] = history
    mapping = {
        'name': 'small',
        'period': 0.02,
        'joints': list(JOINTS),
        'default_position': list(DEFAULT),
        'inputs': [tensor],
        'outputs': {'action': action},
        **changes,
    }
    if 'mode' in mapping:
        mapping['outputs']['mode'] = mapping.pop('mode')
    return mapping


def make_spec(*terms, **changes):
    """Return the checked spec of that mapping."""
    return read_dataclass(PolicySpec, spec_mapping(*terms, **changes), '')
