# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Load a MuJoCo scene for a policy: find its joints, add servos, and a floor if it has none."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
import math
from pathlib import Path
from typing import Literal

from distill_runtime.core.arrays import FloatArray, IndexArray, locked_indices
from distill_runtime.errors import ConfigError
from distill_runtime.spec.spec import PolicySpec
import mujoco
import numpy as np

from .servos import add_servos, effort_limits, servo_indices

SHIPPED_SCENE = Path(__file__).parent / 'quadruped.xml'
"""The quadruped of this package, on a flat floor."""

_FREE = int(mujoco.mjtJoint.mjJNT_FREE)
_SOLVER_ITERATIONS = 100  # MuJoCo's default; it stops sooner where its tolerance is reached
_LINE_SEARCH_ITERATIONS = 50  # the same
_SINGLE = (int(mujoco.mjtJoint.mjJNT_HINGE), int(mujoco.mjtJoint.mjJNT_SLIDE))


@dataclass(frozen=True, kw_only=True)
class SceneConfig:
    """Scene file and its actuators."""

    path: str = str(SHIPPED_SCENE)
    """MJCF file."""
    imu_site: str = ''
    """Site of the Imu; '': the first one on the base whose name contains imu, else the base."""
    actuators: Literal['pd', 'scene'] = 'pd'
    """pd: one servo per policy joint with the gains of the spec, which replaces the scene's
    actuators of that joint; scene: the actuators of the scene."""
    timestep: float = 0.0
    """Physics step in [s]; 0: the scene's."""

    def __post_init__(self) -> None:
        """Reject values out of range."""
        if self.actuators not in ('pd', 'scene'):
            raise ConfigError(f"actuators is {self.actuators!r}, expected one of ['pd', 'scene']")
        if not 0.0 <= self.timestep < 1.0:
            raise ConfigError(
                f'timestep is {self.timestep} s, expected at least 0 s and below 1 s'
            )


@dataclass(frozen=True, kw_only=True)
class Scene:
    """A compiled model and the indices of the policy's joints in it, in policy order."""

    model: mujoco.MjModel
    policy: PolicySpec
    actuators: IndexArray
    """Index in ctrl of each joint's command, shape (num_joints,)."""
    effort: FloatArray
    """Torque limit of each joint in [N m], inf for none, shape (num_joints,)."""
    base: int
    """Root body of the joints."""
    is_floating: bool
    """Whether the base moves freely."""
    imu_site: int
    """Site of the Imu."""
    floors: IndexArray
    """Geoms of the ground."""
    notes: tuple[str, ...]
    """Changes to the scene, as text."""

    @property
    def joint_names(self) -> tuple[str, ...]:
        """All joints of the robot with one degree of freedom, in scene order."""
        model = self.model
        root = model.body_rootid[self.base]
        return tuple(
            model.joint(joint).name
            for joint in range(model.njnt)
            if model.jnt_type[joint] in _SINGLE
            and model.body_rootid[model.jnt_bodyid[joint]] == root
        )

    def address(self, name: str) -> tuple[int, int]:
        """Return the indices of a joint in qpos and qvel.

        Raises:
            ConfigError: If the scene has no such joint.
        """
        joint = _hinge(self.model, name)
        return int(self.model.jnt_qposadr[joint]), int(self.model.jnt_dofadr[joint])

    def steps_in(self, period: float) -> int:
        """Return the number of physics steps in a period in [s].

        Raises:
            ConfigError: If it is not a whole number.
        """
        timestep = float(self.model.opt.timestep)
        steps = round(period / timestep)
        if steps < 1 or not math.isclose(steps * timestep, period, rel_tol=1e-6):
            raise ConfigError(
                f'period is {period:g} s, expected a multiple of the physics step {timestep:g} s'
            )
        return steps


def load_scene(config: SceneConfig, policy: PolicySpec) -> Scene:
    """Load a scene for the joints of a policy.

    With ``actuators: pd`` the torque of a position joint is ``clip(kp (target - q) - kd dq,
    +-effort)``, that of a velocity joint ``kd (target - dq)``, that of an effort joint the command
    itself. The joint damping of the scene is removed, as simulators for training do: many scenes
    keep a servo's derivative gain there, and the spec's damping replaces it. Dry friction and
    rotor inertia stay. The integrator becomes implicitfast, which integrates the damping
    implicitly, and the solver may take as many iterations as it needs.

    Raises:
        ConfigError: If the file is not a scene, or does not fit the joints.
    """
    # otherwise MuJoCo writes warnings to a file in the working directory; a bad state is a fall
    mujoco.set_mju_user_warning(lambda text: None)
    spec = _parse(config.path)
    if config.timestep:
        spec.option.timestep = config.timestep
    original = _compile(spec, config.path)
    notes = []
    for name in policy.joints:
        _hinge(original, name)
    base, is_floating = _base(original, policy.joints[0])
    if is_floating and not floor_geoms(original):
        add_floor(spec)
        notes.append('the scene has no ground: a flat floor was added at height 0')
    site_name = _imu_site_name(original, base, config.imu_site)
    if not site_name:
        site_name = 'distill_runtime_imu'
        spec.body(original.body(base).name).add_site(name=site_name)
        notes.append(f'no site is named imu: the Imu is body {original.body(base).name!r} itself')
    if config.actuators == 'pd':
        effort = effort_limits(original, policy)
        notes.extend(add_servos(spec, policy, effort))
        _set_solver(spec.option)
    else:
        effort = effort_limits(original, policy, from_scene=True)
    # a state that is not finite must stay, to be detected as a fall
    spec.option.disableflags |= mujoco.mjtDisableBit.mjDSBL_AUTORESET
    model = _compile(spec, config.path)
    return Scene(
        model=model,
        policy=policy,
        actuators=servo_indices(model, policy, is_checked=config.actuators == 'scene'),
        effort=effort,
        base=base,
        is_floating=is_floating,
        imu_site=model.site(site_name).id,
        floors=locked_indices(floor_geoms(model)),
        notes=tuple(notes),
    )


def _parse(path: str) -> mujoco.MjSpec:
    if not Path(path).is_file():
        raise ConfigError(f'scene {path} is not a file, expected an MJCF scene')
    try:
        return mujoco.MjSpec.from_file(path)
    except (ValueError, mujoco.FatalError) as error:
        raise ConfigError(f'scene {path} cannot be read: {_one_line(error)}') from error


def _compile(spec: mujoco.MjSpec, path: str) -> mujoco.MjModel:
    try:
        return spec.compile()
    except (ValueError, mujoco.FatalError) as error:
        raise ConfigError(f'scene {path} cannot be compiled: {_one_line(error)}') from error


def _set_solver(option: mujoco.MjOption) -> None:
    """Integrate the servos implicitly, with enough solver iterations.

    Scenes for training on a GPU stop the solver after one iteration; with implicit servos the
    error is so large that a walking robot falls.
    """
    option.integrator = mujoco.mjtIntegrator.mjINT_IMPLICITFAST
    option.iterations = max(int(option.iterations), _SOLVER_ITERATIONS)
    option.ls_iterations = max(int(option.ls_iterations), _LINE_SEARCH_ITERATIONS)


def _one_line(error: Exception) -> str:
    return ' '.join(str(error).split())


def _hinge(model: mujoco.MjModel, name: str) -> int:
    """Return the id of a joint with one degree of freedom."""
    joint = mujoco.mj_name2id(model, mujoco.mjtObj.mjOBJ_JOINT, name)
    if joint < 0 or model.jnt_type[joint] not in _SINGLE:
        known = [model.joint(j).name for j in range(model.njnt) if model.jnt_type[j] in _SINGLE]
        raise ConfigError(
            f'joint {name!r} is in the policy but not in the scene, which has {known}'
        )
    return int(joint)


def _base(model: mujoco.MjModel, joint_name: str) -> tuple[int, bool]:
    """Return the floating base above a joint, or else its topmost body, and whether it floats."""
    body = int(model.jnt_bodyid[_hinge(model, joint_name)])
    while True:
        first, count = int(model.body_jntadr[body]), int(model.body_jntnum[body])
        if count and model.jnt_type[first] == _FREE:
            return body, True
        if model.body_parentid[body] == 0:
            return body, False
        body = int(model.body_parentid[body])


def _imu_site_name(model: mujoco.MjModel, base: int, configured: str) -> str:
    """Return the name of the Imu's site; '' if none is configured and the base has none."""
    names = [model.site(site).name for site in range(model.nsite)]
    if configured:
        if configured not in names:
            raise ConfigError(f'imu_site {configured!r} is not in the scene, which has {names}')
        return configured
    on_base = np.flatnonzero(model.site_bodyid == base)
    return next((names[site] for site in on_base if 'imu' in names[site].lower()), '')


_REACH = 10.0
"""Maximum distance of the ground, in [m]."""


def floor_geoms(model: mujoco.MjModel) -> list[int]:
    """Return the fixed geoms that can collide."""
    return [
        geom for geom in range(model.ngeom) if _is_fixed(model, geom) and _touches(model, geom)
    ]


def add_floor(spec: mujoco.MjSpec) -> None:
    """Add a flat floor at height 0, with MuJoCo's default friction of 1."""
    floor = spec.worldbody.add_geom(type=mujoco.mjtGeom.mjGEOM_PLANE, size=[0.0, 0.0, 0.05])
    floor.rgba = [0.9, 0.9, 0.88, 1.0]


def clearance(
    model: mujoco.MjModel, data: mujoco.MjData, base: int, floors: Iterable[int]
) -> float:
    """Return the distance in [m] between a robot and the ground; negative if they overlap.

    Only geoms that can collide with each other count; infinity if there is no such pair in reach.

    Args:
        model: The scene.
        data: State, with positions computed.
        base: Topmost body of the robot.
        floors: Geoms of the ground.
    """
    root = model.body_rootid[base]
    moving = np.flatnonzero(model.body_rootid[model.geom_bodyid] == root)
    least = np.inf
    for floor in floors:
        for geom in moving:
            if not _can_collide(model, int(geom), int(floor)):
                continue
            distance = mujoco.mj_geomDistance(model, data, int(geom), int(floor), _REACH, None)
            if distance < min(_REACH, least):
                least = distance
    return float(least)


def _is_fixed(model: mujoco.MjModel, geom: int) -> bool:
    return bool(model.body_weldid[model.geom_bodyid[geom]] == 0)


def _touches(model: mujoco.MjModel, geom: int) -> bool:
    in_pair = geom in model.pair_geom1 or geom in model.pair_geom2
    return bool(model.geom_contype[geom] or model.geom_conaffinity[geom] or in_pair)


def _can_collide(model: mujoco.MjModel, first: int, second: int) -> bool:
    """Return whether two geoms can collide, by their bit masks or by an explicit pair."""
    masks = (model.geom_contype[first] & model.geom_conaffinity[second]) | (
        model.geom_contype[second] & model.geom_conaffinity[first]
    )
    if masks:
        return True
    pairs = zip(model.pair_geom1, model.pair_geom2, strict=True)
    return any({int(a), int(b)} == {first, second} for a, b in pairs)
