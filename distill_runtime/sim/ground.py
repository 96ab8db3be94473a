# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""The ground of a scene, and the clearance of a robot above it."""

from __future__ import annotations

from collections.abc import Iterable

import mujoco
import numpy as np

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
