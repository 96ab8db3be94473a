# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Load a robot description: a profile of this package, a URDF file, or URDF text."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from distill_runtime.errors import ConfigError
from distill_runtime.share import share_path

from .files import read_yaml
from .mapping import read_dataclass
from .robot_description import RobotDescription
from .urdf import load_urdf, read_urdf

URDF_SUFFIXES = ('.urdf', '.xml')


@dataclass(frozen=True, kw_only=True)
class _ProfileLimits:
    """The section `limits` of a profile; fields that its source does not give are omitted."""

    position: tuple[tuple[float, float], ...] | None = None
    velocity: tuple[float, ...] | None = None
    effort: tuple[float, ...] | None = None


@dataclass(frozen=True, kw_only=True)
class _Profile:
    """One file of config/robots/; its stem is the name of the robot."""

    source: str
    joints: tuple[str, ...]
    limits: _ProfileLimits
    unused_motors: tuple[int, ...] = ()


def load_robot(profile_or_path: str) -> RobotDescription:
    """Read a robot description.

    Args:
        profile_or_path: Name of a profile of config/robots/, path of a URDF file, which ends in
            .urdf or .xml, or text of a URDF.

    Raises:
        ConfigError: If there is no such profile or file, or it is wrong.
    """
    if is_urdf_text(profile_or_path):
        return read_urdf(profile_or_path)
    path = Path(profile_or_path).expanduser()
    if path.suffix == '.xacro':
        raise ConfigError(
            f'{path} is a xacro file, expected a URDF: run xacro on it first, '
            f'xacro {path} > {path.with_suffix("")}'
        )
    if is_urdf(profile_or_path):
        return load_urdf(path)
    if len(path.parts) > 1:
        raise ConfigError(
            f'{path} ends in {path.suffix!r}, expected a URDF that ends in one of '
            f'{list(URDF_SUFFIXES)}, or a profile, one of {profile_names()}'
        )
    return load_profile(profile_or_path)


def is_urdf(profile_or_path: str) -> bool:
    """Whether the value is the path of a URDF file, not the name of a profile."""
    return Path(profile_or_path).suffix in URDF_SUFFIXES


def is_urdf_text(robot: str) -> bool:
    """Whether the value is URDF text, not a name or path."""
    return robot.lstrip().startswith('<')


def load_profile(name: str) -> RobotDescription:
    """Read a profile of this package: a file stem of config/robots/.

    Raises:
        ConfigError: If there is no such profile, or its file is wrong.
    """
    if name not in profile_names():
        raise ConfigError(f'robot profile {name!r} is unknown, expected one of {profile_names()}')
    return read_profile(_profile_folder() / f'{name}.yaml')


def profile_names() -> list[str]:
    """Return the names of all profiles, sorted."""
    return sorted(path.stem for path in _profile_folder().glob('*.yaml'))


def read_profile(path: Path) -> RobotDescription:
    """Read one profile file; its stem becomes the name of the robot.

    Raises:
        ConfigError: If the file is unreadable, has an unknown or a missing key, or a wrong value.
    """
    content = read_yaml(path)
    if not isinstance(content, Mapping):
        raise ConfigError(f'{path} is not a mapping, expected the keys source, joints, limits')
    try:
        profile = read_dataclass(_Profile, content, '')
        return RobotDescription(
            name=path.stem,
            joints=profile.joints,
            position=profile.limits.position,
            velocity=profile.limits.velocity,
            effort=profile.limits.effort,
            source=profile.source,
            unused_motors=profile.unused_motors,
        )
    except ConfigError as error:
        raise ConfigError(f'{path}: {error}') from error


def _profile_folder() -> Path:
    return share_path() / 'config' / 'robots'
