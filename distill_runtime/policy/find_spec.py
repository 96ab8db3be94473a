# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Find the spec of a model: all sources, the strongest first."""

from __future__ import annotations

import math
from pathlib import Path

from distill_runtime.errors import ConfigError
from distill_runtime.spec.dialect import ModelContext
from distill_runtime.spec.readers.native import NATIVE_SUFFIXES, read_embedded
from distill_runtime.spec.readers.rsl_rl import graph_sources
from distill_runtime.spec.robot_description import RobotDescription
from distill_runtime.spec.sources import is_complete, merge_sources, SourcedSpec, SpecSource

from .network import Graph
from .trust import ModelTrust, UNRESTRICTED


def find_spec(
    model: Path,
    graph: Graph,
    spec: Path | None = None,
    robot: RobotDescription | None = None,
    trust: ModelTrust = UNRESTRICTED,
) -> SourcedSpec:
    """Collect and merge the sources: user's file, embedded, side-car, dialects, robot.

    Dialects are read only if the stronger sources lack a required field.

    Args:
        model: The model file.
        graph: Graph of the model.
        spec: The user's file, of any dialect.
        robot: Gives motor names, and limits where the spec has none.
        trust: Where side-car and dialect files may be, if they are allowed.

    Raises:
        ConfigError: If a source is invalid, or a required field is missing in all of them.
    """
    context = ModelContext(
        model=model,
        root=trust.root,
        robot=robot,
        inputs=graph.inputs,
        outputs=graph.outputs,
    )
    sources = [_read_file(spec, context)] if spec is not None else []
    sources += read_embedded(graph.metadata, model.name)
    for suffix in () if trust.is_alone else NATIVE_SUFFIXES:
        sidecar = model.with_name(model.stem + suffix)
        if sidecar.is_file() and not (spec and sidecar.resolve() == spec.resolve()):
            sources.append(_read_file(sidecar, context))
    if not is_complete(sources):
        from distill_runtime.spec.readers.registry import file_sources, metadata_sources

        sources += metadata_sources(graph.metadata, context)
        sources += () if trust.is_alone else file_sources(context, spec)
    if not any('state' in source.values for source in sources):
        sources += graph_sources(context)
    if robot is not None:
        joints = next((s.values['joints'] for s in sources if 'joints' in s.values), None)
        if isinstance(joints, (list, tuple)):
            sources.append(_robot_limits(robot, [str(name) for name in joints]))
    return merge_sources(sources)


def _read_file(path: Path, context: ModelContext) -> SpecSource:
    """Read a spec file; a packed model needs none, nor the readers of all dialects."""
    from distill_runtime.spec.readers.registry import read_spec_file

    return read_spec_file(path, context)


def _robot_limits(robot: RobotDescription, joints: list[str]) -> SpecSource:
    """Return the robot's limits in policy order."""
    for name in joints:
        if name not in robot.joints:
            raise ConfigError(
                f'joint {name!r} is in the policy but not on robot {robot.name!r}, which has '
                f'{list(robot.joints)}'
            )
    order = [robot.joints.index(name) for name in joints]
    limits = {
        field: [_finite_or_null(values[index]) for index in order]
        for field in ('position', 'velocity', 'effort')
        if (values := getattr(robot, field)) is not None
    }
    return SpecSource(name=f'robot {robot.name}', values={'limits': limits})


def _finite_or_null(limit: float | tuple[float, float]) -> float | list[float | None] | None:
    """Convert a limit to the format of a file."""
    if isinstance(limit, tuple):
        return [bound if math.isfinite(bound) else None for bound in limit]
    return limit if math.isfinite(limit) else None
