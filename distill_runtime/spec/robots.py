# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Load a robot description: a profile of this package, a URDF file, or URDF text."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
import math
from pathlib import Path
from typing import NoReturn
from xml.etree import ElementTree as ET

from distill_runtime.errors import ConfigError
from distill_runtime.share import share_path

from .files import read_bytes, read_yaml
from .mapping import read_dataclass
from .robot_description import RobotDescription

URDF_SUFFIXES = ('.urdf', '.xml')
MAX_BYTES = 16 * 2**20
ACTUATED = ('revolute', 'continuous', 'prismatic')
PASSIVE = ('fixed', 'floating', 'planar')


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
        return _read_urdf(profile_or_path.strip(), 'robot', 'URDF text')
    path = Path(profile_or_path).expanduser()
    if path.suffix == '.xacro':
        raise ConfigError(
            f'{path} is a xacro file, expected a URDF: run xacro on it first, '
            f'xacro {path} > {path.with_suffix("")}'
        )
    if is_urdf(profile_or_path):
        return _read_urdf(read_bytes(path, MAX_BYTES), path.stem, str(path))
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
            source=profile.source,
            unused_motors=profile.unused_motors,
            **vars(profile.limits),
        )
    except ConfigError as error:
        raise ConfigError(f'{path}: {error}') from error


def _profile_folder() -> Path:
    return share_path() / 'config' / 'robots'


class _TreeBuilder(ET.TreeBuilder):
    """Refuses a document type declaration, which could declare entities."""

    def doctype(self, name: str, pubid: str | None, system: str | None) -> NoReturn:
        """Refuse the declaration before its content is read."""
        del pubid, system  # Unused.
        raise ConfigError(f'<!DOCTYPE {name}> is not allowed, expected plain URDF without it')


def _read_urdf(content: bytes | str, name: str, source: str) -> RobotDescription:
    """Read the actuated joints of a URDF, in its order; name is that of a robot without one.

    Fixed, floating, planar and mimic joints are skipped. A continuous joint has position limits
    -inf and inf, and infinite velocity and effort unless it gives them.
    """
    try:
        root = _parse(content)
        joints = {joint.get('name', ''): _limits(joint) for joint in _actuated_joints(root)}
        return RobotDescription(
            name=root.get('name') or name,
            joints=tuple(joints),
            position=tuple((lower, upper) for lower, upper, _, _ in joints.values()),
            velocity=tuple(velocity for _, _, velocity, _ in joints.values()),
            effort=tuple(effort for _, _, _, effort in joints.values()),
            source=source,
        )
    except ConfigError as error:
        raise ConfigError(f'{source}: {error}') from None


def _parse(content: bytes | str) -> ET.Element:
    try:
        root = ET.fromstring(content, ET.XMLParser(target=_TreeBuilder()))
    except (ET.ParseError, LookupError, ValueError) as error:
        if isinstance(error, ConfigError):
            raise
        raise ConfigError(f'not well-formed XML, {error}, expected a URDF') from error
    if root.tag != 'robot':
        raise ConfigError(f'the root element is <{root.tag}>, expected <robot>: is it a URDF?')
    if any('ros.org/wiki/xacro}' in element.tag for element in root.iter()):
        raise ConfigError('has xacro elements, expected plain URDF: run xacro on it first')
    return root


def _actuated_joints(root: ET.Element) -> list[ET.Element]:
    """Return the elements of the actuated joints; refuse invalid types and duplicate names."""
    joints = []
    names = set()
    for joint in root.findall('joint'):
        name, kind = joint.get('name'), joint.get('type')
        if not name:
            raise ConfigError('a <joint> has no name, expected one')
        if name in names:
            raise ConfigError(f'joint {name!r} occurs twice, expected unique names')
        names.add(name)
        if kind not in ACTUATED + PASSIVE:
            raise ConfigError(
                f'joint {name!r} has type {kind!r}, expected one of {[*ACTUATED, *PASSIVE]}'
            )
        if kind in ACTUATED and joint.find('mimic') is None:
            joints.append(joint)
    return joints


def _limits(joint: ET.Element) -> list[float]:
    """Return lower and upper position, velocity and effort of an actuated joint."""
    limit = joint.find('limit')
    attributes = {} if limit is None else limit.attrib
    if joint.get('type') == 'continuous':
        unlimited = {'velocity': 'inf', 'effort': 'inf'}
        attributes = {**unlimited, **attributes, 'lower': '-inf', 'upper': 'inf'}
    return [
        _number(attributes.get(key), f'joint {joint.get("name")!r}: limit.{key}')
        for key in ('lower', 'upper', 'velocity', 'effort')
    ]


def _number(text: str | None, where: str) -> float:
    if text is None:
        raise ConfigError(f'{where} is missing, expected a number')
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if math.isnan(value):
        raise ConfigError(f'{where} = {text!r}, expected a number')
    return value
