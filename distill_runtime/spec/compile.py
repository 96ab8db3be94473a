# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Spec to plan: every name looked up once, at load."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
import math

from distill_runtime.core.arrays import FloatArray, locked_floats, locked_indices
from distill_runtime.core.plan import ActionPlan, JointPlan, Plan
from distill_runtime.core.sensors import ExternalInput, SensorLayout
from distill_runtime.errors import ConfigError
import numpy as np

from .clip import clip_pairs
from .compile_inputs import bounds, input_plan
from .spec import PolicySpec
from .terms import (
    BaseAngularVelocity,
    BaseLinearVelocity,
    BaseOrientation,
    External,
    GaitPhase,
    ProjectedGravity,
    VelocityCommand,
)
from .vector import VectorMap


def sensor_layout(spec: PolicySpec, robot_joints: tuple[str, ...] | None = None) -> SensorLayout:
    """Return the layout of the sensors that a policy needs.

    Args:
        spec: The policy.
        robot_joints: Joint order of the sensors; None: the policy's.
    """
    externals: dict[str, ExternalInput] = {}
    messages: dict[str, str] = {}
    for entry in spec.inputs:
        for term in entry.terms:
            if not isinstance(term, External):
                continue
            external = ExternalInput(topic=term.topic, width=term.width, max_age=term.max_age)
            if externals.setdefault(term.topic, external) != external:
                raise ConfigError(f'external {term.topic!r} has two widths or ages, expected one')
            if messages.setdefault(term.topic, term.message) != term.message:
                raise ConfigError(f'external {term.topic!r} has two message types, expected one')
    return SensorLayout(joints=robot_joints or spec.joints, externals=tuple(externals.values()))


def external_terms(spec: PolicySpec) -> tuple[External, ...]:
    """Return a term for each external topic that a policy reads, in the order of its layout."""
    terms = {
        term.topic: term
        for entry in spec.inputs
        for term in entry.terms
        if isinstance(term, External)
    }
    return tuple(terms.values())


def compile_spec(
    spec: PolicySpec,
    layout: SensorLayout | None = None,
    command_joints: tuple[str, ...] | None = None,
) -> Plan:
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
    vector = VectorMap(spec, layout)
    terms = [term for entry in spec.inputs for term in entry.terms]
    kinds = {type(term) for term in terms}
    command = spec.command
    order = [spec.joints.index(name) for name in command_joints]
    idle = _idle(spec)
    return Plan(
        name=spec.name,
        period_ns=round(spec.period * 1e9),
        layout=layout,
        vector_dim=vector.size,
        gravity=vector.gravity,
        last_action=vector.last_action,
        inputs=tuple(input_plan(spec, entry, vector) for entry in spec.inputs),
        phases=vector.phases,
        action=_action_plan(spec, idle, command_joints),
        joints=_joint_plan(spec, layout, idle, order),
        needs_imu=bool(kinds & {BaseAngularVelocity, BaseOrientation, ProjectedGravity}),
        needs_odometry=BaseLinearVelocity in kinds,
        needs_command=VelocityCommand in kinds
        or any(isinstance(term, GaitPhase) and term.standing is not None for term in terms),
        command_lower=locked_floats(command.lower if command else (-math.inf,) * 3),
        command_upper=locked_floats(command.upper if command else (math.inf,) * 3),
    )


def _idle(spec: PolicySpec) -> FloatArray:
    """Return the command at rest."""
    is_position = np.array([mode == 'position' for mode in spec.modes])
    return np.where(is_position, spec.default_position, 0.0)


def _action_plan(
    spec: PolicySpec, idle: FloatArray, command_joints: tuple[str, ...]
) -> ActionPlan:
    action = spec.outputs.action
    joints = [spec.joints.index(name) for name in spec.action_joints]
    scale = action.scale
    choices = None
    if action.choices is not None:
        choices = np.array(action.choices, dtype=np.float64)
        choices.setflags(write=False)
    return ActionPlan(
        width=spec.act_dim,
        clip=bounds(clip_pairs(action.clip, spec.act_dim)),
        scale=locked_floats(scale if isinstance(scale, tuple) else (scale or 0.0,) * len(joints)),
        offset=locked_floats(action.offset if isinstance(action.offset, tuple) else idle[joints]),
        target_clip=bounds(clip_pairs(action.target_clip, len(joints))),
        joints=locked_indices(command_joints.index(name) for name in spec.action_joints),
        choices=choices,
    )


def _joint_plan(
    spec: PolicySpec, layout: SensorLayout, idle: FloatArray, order: list[int]
) -> JointPlan:
    """Return the joints, in the order of the commands.

    Args:
        spec: The policy.
        layout: Where the sensor vector holds what.
        idle: Command at rest, policy order.
        order: Place in the policy of each joint that is commanded.
    """
    limits, num_joints = spec.limits, len(spec.joints)
    names = tuple(spec.joints[place] for place in order)
    on_robot = [layout.joints.index(name) for name in names]
    ranges = tuple(_command_ranges(spec))
    unlimited = (math.inf,) * num_joints
    positions = limits.position or ((-math.inf, math.inf),) * num_joints

    def floats(values: Sequence[float]) -> FloatArray:
        return locked_floats(values[place] for place in order)

    return JointPlan(
        names=names,
        position_index=locked_indices(layout.joint_position.start + place for place in on_robot),
        velocity_index=locked_indices(layout.joint_velocity.start + place for place in on_robot),
        modes=tuple(spec.modes[place] for place in order),
        idle=floats(idle.tolist()),
        stiffness=None if spec.stiffness is None else floats(spec.stiffness),
        damping=None if spec.damping is None else floats(spec.damping),
        lower=floats([lower for lower, _ in ranges]),
        upper=floats([upper for _, upper in ranges]),
        position_lower=floats([lower for lower, _ in positions]),
        position_upper=floats([upper for _, upper in positions]),
        velocity=floats(limits.velocity or unlimited),
        effort=floats(limits.effort or unlimited),
    )


def _command_ranges(spec: PolicySpec) -> Iterator[tuple[float, float]]:
    """Yield the least and the greatest command of each joint, by its mode."""
    limits = spec.limits
    for place, mode in enumerate(spec.modes):
        if mode == 'position':
            yield limits.position[place] if limits.position else (-math.inf, math.inf)
        else:
            bound = limits.velocity if mode == 'velocity' else limits.effort
            yield (-bound[place], bound[place]) if bound else (-math.inf, math.inf)
