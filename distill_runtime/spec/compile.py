# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Spec to plan: every name looked up once, at load.

Which element of the runner's vector each term of a spec reads.

Terms and history of one input tensor, as the arrays of its plan.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
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
from .terms import (
    BaseAngularVelocity,
    BaseLinearVelocity,
    BaseOrientation,
    clip_pairs,
    ClipPair,
    Constant,
    External,
    GaitPhase,
    JointPosition,
    JointVelocity,
    LastAction,
    Latent,
    ProjectedGravity,
    Term,
    VelocityCommand,
)


class VectorMap:
    """The runner's vector for one policy: see core.plan for its segments.

    Attributes:
        gravity: Segment of the projected gravity.
        last_action: Segment of the last action.
        phases: One clock per different gait_phase term.
        size: Number of elements.
    """

    def __init__(self, spec: PolicySpec, layout: SensorLayout) -> None:
        """Lay the segments behind the sensor values."""
        self._spec = spec
        self._layout = layout
        self.gravity = slice(layout.size, layout.size + 3)
        self.last_action = slice(self.gravity.stop, self.gravity.stop + spec.act_dim)
        self._clocks: dict[GaitPhase, PhaseLayout] = {}
        end = self.last_action.stop
        for entry in spec.inputs:
            for term in entry.terms:
                if isinstance(term, GaitPhase) and term not in self._clocks:
                    slot = slice(end, end + term.dim(0, 0))
                    self._clocks[term] = _phase_plan(term, slot, spec.period)
                    end = slot.stop
        self.phases = tuple(self._clocks.values())
        self._zero = end
        self.size = end + 1

    def elements(self, term: Term) -> list[int]:
        """Return the elements that a term reads, in tensor order."""
        layout = self._layout
        if isinstance(term, JointPosition):
            return self._joint_elements(term.joints, term.masked, layout.joint_position.start)
        if isinstance(term, JointVelocity):
            return self._joint_elements(term.joints, term.masked, layout.joint_velocity.start)
        if isinstance(term, VelocityCommand):
            start = layout.velocity_command.start
            return [start + ('vx', 'vy', 'yaw').index(name) for name in term.components]
        if isinstance(term, GaitPhase):
            return _range(self._clocks[term].slot)
        if isinstance(term, External):
            found = _range(layout.external(term.topic))
            if len(found) != term.width:
                raise ConfigError(
                    f'external {term.topic!r} has width {term.width}, expected {len(found)} as in '
                    'the sensor layout'
                )
            return [*found[:3], found[6], *found[3:6]] if term.quaternion == 'wxyz' else found
        if isinstance(term, LastAction):
            return _range(self.last_action)
        if isinstance(term, BaseOrientation):
            w, *xyz = _range(layout.quat_base_to_world)
            return [w, *xyz] if term.quaternion == 'wxyz' else [*xyz, w]
        if isinstance(term, (Constant, Latent)):
            return [self._zero] * term.dim(0, 0)
        if isinstance(term, ProjectedGravity):
            return _range(self.gravity)
        if isinstance(term, BaseAngularVelocity):
            return _range(layout.angular_velocity)
        return _range(layout.base_linear_velocity)

    def _joint_elements(
        self, joints: tuple[str, ...] | None, masked: tuple[str, ...], start: int
    ) -> list[int]:
        """Return the elements of some joints; a masked one is the element that is always zero."""
        names = self._spec.joints if joints is None else joints
        order = self._layout.joints
        return [self._zero if name in masked else start + order.index(name) for name in names]


def _phase_plan(term: GaitPhase, slot: slice, period: float) -> PhaseLayout:
    standing = term.standing
    first = 1 if term.advance == 'before' else 0
    restarts = {False: None, True: first, 'at_offset': 0, 'advanced': 1}
    return PhaseLayout(
        slot=slot,
        offsets=locked_floats(term.offsets),
        step=2.0 * math.pi * term.frequency * period,
        first=first,
        components=term.components,
        standing_below=standing.below if standing else None,
        standing_phase=standing.phase if standing else 0.0,
        restart=restarts[standing.restart] if standing else None,
    )


def _range(segment: slice) -> list[int]:
    return list(range(segment.start, segment.stop))


def observation_layout(spec: PolicySpec, entry: InputSpec, vector: VectorMap) -> ObservationLayout:
    """Compile one input tensor."""
    index: list[int] = []
    offset: list[float] = []
    scale: list[float] = []
    before: list[ClipPair] = []
    after: list[ClipPair] = []
    trained: list[ClipPair] = []
    columns: list[range] = []
    for term in entry.terms:
        elements = vector.elements(term)
        width = len(elements)
        columns.append(range(len(index), len(index) + width))
        index += elements
        offset += _offset(spec, term, width)
        scale += term.scale if isinstance(term.scale, tuple) else (term.scale,) * width
        unbounded: tuple[ClipPair, ...] = ((None, None),) * width
        pairs = term.clip_pairs(width) or unbounded
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
        clip_before=bounds(before),
        clip_after=bounds(after),
        trained_range=bounds(trained),
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


def _offset(spec: PolicySpec, term: Term, width: int) -> list[float]:
    """Return what is subtracted: the default position for relative joint positions.

    A constant is nothing, less what it is not.
    """
    if isinstance(term, Constant):
        return [-value for value in term.values]
    if not (isinstance(term, JointPosition) and term.relative):
        return [0.0] * width
    defaults = dict(zip(spec.joints, spec.default_position, strict=True))
    names = spec.joints if term.joints is None else term.joints
    return [0.0 if name in term.masked else defaults[name] for name in names]


def bounds(pairs: Sequence[ClipPair]) -> tuple[FloatArray, FloatArray] | None:
    """Return lower and upper bounds per element; None if nothing is bounded."""
    if all(pair == (None, None) for pair in pairs):
        return None
    lower = (-math.inf if low is None else low for low, _ in pairs)
    upper = (math.inf if high is None else high for _, high in pairs)
    return locked_floats(lower), locked_floats(upper)


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
    vector = VectorMap(spec, layout)
    terms = [term for entry in spec.inputs for term in entry.terms]
    kinds = {type(term) for term in terms}
    command = spec.command
    order = [spec.joints.index(name) for name in command_joints]
    idle = _idle(spec)
    return CompiledSpec(
        name=spec.name,
        period_ns=round(spec.period * 1e9),
        layout=layout,
        vector_dim=vector.size,
        gravity=vector.gravity,
        last_action=vector.last_action,
        inputs=tuple(observation_layout(spec, entry, vector) for entry in spec.inputs),
        phases=vector.phases,
        action=_action_layout(spec, idle, command_joints),
        joints=_joint_table(spec, layout, idle, order),
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


def _action_layout(
    spec: PolicySpec, idle: FloatArray, command_joints: tuple[str, ...]
) -> ActionLayout:
    action = spec.outputs.action
    joints = [spec.joints.index(name) for name in spec.action_joints]
    scale = action.scale
    choices = None
    if action.choices is not None:
        choices = np.array(action.choices, dtype=np.float64)
        choices.setflags(write=False)
    return ActionLayout(
        width=spec.act_dim,
        clip=bounds(clip_pairs(action.clip, spec.act_dim)),
        scale=locked_floats(scale if isinstance(scale, tuple) else (scale or 0.0,) * len(joints)),
        offset=locked_floats(action.offset if isinstance(action.offset, tuple) else idle[joints]),
        target_clip=bounds(clip_pairs(action.target_clip, len(joints))),
        joints=locked_indices(command_joints.index(name) for name in spec.action_joints),
        choices=choices,
    )


def _joint_table(
    spec: PolicySpec, layout: SensorLayout, idle: FloatArray, order: list[int]
) -> JointTable:
    """Return the joints, in the order of the commands.

    Args:
        spec: The policy.
        layout: Where the sensor vector holds what.
        idle: Command at rest, policy order.
        order: Place in the policy of each joint that is commanded.
    """
    limits, num_joints = spec.limits, len(spec.joints)
    names = tuple(spec.joints[index] for index in order)
    on_robot = [layout.joints.index(name) for name in names]
    ranges = tuple(_command_ranges(spec))
    unlimited = (math.inf,) * num_joints
    positions = limits.position or ((-math.inf, math.inf),) * num_joints

    def floats(values: Sequence[float]) -> FloatArray:
        return locked_floats(values[index] for index in order)

    return JointTable(
        names=names,
        position_index=locked_indices(layout.joint_position.start + index for index in on_robot),
        velocity_index=locked_indices(layout.joint_velocity.start + index for index in on_robot),
        modes=tuple(spec.modes[index] for index in order),
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
    for index, mode in enumerate(spec.modes):
        if mode == 'position':
            yield limits.position[index] if limits.position else (-math.inf, math.inf)
        else:
            bound = limits.velocity if mode == 'velocity' else limits.effort
            yield (-bound[index], bound[index]) if bound else (-math.inf, math.inf)
