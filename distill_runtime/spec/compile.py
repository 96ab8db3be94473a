# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Compile a spec: look every name up once, at load."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
import math

from distill_runtime.core.arrays import FloatArray, locked_floats, locked_indices
from distill_runtime.core.compiled_spec import (
    ActionLayout,
    CompiledSpec,
    JointTable,
    ObservationLayout,
    PhaseLayout,
)
from distill_runtime.core.sensors import ExternalInput, SensorLayout
from distill_runtime.errors import ConfigError
import numpy as np

from .spec import PolicySpec
from .tensors import InputSpec
from .term import clip_arrays, clip_pairs, ClipPair, RunnerVector, spread, Term
from .terms import External, GaitPhase


def compile_spec(
    spec: PolicySpec,
    layout: SensorLayout | None = None,
    command_joints: tuple[str, ...] | None = None,
) -> CompiledSpec:
    """Compile a spec for sensors of a given layout.

    Args:
        spec: The policy.
        layout: Where the sensor vector holds what; None: made for the policy.
        command_joints: Joint order of the commands; None: the policy's.

    Raises:
        ConfigError: If the layout lacks a joint or an external input of the policy, or the
            commands are for other joints.
    """
    layout = layout or sensor_layout(spec)
    command_joints = command_joints or spec.joints
    if set(command_joints) != set(spec.joints):
        raise ConfigError(
            f'joints are {sorted(spec.joints)}, expected {sorted(command_joints)} as commanded: '
            'is it a policy of this robot?'
        )
    for name in spec.joints:
        if name not in layout.joints:
            raise ConfigError(
                f'joint {name!r} is in the policy but not on the robot, which has '
                f'{list(layout.joints)}'
            )
    gravity = slice(layout.size, layout.size + 3)
    last_action = slice(gravity.stop, gravity.stop + spec.act_dim)
    phases = _phases(spec, last_action.stop)
    zero = max([last_action.stop, *(phase.slot.stop for phase in phases.values())])
    vector = RunnerVector(
        sensors=layout,
        joints=spec.joints,
        gravity=gravity,
        last_action=last_action,
        phases={term: phase.slot for term, phase in phases.items()},
        zero=zero,
    )
    sources = {term.source for term in spec.terms}
    command = spec.command
    order = [spec.joints.index(name) for name in command_joints]
    return CompiledSpec(
        name=spec.name,
        period_ns=round(spec.period * 1e9),
        layout=layout,
        vector_dim=zero + 1,
        gravity=gravity,
        last_action=last_action,
        inputs=tuple(_observation_layout(spec, entry, vector) for entry in spec.inputs),
        phases=tuple(phases.values()),
        action=action_layout(spec, command_joints),
        joints=_joint_table(spec, layout, order),
        needs_imu='Imu' in sources,
        needs_odometry='Odometry' in sources,
        needs_command=any(term.needs_command for term in spec.terms),
        command_lower=locked_floats(command.lower if command else (-math.inf,) * 3),
        command_upper=locked_floats(command.upper if command else (math.inf,) * 3),
    )


def sensor_layout(spec: PolicySpec, robot_joints: tuple[str, ...] | None = None) -> SensorLayout:
    """Return the layout of the sensors that a policy needs.

    Args:
        spec: The policy.
        robot_joints: Joint order of the sensors; None: the policy's.
    """
    first: dict[str, External] = {}
    for term in spec.terms:
        if not isinstance(term, External):
            continue
        known = first.setdefault(term.topic, term)
        if (known.width, known.max_age) != (term.width, term.max_age):
            raise ConfigError(f'external {term.topic!r} has two widths or ages, expected one')
        if known.message != term.message:
            raise ConfigError(f'external {term.topic!r} has two message types, expected one')
        if known.field != term.field:
            raise ConfigError(
                f'external {term.topic!r} has two fields, {known.field} and {term.field}, '
                'expected one: the message that holds both gives its numbers in their order'
            )
    externals = tuple(
        ExternalInput(topic=term.topic, width=term.width, max_age=term.max_age)
        for term in first.values()
    )
    return SensorLayout(joints=robot_joints or spec.joints, externals=externals)


def external_terms(spec: PolicySpec) -> tuple[External, ...]:
    """Return a term for each external topic that a policy reads, in the order of its layout."""
    return tuple({term.topic: term for term in spec.terms if isinstance(term, External)}.values())


def _observation_layout(
    spec: PolicySpec, entry: InputSpec, vector: RunnerVector
) -> ObservationLayout:
    """Compile one input tensor."""
    index: list[int] = []
    offset: list[float] = []
    scale: list[float] = []
    before: list[ClipPair] = []
    after: list[ClipPair] = []
    trained: list[ClipPair] = []
    columns: list[range] = []
    for term in entry.terms:
        elements = term.elements(vector)
        width = len(elements)
        columns.append(range(len(index), len(index) + width))
        index += elements
        offset += term.offset(spec)
        scale += spread(term.scale, width)
        unbounded: tuple[ClipPair, ...] = ((None, None),) * width
        pairs = clip_pairs(term.clip, width) or unbounded
        is_before = term.order == 'clip_then_scale'
        before += pairs if is_before else unbounded
        after += unbounded if is_before else pairs
        trained += clip_pairs(term.trained_range, width) or unbounded
    lags = [entry.lags(term) for term in entry.terms]
    depth = 1 + max(map(max, lags))
    return ObservationLayout(
        name=str(entry.name),
        index=locked_indices(index),
        offset=locked_floats(offset),
        scale=locked_floats(scale),
        clip_before=clip_arrays(before),
        clip_after=clip_arrays(after),
        trained_range=clip_arrays(trained),
        depth=depth,
        layout=locked_indices(
            (depth - 1 - lag) * len(index) + column
            for lag, column in _tensor_order(entry.history.major == 'frame', lags, columns)
        ),
        fill_first=entry.history.fill != 'zeros',
    )


def _tensor_order(
    is_frame_major: bool, lags: list[tuple[int, ...]], columns: list[range]
) -> list[tuple[int, int]]:
    """Return age and frame column of each element of the tensor."""
    if is_frame_major:
        return [(lag, column) for lag in lags[0] for term in columns for column in term]
    return [
        (lag, column)
        for term_lags, term in zip(lags, columns, strict=True)
        for lag in term_lags
        for column in term
    ]


def _phases(spec: PolicySpec, start: int) -> Mapping[Term, PhaseLayout]:
    """Return one clock per distinct gait_phase term; start is the first free element."""
    clocks: dict[Term, PhaseLayout] = {}
    for term in spec.terms:
        if isinstance(term, GaitPhase) and term not in clocks:
            clocks[term] = _phase_layout(term, start, spec)
            start = clocks[term].slot.stop
    return clocks


def _phase_layout(term: GaitPhase, start: int, spec: PolicySpec) -> PhaseLayout:
    standing = term.standing
    first = 1 if term.advance == 'before' else 0
    restarts = {False: None, True: first, 'at_offset': 0, 'advanced': 1}
    return PhaseLayout(
        slot=slice(start, start + term.dim(spec)),
        offsets=locked_floats(term.offsets),
        step=2.0 * math.pi * term.frequency * spec.period,
        first=first,
        components=term.components,
        standing_below=standing.below if standing else None,
        standing_phase=standing.phase if standing else 0.0,
        restart=restarts[standing.restart] if standing else None,
    )


def _default_command(spec: PolicySpec) -> FloatArray:
    """Return the default position of position joints, 0 for the others."""
    is_position = np.array([mode == 'position' for mode in spec.modes])
    return np.where(is_position, spec.default_position, 0.0)


def action_layout(spec: PolicySpec, command_joints: tuple[str, ...]) -> ActionLayout:
    """Return how the network output becomes targets of joints that are commanded in an order."""
    action = spec.outputs.action
    joints = [spec.joints.index(name) for name in spec.action_joints]
    choices = None
    if action.choices is not None:
        choices = np.array(action.choices, dtype=np.float64)
        choices.setflags(write=False)
    return ActionLayout(
        width=spec.act_dim,
        clip=clip_arrays(clip_pairs(action.clip, spec.act_dim)),
        scale=locked_floats(spread(action.scale or 0.0, len(joints))),
        offset=locked_floats(
            action.offset if isinstance(action.offset, tuple) else _default_command(spec)[joints]
        ),
        target_clip=clip_arrays(clip_pairs(action.target_clip, len(joints))),
        joints=locked_indices(command_joints.index(name) for name in spec.action_joints),
        choices=choices,
    )


def _joint_table(spec: PolicySpec, layout: SensorLayout, order: list[int]) -> JointTable:
    """Return the joints, in the order of the commands, given by their indices in the policy."""
    limits, num_joints = spec.limits, len(spec.joints)
    names = tuple(spec.joints[index] for index in order)
    on_robot = [layout.joints.index(name) for name in names]
    positions = limits.position or ((-math.inf, math.inf),) * num_joints
    bounds = {
        'velocity': limits.velocity or (math.inf,) * num_joints,
        'effort': limits.effort or (math.inf,) * num_joints,
    }
    ranges = [
        positions[index] if mode == 'position' else (-bounds[mode][index], bounds[mode][index])
        for index, mode in enumerate(spec.modes)
    ]

    def floats(values: Sequence[float]) -> FloatArray:
        return locked_floats(values[index] for index in order)

    return JointTable(
        names=names,
        position_index=locked_indices(layout.joint_position.start + index for index in on_robot),
        velocity_index=locked_indices(layout.joint_velocity.start + index for index in on_robot),
        modes=tuple(spec.modes[index] for index in order),
        default_command=floats(_default_command(spec).tolist()),
        stiffness=None if spec.stiffness is None else floats(spec.stiffness),
        damping=None if spec.damping is None else floats(spec.damping),
        lower=floats([lower for lower, _ in ranges]),
        upper=floats([upper for _, upper in ranges]),
        position_lower=floats([lower for lower, _ in positions]),
        position_upper=floats([upper for _, upper in positions]),
        velocity=floats(bounds['velocity']),
        effort=floats(bounds['effort']),
    )
