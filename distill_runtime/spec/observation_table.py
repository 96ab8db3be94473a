# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Where each term of a spec lies in its tensor, read back from the compiled plan.

Read back, not worked out anew: what a table of these rows shows is what a tick does.
"""

from __future__ import annotations

from typing import NamedTuple

from distill_runtime.core.compiled_spec import CompiledSpec, ObservationLayout

from .spec import PolicySpec
from .terms import (
    BaseAngularVelocity,
    BaseLinearVelocity,
    BaseOrientation,
    Constant,
    External,
    GaitPhase,
    JointPosition,
    JointVelocity,
    LastAction,
    Latent,
    Term,
    VelocityCommand,
)


class TermRow(NamedTuple):
    """One term in its tensor."""

    term: Term
    elements: tuple[str, ...]
    """Name of each element of one frame."""
    ages: tuple[int, ...]
    """Of its frames in ticks, 0 = newest, in tensor order."""
    blocks: tuple[tuple[int, int], ...]
    """First and last index, inclusive, of each frame; in the order of ages."""
    scale: tuple[float, ...]
    """One per element."""
    unit: str
    """Before the scale."""
    origin: str
    """Message or topic, or what else gives it."""

    @property
    def newest(self) -> tuple[int, int]:
        """First and last index of the newest frame."""
        return self.blocks[self.ages.index(min(self.ages))]


def observation_rows(spec: PolicySpec, compiled: CompiledSpec) -> tuple[tuple[TermRow, ...], ...]:
    """Return the rows of each input tensor, in tensor order.

    Args:
        spec: The policy.
        compiled: What it was compiled to.
    """
    return tuple(
        tuple(_rows(spec, entry.terms, tensor))
        for entry, tensor in zip(spec.inputs, compiled.inputs, strict=True)
    )


def _rows(spec: PolicySpec, terms: tuple[Term, ...], compiled: ObservationLayout) -> list[TermRow]:
    frame_dim = len(compiled.index)
    rows, start = [], 0
    for term in terms:
        columns = range(start, start + term.dim(len(spec.joints), spec.act_dim))
        start = columns.stop
        blocks: dict[int, list[int]] = {}
        for index, source in enumerate(compiled.layout.tolist()):
            slot, column = divmod(source, frame_dim)
            if column in columns:
                blocks.setdefault(compiled.depth - 1 - slot, []).append(index)
        rows.append(
            TermRow(
                term=term,
                elements=element_names(spec, term),
                ages=tuple(blocks),
                blocks=tuple((indices[0], indices[-1]) for indices in blocks.values()),
                scale=tuple(compiled.scale[columns.start : columns.stop].tolist()),
                unit=_unit(term),
                origin=_origin(term),
            )
        )
    return rows


def element_names(spec: PolicySpec, term: Term) -> tuple[str, ...]:
    """Return a name for each element of one frame of a term."""
    if isinstance(term, (JointPosition, JointVelocity)):
        return spec.joints if term.joints is None else term.joints
    if isinstance(term, VelocityCommand):
        return term.components
    if isinstance(term, GaitPhase):
        return tuple(
            f'{component} {leg}'
            for component in term.components
            for leg in range(len(term.offsets))
        )
    if isinstance(term, LastAction):
        if spec.outputs.action.choices is None:
            return spec.action_joints
        return tuple(f'choice {index}' for index in range(spec.act_dim))
    if isinstance(term, External):
        return tuple(str(index) for index in range(term.width))
    if isinstance(term, BaseOrientation):
        return tuple(term.quaternion)
    if isinstance(term, (Constant, Latent)):
        return tuple(str(index) for index in range(term.dim(0, 0)))
    return ('x', 'y', 'z')


def _unit(term: Term) -> str:
    if isinstance(term, VelocityCommand):
        units = {'rad/s' if name == 'yaw' else 'm/s' for name in term.components}
        return ' '.join(sorted(units))
    if isinstance(term, BaseLinearVelocity):
        return 'm/s'
    if isinstance(term, (BaseAngularVelocity, JointVelocity)):
        return 'rad/s'
    return 'rad' if isinstance(term, JointPosition) else '-'


def _origin(term: Term) -> str:
    if isinstance(term, External):
        return term.topic
    return {
        'joint_position': 'JointState',
        'joint_velocity': 'JointState',
        'velocity_command': 'Twist',
        'base_linear_velocity': 'Odometry',
        'last_action': 'network',
        'latent': 'encoder',
        'constant': 'spec',
        'gait_phase': 'clock',
    }.get(term.kind, 'Imu')
