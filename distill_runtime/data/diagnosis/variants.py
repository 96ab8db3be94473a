# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Variants of a contract with one common mistake corrected.

Tried where the targets of a policy do not fit a recording; the one that fits names the mistake.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import combinations
from typing import NamedTuple

from distill_runtime.spec.findings.joint_order import (
    in_other_order,
    mirrored,
    orders,
)
from distill_runtime.spec.robot_description import RobotDescription
from distill_runtime.spec.spec import PolicySpec
from distill_runtime.spec.tensors import History, InputSpec
from distill_runtime.spec.term import Term
from distill_runtime.spec.terms import JointPosition, VelocityCommand

SCALES: dict[str, tuple[float | tuple[float, ...], ...]] = {
    'base_angular_velocity': (1.0, 0.2, 0.25),
    'joint_velocity': (1.0, 0.05),
    'velocity_command': (1.0, (2.0, 2.0, 0.25)),
    'last_action': (1.0,),
}
"""Common scales of the terms."""


class Variant(NamedTuple):
    """A contract and its difference, as a clause after 'if'."""

    text: str
    spec: PolicySpec


def variants(spec: PolicySpec, robot: RobotDescription | None = None) -> Iterator[Variant]:
    """Yield contracts whose tensors have the same widths.

    Args:
        spec: The given contract.
        robot: Its joint order is tried, too.
    """
    yield from _of_terms(spec)
    yield from _of_layout(spec)
    yield from _of_joints(spec, robot)
    for factor in (0.5, 2.0):
        period = spec.period * factor
        yield Variant(f'period were {period:g} s', replace(spec, period=period))


def _of_terms(spec: PolicySpec) -> Iterator[Variant]:
    """Yield other signs, scales and offsets of terms."""
    for index, entry in enumerate(spec.inputs):
        for number, term in enumerate(entry.terms):
            for text, other in _other_terms(spec, term):
                terms = [*entry.terms]
                terms[number] = other
                yield Variant(f'{term.kind} {text}', _with_terms(spec, index, terms))


def _other_terms(spec: PolicySpec, term: Term) -> Iterator[tuple[str, Term]]:
    if term.kind in ('projected_gravity', 'base_angular_velocity'):
        scale = term.scale
        negative = tuple(-s for s in scale) if isinstance(scale, tuple) else -scale
        yield 'had the opposite sign', replace(term, scale=negative)
    if isinstance(term, JointPosition):
        text = 'were absolute' if term.relative else 'were relative to the default position'
        yield text, replace(term, relative=not term.relative)
    if isinstance(term, VelocityCommand) and {'vx', 'vy'} <= set(term.components):
        swap = {'vx': 'vy', 'vy': 'vx'}
        components = tuple(swap.get(name, name) for name in term.components)
        yield 'had vx and vy swapped', replace(term, components=components)  # type: ignore[arg-type]
    scales = list(SCALES.get(term.kind, ()))
    if term.kind == 'last_action' and spec.outputs.action.scale is not None:
        scales.append(spec.outputs.action.scale)
    for scale in scales:
        width = term.dim(spec)
        has_width = not isinstance(scale, tuple) or len(scale) == width
        if scale != term.scale and has_width:
            yield f'had scale {_text(scale)}', replace(term, scale=scale)


def _text(scale: float | tuple[float, ...]) -> str:
    if isinstance(scale, tuple):
        return 'of the action' if len(scale) > 4 else str(list(scale))
    return f'{scale:g}'


def _of_layout(spec: PolicySpec) -> Iterator[Variant]:
    """Yield other orders of terms and frames."""
    for index, entry in enumerate(spec.inputs):
        for text, history in _other_histories(entry):
            yield Variant(text, _with_input(spec, index, replace(entry, history=history)))
        for one, two in combinations(range(len(entry.terms)), 2):
            first, second = entry.terms[one], entry.terms[two]
            widths = {t.dim(spec) for t in (first, second)}
            if len(widths) == 1:
                terms = [*entry.terms]
                terms[one], terms[two] = second, first
                yield Variant(
                    f'{first.kind} and {second.kind} were swapped',
                    _with_terms(spec, index, terms),
                )


def _other_histories(entry: InputSpec) -> Iterator[tuple[str, History]]:
    history = entry.history
    if max(len(entry.lags(term)) for term in entry.terms) == 1:
        return
    if history.order == 'oldest_first':
        yield 'history.order were newest_first', replace(history, order='newest_first')
    elif history.order == 'newest_first':
        yield 'history.order were oldest_first', replace(history, order='oldest_first')
    if any(term.history for term in entry.terms):
        return
    if history.major == 'frame':
        yield 'history.major were term', replace(history, major='term')
    elif history.major == 'term':
        yield 'history.major were frame', replace(history, major='frame')


def _of_joints(spec: PolicySpec, robot: RobotDescription | None) -> Iterator[Variant]:
    """Yield other joint orders, and lists of values in another order."""
    swapped = mirrored(spec)
    if swapped is not None:
        yield Variant('left and right joints were swapped', swapped)
    motors = () if robot is None else robot.joints
    for text, order in orders(spec.joints, motors):
        yield Variant(f'joints were {text}', in_other_order(spec, order))
        default = tuple(spec.default_position[order.index(name)] for name in spec.joints)
        if default != spec.default_position:
            yield Variant(
                f'default_position were {text}',
                replace(
                    spec, default_position=default, limits=replace(spec.limits, position=None)
                ),
            )


def _with_terms(spec: PolicySpec, index: int, terms: Sequence[Term]) -> PolicySpec:
    return _with_input(spec, index, replace(spec.inputs[index], terms=tuple(terms)))


def _with_input(spec: PolicySpec, index: int, entry: InputSpec) -> PolicySpec:
    return replace(spec, inputs=(*spec.inputs[:index], entry, *spec.inputs[index + 1 :]))
