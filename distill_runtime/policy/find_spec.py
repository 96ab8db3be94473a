# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Where the spec of a model may stand, the strongest source first."""

from __future__ import annotations

from collections.abc import Mapping
import math
from pathlib import Path
from typing import Any

from distill_runtime.errors import ConfigError
from distill_runtime.spec.readers.own import read_embedded, read_own
from distill_runtime.spec.readers.unitree_deploy import (
    is_deploy_yaml,
    read_deploy_file,
    read_unitree_deploy,
)
from distill_runtime.spec.robots import RobotDescription
from distill_runtime.spec.sources import merge_sources, SourcedSpec, SpecSource

_DEPLOY_PLACES = (
    'deploy.yaml',
    'params/deploy.yaml',
    '../params/deploy.yaml',
    '../param/deploy.yaml',
)


def find_spec(
    model: Path,
    metadata: Mapping[str, str],
    spec: Path | None = None,
    robot: RobotDescription | None = None,
) -> SourcedSpec:
    """Collect and merge the sources: user's file, embedded, side-car, dialect, robot.

    Args:
        model: The model file.
        metadata: Its metadata.
        spec: The user's file.
        robot: Gives motor names, and limits where the spec has none.

    Raises:
        ConfigError: If a source is wrong, or together they lack a fact.
    """
    sources = [read_spec_file(spec, robot)] if spec is not None else []
    sources += read_embedded(metadata, model.name)
    for suffix in ('.spec.yaml', '.spec.json'):
        sidecar = model.with_name(model.stem + suffix)
        if sidecar.is_file():
            sources.append(read_spec_file(sidecar, robot))
    if not sources or 'inputs' not in {key for source in sources for key in source.values}:
        for place in _DEPLOY_PLACES:
            if (model.parent / place).is_file():
                sources.append(read_spec_file(model.parent / place, robot))
                break
    if robot is not None:
        joints = next((s.values['joints'] for s in sources if 'joints' in s.values), None)
        if isinstance(joints, (list, tuple)):
            sources.append(_robot_limits(robot, [str(name) for name in joints]))
    return merge_sources(sources)


def read_spec_file(path: Path, robot: RobotDescription | None) -> SpecSource:
    """Read a spec file of any known dialect; its content tells which."""
    values = read_deploy_file(path)
    if is_deploy_yaml(values):
        return read_unitree_deploy(_mapping(values), path, robot)
    return read_own(values, path)


def _mapping(values: object) -> Mapping[str, Any]:
    assert isinstance(values, Mapping)
    return values


def _robot_limits(robot: RobotDescription, joints: list[str]) -> SpecSource:
    """Give the robot's limits in policy order."""
    for name in joints:
        if name not in robot.joints:
            raise ConfigError(
                f'joint {name!r} is in the policy but not on robot {robot.name!r}, which has '
                f'{list(robot.joints)}'
            )
    order = [robot.joints.index(name) for name in joints]
    limits = {
        field: [_finite_or_null(values[place]) for place in order]
        for field in ('position', 'velocity', 'effort')
        if (values := getattr(robot, field)) is not None
    }
    return SpecSource(name=f'robot {robot.name}', values={'limits': limits})


def _finite_or_null(limit: float | tuple[float, float]) -> float | list[float | None] | None:
    """Write a limit as a file would."""
    if isinstance(limit, tuple):
        return [bound if math.isfinite(bound) else None for bound in limit]
    return limit if math.isfinite(limit) else None
