# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Actuators of the joints: one affine servo per policy joint, or those of the scene."""

from __future__ import annotations

import math

from distill_runtime.core.arrays import FloatArray, IndexArray, locked_floats, locked_indices
from distill_runtime.errors import ConfigError
from distill_runtime.spec.spec import PolicySpec
import mujoco
import numpy as np

_ON_JOINT = (int(mujoco.mjtTrn.mjTRN_JOINT), int(mujoco.mjtTrn.mjTRN_JOINTINPARENT))
_NO_BIAS = int(mujoco.mjtBias.mjBIAS_NONE)


def effort_limits(
    model: mujoco.MjModel, policy: PolicySpec, *, from_scene: bool = False
) -> FloatArray:
    """Return the torque limit of each joint: that of the spec, or else of the scene, or else inf.

    Args:
        model: The unchanged scene.
        policy: Its joints.
        from_scene: Whether to ignore the limits of the spec.

    Returns:
        In [N m], shape (num_joints,).
    """
    if policy.limits.effort is not None and not from_scene:
        return locked_floats(policy.limits.effort)
    return locked_floats(_scene_limit(model, model.joint(name).id) for name in policy.joints)


def add_servos(spec: mujoco.MjSpec, policy: PolicySpec, effort: FloatArray) -> list[str]:
    """Replace the actuators of the policy's joints by one servo each; return notes.

    Actuators of other joints stay.

    Args:
        spec: The scene, changed in place.
        policy: Its joints, modes and gains.
        effort: Torque limits in [N m], inf for none, shape (num_joints,).

    Raises:
        ConfigError: If a gain that the mode of a joint needs is absent.
    """
    names = set(policy.joints)
    for actuator in list(spec.actuators):
        if int(actuator.trntype) in _ON_JOINT and actuator.target in names:
            _drop_sensors(spec, actuator.name)
            spec.delete(actuator)
    # their ctrl has the wrong size now, and the robot starts in the default pose, not in a key
    for key in list(spec.keys):
        spec.delete(key)
    damped = []
    for index, name in enumerate(policy.joints):
        joint = spec.joint(name)
        if policy.damping is not None and np.any(joint.damping):
            damped.append(name)
            joint.damping = 0.0 * joint.damping
        joint.actfrclimited = False
        actuator = _plain_actuator(spec, name)
        _set_law(actuator, policy, index)
        if math.isfinite(effort[index]):
            actuator.forcelimited = True
            actuator.forcerange = [-effort[index], effort[index]]
    if damped:
        return [
            f'the damping of {len(damped)} joints in the scene is replaced by that of the spec'
        ]
    return []


def servo_indices(model: mujoco.MjModel, policy: PolicySpec, *, is_checked: bool) -> IndexArray:
    """Return the actuator of each joint, shape (num_joints,).

    Args:
        model: The scene.
        policy: Its joints.
        is_checked: Whether the kind of each actuator must match the mode of its joint.

    Raises:
        ConfigError: If a joint has no actuator, or several, or one of the wrong kind.
    """
    found = []
    for name, mode in zip(policy.joints, policy.modes, strict=True):
        candidates = _actuators_of(model, model.joint(name).id)
        if len(candidates) != 1:
            raise ConfigError(
                f'joint {name!r} has {len(candidates)} actuators in the scene, expected 1'
            )
        kind = _kind(model, candidates[0])
        if is_checked and kind != mode:
            raise ConfigError(
                f'the actuator of joint {name!r} in the scene takes {kind}, expected {mode}: '
                'use servos with the gains of the spec'
            )
        found.append(candidates[0])
    return locked_indices(found)


def _plain_actuator(spec: mujoco.MjSpec, joint_name: str) -> mujoco.MjsActuator:
    """Add an actuator without the defaults of the scene."""
    actuator = spec.add_actuator(name=f'servo_{joint_name}', target=joint_name)
    actuator.trntype = mujoco.mjtTrn.mjTRN_JOINT
    actuator.dyntype = mujoco.mjtDyn.mjDYN_NONE
    actuator.gear = [1.0, 0.0, 0.0, 0.0, 0.0, 0.0]
    actuator.ctrllimited = False
    actuator.forcelimited = False
    actuator.actlimited = False
    return actuator


def _set_law(actuator: mujoco.MjsActuator, policy: PolicySpec, index: int) -> None:
    """Set gain and bias in force = gain * ctrl + bias for the mode of the joint."""
    mode = policy.modes[index]
    actuator.gaintype = mujoco.mjtGain.mjGAIN_FIXED
    actuator.biastype = mujoco.mjtBias.mjBIAS_AFFINE
    gain, bias = actuator.gainprm, actuator.biasprm
    gain[:], bias[:] = 0.0, 0.0
    if mode == 'effort':
        gain[0] = 1.0
    else:
        damping = _gain('damping', policy.damping, policy, index)
        bias[2] = -damping
        if mode == 'velocity':
            gain[0] = damping
        else:
            gain[0] = _gain('stiffness', policy.stiffness, policy, index)
            bias[1] = -gain[0]


def _gain(field: str, values: tuple[float, ...] | None, policy: PolicySpec, index: int) -> float:
    if values is None:
        raise ConfigError(
            f'{field} is absent, expected a gain for joint {policy.joints[index]!r} in mode '
            f'{policy.modes[index]}: add it to the spec, or use the actuators of the scene'
        )
    return values[index]


def _drop_sensors(spec: mujoco.MjSpec, actuator_name: str) -> None:
    """Remove the sensors of an actuator."""
    for sensor in list(spec.sensors):
        if sensor.objtype == mujoco.mjtObj.mjOBJ_ACTUATOR and sensor.objname == actuator_name:
            spec.delete(sensor)


def _actuators_of(model: mujoco.MjModel, joint: int) -> list[int]:
    return [
        actuator
        for actuator in range(model.nu)
        if model.actuator_trntype[actuator] in _ON_JOINT
        and model.actuator_trnid[actuator, 0] == joint
    ]


def _kind(model: mujoco.MjModel, actuator: int) -> str:
    """Return the kind of command of an actuator: position, velocity or effort."""
    if model.actuator_biastype[actuator] == _NO_BIAS:
        return 'effort'
    bias = model.actuator_biasprm[actuator]
    if bias[1]:
        return 'position'
    return 'velocity' if bias[2] else 'effort'


def _scene_limit(model: mujoco.MjModel, joint: int) -> float:
    """Return the torque limit of a joint in the scene, in [N m]; inf for none."""
    limits = [math.inf]
    if model.jnt_actfrclimited[joint]:
        limits.append(float(np.abs(model.jnt_actfrcrange[joint]).max()))
    for actuator in _actuators_of(model, joint):
        gear = abs(float(model.actuator_gear[actuator, 0]))
        if model.actuator_forcelimited[actuator]:
            limits.append(gear * float(np.abs(model.actuator_forcerange[actuator]).max()))
        elif model.actuator_ctrllimited[actuator] and _kind(model, actuator) == 'effort':
            gain = abs(float(model.actuator_gainprm[actuator, 0]))
            limits.append(gear * gain * float(np.abs(model.actuator_ctrlrange[actuator]).max()))
    return min(limits)
