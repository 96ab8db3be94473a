# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Joint orders that a policy may actually have: robot order, by leg, by type, mirrored."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
import re
from typing import TypeVar

from distill_runtime.spec.spec import PolicySpec

_T = TypeVar('_T')
_LEG = re.compile(r'^(FL|FR|RL|RR|HL|HR|LF|RF|LH|RH|left|right|l|r)_(.+)$', re.IGNORECASE)
_SIDES = {'left': 'right', 'l': 'r', 'fl': 'fr', 'rl': 'rr', 'hl': 'hr', 'lf': 'rf', 'lh': 'rh'}
_WORD = re.compile(r'left|[a-z]+', re.IGNORECASE)


def orders(
    joints: tuple[str, ...], motors: tuple[str, ...] = ()
) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield other orders of the joints, each with a description: robot order, by leg, by type.

    Args:
        joints: Names in the given order.
        motors: Names in the order of the robot's motors; may have additional names.
    """
    seen = {joints}
    of_robot = tuple(name for name in motors if name in joints)
    if len(of_robot) == len(joints) and of_robot not in seen:
        seen.add(of_robot)
        yield 'in the order of the robot', of_robot
    matches = [_LEG.match(name) for name in joints]
    legs = list(dict.fromkeys(match[1] for match in matches if match))
    kinds = list(dict.fromkeys(match[2] for match in matches if match))
    if None in matches or len(legs) * len(kinds) != len(joints):
        return
    for text, order in (
        ('ordered leg by leg', tuple(f'{leg}_{kind}' for leg in legs for kind in kinds)),
        ('ordered type by type', tuple(f'{leg}_{kind}' for kind in kinds for leg in legs)),
    ):
        if order not in seen and set(order) == set(joints):
            seen.add(order)
            yield text, order


def in_other_order(spec: PolicySpec, order: Sequence[str]) -> PolicySpec:
    """Return a spec whose tensors have another joint order; values stay with their joints.

    Args:
        spec: The policy.
        order: All joints of the policy.
    """
    indices = [spec.joints.index(name) for name in order]
    action, limits = spec.outputs.action, spec.limits
    mode = spec.outputs.mode
    if action.joints is None:
        action = replace(
            action,
            scale=_picked(action.scale, indices),
            offset=_picked(action.offset, indices),
        )
    return replace(
        spec,
        joints=tuple(order),
        default_position=_picked(spec.default_position, indices),
        stiffness=_picked(spec.stiffness, indices),
        damping=_picked(spec.damping, indices),
        limits=replace(
            limits,
            position=_picked(limits.position, indices),
            velocity=_picked(limits.velocity, indices),
            effort=_picked(limits.effort, indices),
        ),
        outputs=replace(spec.outputs, action=action, mode=_picked(mode, indices)),
    )


def mirrored(spec: PolicySpec) -> PolicySpec | None:
    """Return the spec with left and right names exchanged, but not the values; None: no pairs."""
    counterparts: dict[str, str] = {}
    for left, right in mirror_pairs(spec.joints):
        counterparts[left], counterparts[right] = right, left
    if not counterparts or spec.outputs.action.joints is not None:
        return None
    return replace(
        spec,
        joints=tuple(counterparts.get(name, name) for name in spec.joints),
        limits=replace(spec.limits, position=None),
    )


def _picked(values: _T, indices: list[int]) -> _T:
    """Reorder a tuple; return any other value as it is."""
    if not isinstance(values, tuple):
        return values
    return tuple(values[index] for index in indices)  # type: ignore[return-value]


def mirror_pairs(joints: tuple[str, ...]) -> list[tuple[str, str]]:
    """Return the pairs (left, right) of names that differ only in their side.

    Args:
        joints: Names such as left_knee_joint, FL_calf_joint, LF_KFE or LeftKnee.
    """
    pairs = []
    for name in joints:
        for word in _WORD.finditer(name):
            side = _SIDES.get(word.group().lower())
            if side is None:
                continue
            twin = name[: word.start()] + _in_case_of(word.group(), side) + name[word.end() :]
            if twin in joints:
                pairs.append((name, twin))
                break
    return pairs


def _in_case_of(model: str, word: str) -> str:
    if model.isupper():
        return word.upper()
    return word.capitalize() if model[0].isupper() else word
