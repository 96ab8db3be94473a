# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Which element of the runner's vector each term of a spec reads."""

from __future__ import annotations

import math

from distill_runtime.core.arrays import locked_floats
from distill_runtime.core.plan import PhasePlan
from distill_runtime.core.sensors import SensorLayout
from distill_runtime.errors import ConfigError

from .spec import PolicySpec
from .terms import (
    BaseAngularVelocity,
    BaseOrientation,
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
        self._clocks: dict[GaitPhase, PhasePlan] = {}
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


def _phase_plan(term: GaitPhase, slot: slice, period: float) -> PhasePlan:
    standing = term.standing
    first = 1 if term.advance == 'before' else 0
    restarts = {False: None, True: first, 'at_offset': 0, 'advanced': 1}
    return PhasePlan(
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
