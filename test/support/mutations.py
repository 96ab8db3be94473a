# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Common mistakes in contracts and recordings, each as a function of a correct pair."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

from distill_runtime.data.recording.recording import Recording
from distill_runtime.spec.findings.joint_order import in_other_order, mirrored, orders
from distill_runtime.spec.robots import load_robot
from distill_runtime.spec.spec import PolicySpec
import numpy as np

DEGREES = 180.0 / np.pi


class Mutation(NamedTuple):
    """One mistake."""

    name: str
    of_spec: Callable[[PolicySpec, str], PolicySpec] | None = None
    """Takes the correct spec and the name of the robot; None: the contract stays correct."""
    of_recording: Callable[[Recording], Recording] | None = None
    why_not: str = ''
    """Why it cannot be found; '' if it can."""


def _terms(kind, **changes):
    def mutate(spec, robot):
        del robot
        return _with_terms(
            spec,
            lambda terms: [
                replace(term, **{key: of(term, spec) for key, of in changes.items()})
                if term.kind == kind
                else term
                for term in terms
            ],
        )

    return mutate


def _swapped_terms(one, two):
    def swap(terms):
        kinds = [term.kind for term in terms]
        first, second = kinds.index(one), kinds.index(two)
        terms[first], terms[second] = terms[second], terms[first]
        return terms

    return lambda spec, robot: _with_terms(spec, swap)


def _with_terms(spec, change):
    inputs = tuple(replace(entry, terms=tuple(change([*entry.terms]))) for entry in spec.inputs)
    return replace(spec, inputs=inputs)


def _history(field, values):
    def mutate(spec, robot):
        del robot
        return replace(
            spec,
            inputs=tuple(
                replace(
                    entry,
                    history=replace(
                        entry.history, **{field: values.get(getattr(entry.history, field))}
                    ),
                )
                for entry in spec.inputs
            ),
        )

    return mutate


def _action(field, change):
    def mutate(spec, robot):
        del robot
        action = spec.outputs.action
        changed = replace(action, **{field: change(getattr(action, field), spec)})
        return replace(spec, outputs=replace(spec.outputs, action=changed))

    return mutate


def _times(factor):
    def scaled(scale, spec):
        del spec
        if isinstance(scale, tuple):
            return tuple(factor * value for value in scale)
        return factor * scale

    return scaled


def _other_order(spec, robot):
    """Order the joints by type if they are by leg, else by motor."""
    found = list(orders(spec.joints, load_robot(robot).joints))
    return in_other_order(spec, found[-1][1])


def _in_motor_order(*fields):
    def mutate(spec, robot):
        motors = [name for name in load_robot(robot).joints if name in spec.joints]
        order = [spec.joints.index(name) for name in motors]
        return replace(
            spec,
            **{field: tuple(getattr(spec, field)[joint] for joint in order) for field in fields},
        )

    return mutate


def _joints(**changes):
    def mutate(recording):
        joints = recording.joints
        return replace(
            recording,
            joints=replace(
                joints, **{key: of(getattr(joints, key)) for key, of in changes.items()}
            ),
        )

    return mutate


def _imu(change):
    def mutate(recording):
        imu = recording.imu
        quat, rate = change(imu.values[:, :4], imu.values[:, 4:])
        return replace(recording, imu=replace(imu, values=np.hstack([quat, rate])))

    return mutate


def _swapped_knees(recording):
    names = list(recording.joints.joints)
    twins = [name for name in names if any(part in name for part in ('knee', 'calf', 'KFE'))]
    first, second = names.index(twins[0]), names.index(twins[1])
    names[first], names[second] = twins[1], twins[0]
    return replace(recording, joints=replace(recording.joints, joints=tuple(names)))


def _unless_one(scale, other):
    """Return the other scale, unless the given one is 1 within 2 %, which is no mistake."""
    return scale if np.allclose(scale, 1.0, rtol=0.02) else other


def _one(term, spec):
    del spec
    return _unless_one(term.scale, 1.0)


def _scale_of_action(term, spec):
    scale = spec.outputs.action.scale
    return term.scale if np.allclose(scale, 1.0, rtol=0.02) else scale


def _mirrored(spec, robot):
    """Swap left and right names; position limits stay with their names."""
    del robot
    other = mirrored(spec)
    limits = spec.limits.position
    position = None
    if limits is not None:
        position = tuple(limits[spec.joints.index(name)] for name in other.joints)
    return replace(other, limits=replace(spec.limits, position=position))


MUTATIONS = (
    Mutation('gravity has the wrong sign', _terms('projected_gravity', scale=lambda t, s: -1.0)),
    Mutation(
        'orientation is written w, x, y, z in the fields x, y, z, w',
        None,
        _imu(lambda quat, rate: (quat[:, [3, 0, 1, 2]], rate)),
    ),
    Mutation('left and right joint names are swapped', _mirrored),
    Mutation('joints are listed by type instead of by leg, or in motor order', _other_order),
    Mutation('last action is scaled', _terms('last_action', scale=_scale_of_action)),
    Mutation(
        'joint positions are absolute', _terms('joint_position', relative=lambda t, s: False)
    ),
    Mutation(
        'history is reversed',
        _history('order', {'oldest_first': 'newest_first', 'newest_first': 'oldest_first'}),
    ),
    Mutation(
        'frame-major and term-major are confused',
        _history('major', {'frame': 'term', 'term': 'frame'}),
    ),
    Mutation(
        'first frames are zeros instead of the first one, or vice versa',
        _history('fill', {'first': 'zeros', 'zeros': 'first'}),
    ),
    Mutation(
        'gyro and gravity are swapped',
        _swapped_terms('base_angular_velocity', 'projected_gravity'),
    ),
    Mutation('gains are in motor order', _in_motor_order('stiffness', 'damping')),
    Mutation('default pose is in motor order', _in_motor_order('default_position')),
    Mutation(
        'action scale is lost (1)', _action('scale', lambda scale, spec: _unless_one(scale, 1.0))
    ),
    Mutation('action scale is half', _action('scale', _times(0.5))),
    Mutation('joint velocity scale is lost', _terms('joint_velocity', scale=_one)),
    Mutation('angular velocity scale is lost', _terms('base_angular_velocity', scale=_one)),
    Mutation('command scale is lost', _terms('velocity_command', scale=_one)),
    Mutation('period is half', lambda spec, robot: replace(spec, period=spec.period / 2.0)),
    Mutation(
        'offset holds the default pose twice',
        _action('offset', lambda offset, spec: tuple(2.0 * q for q in spec.default_position)),
    ),
    Mutation(
        'vx and vy are swapped',
        _terms('velocity_command', components=lambda t, s: ('vy', 'vx', 'yaw')),
    ),
    Mutation(
        'default pose is lost (all 0)',
        lambda spec, robot: replace(spec, default_position=(0.0,) * len(spec.joints)),
    ),
    Mutation(
        'stiffness is double',
        lambda spec, robot: replace(spec, stiffness=tuple(2.0 * gain for gain in spec.stiffness)),
    ),
    Mutation(
        'joint states are in degrees',
        None,
        _joints(position=lambda q: q * DEGREES, velocity=lambda dq: dq * DEGREES),
    ),
    Mutation('gyro is in deg/s', None, _imu(lambda quat, rate: (quat, rate * DEGREES))),
    Mutation(
        'gyro has x and y swapped', None, _imu(lambda quat, rate: (quat, rate[:, [1, 0, 2]]))
    ),
    Mutation('joint velocities have the wrong sign', None, _joints(velocity=lambda dq: -dq)),
    Mutation('driver swaps two knees', None, _swapped_knees),
    Mutation(
        'action scale is 0.7 % too large (0.0745 written as 0.075)',
        _action('scale', _times(0.075 / 0.0745)),
        why_not='the error is below the effects of noise and friction on efforts; only a rounded '
        'number (`scale.rounded`) or recorded commands show it',
    ),
    Mutation(
        'clip of the output is lost',
        _action('clip', lambda clip, spec: None),
        why_not='no output was near the clip in the recording: the targets are the same',
    ),
)
