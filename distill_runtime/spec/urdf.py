# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Read the actuated joints and their limits from a URDF file or text, in its order."""

from __future__ import annotations

import math
from pathlib import Path
from typing import NamedTuple, NoReturn
from xml.etree import ElementTree as ET

from distill_runtime.errors import ConfigError

from .files import read_bytes
from .robot_description import RobotDescription

MAX_BYTES = 16 * 2**20
ACTUATED = ('revolute', 'continuous', 'prismatic')
PASSIVE = ('fixed', 'floating', 'planar')


class _JointLimits(NamedTuple):
    position: tuple[float, float]
    velocity: float
    effort: float


class _TreeBuilder(ET.TreeBuilder):
    """Refuses a document type declaration, which could declare entities."""

    def doctype(self, name: str, pubid: str | None, system: str | None) -> NoReturn:
        """Refuse the declaration before its content is read."""
        del pubid, system  # Unused.
        raise ConfigError(f'<!DOCTYPE {name}> is not allowed, expected plain URDF without it')


def load_urdf(path: Path) -> RobotDescription:
    """Read the actuated joints of a URDF file, in file order.

    Fixed, floating, planar and mimic joints are skipped. A continuous joint has position limits
    -inf and inf, and infinite velocity and effort unless it gives them.

    Raises:
        ConfigError: If the file is unreadable, is not plain URDF, or a limit is missing or wrong.
    """
    return _describe(read_bytes(path, MAX_BYTES), path.stem, str(path))


def read_urdf(text: str) -> RobotDescription:
    """Read the actuated joints of a URDF text; see load_urdf.

    Raises:
        ConfigError: If it is not plain URDF, or a limit is missing or wrong.
    """
    return _describe(text.strip(), 'robot', 'URDF text')


def _describe(content: bytes | str, name: str, source: str) -> RobotDescription:
    """Return the robot of a URDF.

    Args:
        content: URDF.
        name: Name of the robot if the URDF has none.
        source: Its origin, for messages.

    Raises:
        ConfigError: If it is not plain URDF, or a limit is missing or wrong.
    """
    try:
        root = _parse(content)
        limits = dict(_joint_limits(joint) for joint in _actuated_joints(root))
        return RobotDescription(
            name=root.get('name') or name,
            joints=tuple(limits),
            position=tuple(limit.position for limit in limits.values()),
            velocity=tuple(limit.velocity for limit in limits.values()),
            effort=tuple(limit.effort for limit in limits.values()),
            source=source,
        )
    except ConfigError as error:
        raise ConfigError(f'{source}: {error}') from None


def _parse(content: bytes | str) -> ET.Element:
    try:
        root = ET.fromstring(content, ET.XMLParser(target=_TreeBuilder()))
    except ConfigError:
        raise
    except (ET.ParseError, ValueError, LookupError) as error:
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


def _joint_limits(joint: ET.Element) -> tuple[str, _JointLimits]:
    """Return the name and the limits of one actuated joint."""
    name, kind = joint.get('name', ''), joint.get('type')
    limit = joint.find('limit')
    attributes = {} if limit is None else limit.attrib
    if kind == 'continuous':
        unlimited = {'velocity': 'inf', 'effort': 'inf'}
        attributes = {**unlimited, **attributes, 'lower': '-inf', 'upper': 'inf'}
    lower, upper, velocity, effort = (
        _number(attributes.get(key), f'joint {name!r}: limit.{key}')
        for key in ('lower', 'upper', 'velocity', 'effort')
    )
    return name, _JointLimits((lower, upper), velocity, effort)


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
