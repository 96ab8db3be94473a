# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Which teacher's label counts at a row (`--rules`): the first rule that holds decides.

rules:
  - teacher: stairs
    when: {topic: /terrain, field: data, equals: 2}
  - teacher: fast
    when: {command: {vx: [0.8, 2.0]}, tag: outdoor}
  - mix: {walk: 0.7, fast: 0.3}        # weights, their sum is 1
    when: {time: [0.0, 5.0]}           # [s] since the first tick of the bag
  - teacher: walk                      # without when: all other rows
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from distill_runtime.core.arrays import BoolArray, FloatArray
from distill_runtime.errors import ConfigError
from distill_runtime.spec.files import read_yaml
from distill_runtime.spec.mapping import joined, read_dataclass, read_fields, shown
import numpy as np

AXES = ('vx', 'vy', 'yaw_rate')


@dataclass(frozen=True, kw_only=True)
class When:
    """Conditions of a rule; all that are given must hold. Ranges include both ends."""

    vx: tuple[float, float] | None = None
    """Range of the velocity command, in [m]/[s]."""
    vy: tuple[float, float] | None = None
    yaw_rate: tuple[float, float] | None = None
    """In [rad]/[s]."""
    time: tuple[float, float] | None = None
    """Since the first tick of the bag, in [s]."""
    tag: str = ''
    """Tag of the bag."""
    topic: str = ''
    """Topic whose newest message is read."""
    field: str = 'data'
    """Path of a number in it, such as pose.position.z or data[3]."""
    equals: float | None = None
    range: tuple[float, float] | None = None

    @classmethod
    def from_mapping(cls, mapping: object, where: str) -> When:
        """Read conditions; the axes of the command stand below ``command``."""
        if not isinstance(mapping, Mapping):
            raise ConfigError(f'{where} is {shown(mapping)}, expected a mapping')
        values = dict(mapping)
        command = values.pop('command', {})
        path = joined(where, 'command')
        if not isinstance(command, Mapping) or not set(command) <= set(AXES):
            raise ConfigError(f'{path} is {shown(command)}, expected ranges of {list(AXES)}')
        for axis in AXES:
            if axis in values:
                raise ConfigError(f'{joined(where, axis)} is unknown, expected it below {path}')
        return read_fields(cls, {**values, **command}, where)

    def __post_init__(self) -> None:
        """Refuse conditions that never or always hold."""
        for name in (*AXES, 'time', 'range'):
            bounds = getattr(self, name)
            if bounds is not None and not bounds[0] <= bounds[1]:
                raise ConfigError(f'{name} is {list(bounds)}, expected [least, greatest]')
        if self.topic and (self.equals is None) == (self.range is None):
            raise ConfigError(f'topic {self.topic} needs one of equals and range')
        if not self.topic and not (self.equals is None and self.range is None):
            raise ConfigError('equals and range need a topic')


@dataclass(frozen=True, kw_only=True)
class Rule:
    """A teacher, or weights of several, and where they count."""

    teacher: str = ''
    mix: tuple[tuple[str, float], ...] = ()
    when: When | None = None
    """None: everywhere."""

    @classmethod
    def from_mapping(cls, mapping: object, where: str) -> Rule:
        """Read a rule; ``mix`` is a mapping of weights."""
        if not isinstance(mapping, Mapping):
            raise ConfigError(f'{where} is {shown(mapping)}, expected a mapping')
        rule = read_fields(cls, mapping, where, ignore=('mix', 'when'))
        mix, when = mapping.get('mix', {}), mapping.get('when')
        path = joined(where, 'mix')
        if not isinstance(mix, Mapping):
            raise ConfigError(f'{path} is {shown(mix)}, expected a weight per teacher')
        weights = []
        for name, weight in mix.items():
            if isinstance(weight, bool) or not isinstance(weight, (int, float)) or not weight > 0:
                raise ConfigError(f'{joined(path, name)} is {shown(weight)}, expected above 0')
            weights.append((str(name), float(weight)))
        if bool(rule.teacher) == bool(weights):
            raise ConfigError(f'{where} needs one of teacher and mix')
        if weights and abs(sum(weight for _, weight in weights) - 1.0) > 1e-6:
            raise ConfigError(f'{path} has weights {weights}, expected a sum of 1')
        read = None if when is None else read_dataclass(When, when, joined(where, 'when'))
        return cls(teacher=rule.teacher, mix=tuple(weights), when=read)

    def weights(self, teachers: Sequence[str]) -> FloatArray:
        """Return the weight of each teacher, shape (num_teachers,)."""
        given = dict(self.mix) if self.mix else {self.teacher: 1.0}
        return np.array([given.get(name, 0.0) for name in teachers])


@dataclass(frozen=True, kw_only=True)
class Rules:
    """Rules in order of precedence; none: the first teacher everywhere."""

    rules: tuple[Rule, ...] = ()

    @property
    def topics(self) -> tuple[tuple[str, str], ...]:
        """Topics that are read, each with the path of a number."""
        used = [rule.when for rule in self.rules if rule.when is not None and rule.when.topic]
        return tuple(dict.fromkeys((when.topic, when.field) for when in used))

    def check(self, teachers: Sequence[str]) -> None:
        """Refuse teachers that are not given.

        Raises:
            ConfigError: Names the rule.
        """
        for number, rule in enumerate(self.rules):
            for name in [rule.teacher] if rule.teacher else [name for name, _ in rule.mix]:
                if name not in teachers:
                    raise ConfigError(
                        f'rules[{number}] names the teacher {name!r}, expected one of '
                        f'{list(teachers)}'
                    )

    def weights(
        self,
        teachers: Sequence[str],
        *,
        command: FloatArray,
        time: FloatArray,
        values: Mapping[tuple[str, str], FloatArray],
        tag: str,
    ) -> FloatArray:
        """Return the weight of each teacher at each row; all zero where no rule holds.

        Args:
            teachers: Names, in the order of the columns.
            command: Velocity command in use: vx, vy in [m]/[s], yaw rate in [rad]/[s]; (n, 3).
            time: Since the first tick of the bag in [s], shape (n,).
            values: Numbers of ``topics``, NaN before their first message, shape (n,) each.
            tag: Of the bag.

        Returns:
            Shape (n, num_teachers).
        """
        found = np.zeros((len(time), len(teachers)))
        is_open = np.ones(len(time), np.bool_)
        for rule in self.rules or (Rule(teacher=teachers[0]),):
            holds = is_open.copy()
            if rule.when is not None:
                holds &= _holds(rule.when, command, time, values, tag)
            found[holds] = rule.weights(teachers)
            is_open &= ~holds
        return found


def read_rules(path: Path | str) -> Rules:
    """Read a file of rules.

    Raises:
        ConfigError: If it is invalid or empty.
    """
    try:
        rules = read_dataclass(Rules, read_yaml(Path(path)), '')
    except ConfigError as error:
        raise ConfigError(f'{path}: {error}') from error
    if not rules.rules:
        raise ConfigError(f'{path}: rules is empty, expected at least one')
    return rules


def _holds(
    when: When,
    command: FloatArray,
    time: FloatArray,
    values: Mapping[tuple[str, str], FloatArray],
    tag: str,
) -> BoolArray:
    holds = np.full(len(time), not when.tag or when.tag == tag)
    ranges = [
        (bounds, command[:, axis]) for axis, bounds in enumerate((when.vx, when.vy, when.yaw_rate))
    ]
    ranges.append((when.time, time))
    if when.topic:
        bounds = when.range if when.equals is None else (when.equals, when.equals)
        ranges.append((bounds, values[when.topic, when.field]))
    for bounds, numbers in ranges:
        if bounds is not None:
            holds &= (numbers >= bounds[0]) & (numbers <= bounds[1])
    return holds
