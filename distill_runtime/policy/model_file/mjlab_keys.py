# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Metadata of a policy for programs that read exports of mjlab or whole_body_tracking.

Comma-separated, in their format, but with all digits. A fact that the format cannot express is
omitted, so that a reader asks for it instead of assuming a value.

Source: mjlab, the ONNX exporter's metadata_props.
"""

from __future__ import annotations

from collections.abc import Iterable

from distill_runtime.spec.spec import PolicySpec
from distill_runtime.spec.tensors import InputSpec
from distill_runtime.spec.term import Term
from distill_runtime.spec.terms import JointPosition, JointTerm, VelocityCommand

NAMES = {
    'base_linear_velocity': 'base_lin_vel',
    'base_angular_velocity': 'base_ang_vel',
    'projected_gravity': 'projected_gravity',
    'joint_position': 'joint_pos',
    'joint_velocity': 'joint_vel',
    'last_action': 'actions',
    'velocity_command': 'command',
}
"""Name of each term in their format."""
KEYS = (
    'joint_names', 'joint_stiffness', 'joint_damping', 'default_joint_pos', 'action_scale',
    'command_names', 'observation_names', 'observation_terms_scale', 'observation_terms_clip',
    'observation_terms_history_length', 'observation_terms_flatten_history_dim',
)  # fmt: skip


def mjlab_keys(spec: PolicySpec) -> dict[str, str]:
    """Return the fields of a spec that the format can express."""
    keys = {
        'joint_names': ','.join(spec.joints),
        'default_joint_pos': _numbers(spec.default_position),
    }
    if any(',' in name for name in spec.joints):
        return {}
    if spec.stiffness is not None and spec.damping is not None:
        keys['joint_stiffness'] = _numbers(spec.stiffness)
        keys['joint_damping'] = _numbers(spec.damping)
    return {**keys, **_action_keys(spec), **_observation_keys(spec)}


def _action_keys(spec: PolicySpec) -> dict[str, str]:
    """Return the scale where target = default + scale * output, for all joints."""
    action = spec.outputs.action
    scale = action.scale
    is_plain = (
        scale is not None
        and spec.action_joints == spec.joints
        and action.offset in ('default', spec.default_position)
        and set(spec.modes) == {'position'}
    )
    if not is_plain or scale is None:
        return {}
    scales = scale if isinstance(scale, tuple) else (scale,) * len(spec.joints)
    return {'action_scale': _numbers(scales)}


def _observation_keys(spec: PolicySpec) -> dict[str, str]:
    """Return the terms of the only input, if the format can express all of them."""
    if len(spec.inputs) != 1 or spec.encoder is not None or not _is_plain(spec.inputs[0]):
        return {}
    terms = spec.inputs[0].terms
    if not all(_has_name(term) for term in terms):
        return {}
    lengths = [len(spec.inputs[0].lags(term)) for term in terms]
    keys = {
        'observation_names': ','.join(NAMES[term.kind] for term in terms),
        'observation_terms_scale': ','.join(_scale(term) for term in terms),
        'observation_terms_clip': ','.join(_clip(term) for term in terms),
        'observation_terms_history_length': _numbers(
            length if length > 1 else 0 for length in lengths
        ),
        'observation_terms_flatten_history_dim': _numbers(1 for _ in terms),
    }
    if any(isinstance(term, VelocityCommand) for term in terms):
        keys['command_names'] = 'twist'
    return keys


def _is_plain(entry: InputSpec) -> bool:
    """Whether the history is in their layout: by term, oldest first, filled with the first.

    A history of one frame has no layout.
    """
    if max(len(entry.lags(term)) for term in entry.terms) == 1:
        return all(entry.lags(term) == (0,) for term in entry.terms)
    history = entry.history
    return (
        (history.major, history.order, history.fill) == ('term', 'oldest_first', 'first')
        and history.steps is None
        and all(term.history is None for term in entry.terms)
    )


def _has_name(term: Term) -> bool:
    """Whether the format can express a term."""
    if term.kind not in NAMES or (term.clip is not None and not _is_plain_clip(term)):
        return False
    if isinstance(term, JointTerm) and (term.joints or term.masked):
        return False
    if isinstance(term, JointPosition) and not term.relative:
        return False
    return not isinstance(term, VelocityCommand) or term.components == ('vx', 'vy', 'yaw')


def _is_plain_clip(term: Term) -> bool:
    """Whether all elements have one clip, applied before the scale."""
    pair = term.clip
    return (
        pair is not None
        and len(pair) == 2
        and not any(isinstance(bound, tuple) for bound in pair)
        and term.order == 'clip_then_scale'
    )


def _clip(term: Term) -> str:
    lower, upper = term.clip or (None, None)
    return f'{_bound(lower, "-inf")};{_bound(upper, "inf")}'


def _bound(value: object, unlimited: str) -> str:
    return unlimited if value is None else repr(value)


def _scale(term: Term) -> str:
    if isinstance(term.scale, tuple):
        return ';'.join(repr(float(scale)) for scale in term.scale)
    return repr(float(term.scale))


def _numbers(values: Iterable[float]) -> str:
    return ','.join(repr(float(value)) for value in values)
