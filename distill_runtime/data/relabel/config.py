# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""What to label with what: the student, its teachers, and the options of a run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Literal

from distill_runtime.data.replay.config import assignment, replay_config
from distill_runtime.errors import ConfigError
from distill_runtime.policy.model import load_policy, LoadedPolicy
from distill_runtime.policy.offline.taps import find_taps
from distill_runtime.spec.mapping import read_pairs
from distill_runtime.spec.teacher import check_gains, check_joints

from .options import HELP, LAST_ACTIONS, LastActionOption, RelabelOptions
from .rules import read_rules, Rules

LastActionSource = Literal['executed', 'commands', 'own', 'none']
"""Where the last action that a policy reads comes from, see docs/relabel.md."""


@dataclass(frozen=True, kw_only=True)
class PolicyFile:
    """A model with what it takes to load it."""

    model: Path
    spec: str = ''
    """Spec file that overrides or completes the spec of the model."""
    robot: str = ''
    """Robot profile, or path of a URDF."""
    name: str = ''
    """Name in the dataset; '': the file's stem."""

    @property
    def label(self) -> str:
        """Name in the dataset."""
        return self.name or self.model.stem

    def load(self) -> LoadedPolicy:
        """Load and check the model, see load_policy."""
        return load_policy(self.model, self.spec or None, self.robot)


@dataclass(frozen=True, kw_only=True)
class RelabelConfig:
    """Options of a run; the same for all bags."""

    student: PolicyFile
    teachers: tuple[PolicyFile, ...]
    rules: Rules = field(default_factory=Rules)
    """Which teacher's label is chosen per row."""
    last_action: LastActionOption = 'auto'
    """Where teachers take their last action from; auto: the first one that a bag has."""
    std: bool = False
    """Store the standard deviation of the teachers' actions."""
    logits: bool = False
    """Store the teachers' output before its activation."""
    features: tuple[int, ...] = ()
    """Hidden layers of the teachers to store, by position; -1 is the last one."""
    half: bool = False
    """Store features as float16."""
    thin: int = 1
    """Keep every n-th row while the robot stands still without a command; 1: all."""
    mcap: bool = False
    """Write the labels as topics, too."""
    any_gains: bool = False
    """Accept teachers that were trained with other gains than the student's."""
    skip_missing: bool = False
    """Label without a teacher whose inputs a bag does not have, instead of refusing the bag."""
    topics: tuple[tuple[str, str], ...] = ()
    """Topic of the recording per topic of student_node."""
    node: str = ''
    """Whose ~/tick to follow where several nodes publish it."""
    parameters: tuple[tuple[str, object], ...] = ()
    """Parameters of student_node where ~/model in the bag lacks them."""
    tags: tuple[tuple[str, str], ...] = ()
    """Tag per bag, by the name of its file or folder, for rules."""

    def __post_init__(self) -> None:
        """Refuse what cannot be labeled."""
        if not self.teachers:
            raise ConfigError('no teacher is given, expected at least one')
        names = [teacher.label for teacher in self.teachers]
        doubled = sorted({name for name in names if names.count(name) > 1})
        if doubled:
            raise ConfigError(
                f'teachers {doubled} have one name, expected a name for each: NAME=MODEL'
            )
        self.rules.check(names)
        if self.thin < 1:
            raise ConfigError(f'thin is {self.thin}, expected at least 1')

    def check_policies(self, student: LoadedPolicy, teachers: Sequence[LoadedPolicy]) -> None:
        """Refuse teachers that do not fit the student.

        Raises:
            ConfigError: If joints, gains or periods differ.
        """
        for file, teacher in zip(self.teachers, teachers, strict=True):
            where = f'teacher {file.label}'
            check_joints(where, student.spec, teacher.spec)
            if not self.any_gains:
                check_gains(where, student.spec, teacher.spec, '; --any-gains accepts it')
            try:
                periods_per_step(student, teacher)
            except ConfigError as error:
                raise ConfigError(f'{where}: {error}') from error


def periods_per_step(student: LoadedPolicy, teacher: LoadedPolicy) -> int:
    """Return the period of a teacher in periods of the student.

    Raises:
        ConfigError: If it is no whole number, or the teacher is faster.
    """
    period, unit = teacher.spec.period, student.spec.period
    count = round(period / unit)
    if count < 1 or abs(period - count * unit) > 1e-9:
        raise ConfigError(
            f'period is {period:g} s, expected {unit:g} s as of the student, or a whole multiple '
            'of it: its labels would be for other times'
        )
    return count


def make_config(options: RelabelOptions) -> RelabelConfig:
    """Read the files that options name.

    Raises:
        ConfigError: If an option is missing or invalid.
        ModelError: If a teacher cannot be read.
    """
    for name in ('bags', 'output', 'student', 'teachers'):
        if not getattr(options, name):
            raise ConfigError(f'{name} is missing, expected: {HELP[name]}')
    if len(options.teacher_specs) not in (0, len(options.teachers)):
        raise ConfigError(
            f'teacher_specs has {len(options.teacher_specs)} files, expected one for each of the '
            f"{len(options.teachers)} teachers, '' for none"
        )
    parameters = dict(map(assignment, options.parameters))
    replay_config(parameters)  # fail here, not once per recording
    specs = options.teacher_specs or ('',) * len(options.teachers)
    teachers = tuple(map(partial(_teacher, options.robot), options.teachers, specs))
    student = PolicyFile(
        model=Path(options.student).expanduser(), spec=options.student_spec, robot=options.robot
    )
    return RelabelConfig(
        student=student,
        teachers=teachers,
        rules=read_rules(Path(options.rules).expanduser()) if options.rules else Rules(),
        last_action=_last_action(options.last_action),
        std=options.std,
        logits=options.logits,
        features=_layers(options.features, teachers),
        half=options.half,
        thin=options.thin,
        any_gains=options.any_gains,
        skip_missing=options.skip_missing,
        mcap=options.mcap,
        topics=tuple(_pairs(options.topics, 'topics', 'imu:=/imu/data')),
        node=options.node,
        parameters=tuple(parameters.items()),
        tags=tuple(_pairs(options.tags, 'tags', 'walk:=outdoor')),
    )


def _teacher(robot: str, text: str, spec: str) -> PolicyFile:
    name, sign, model = text.partition('=')
    if not sign:
        name, model = '', text
    if not model or (sign and not name):
        raise ConfigError(f'teacher is {text!r}, expected T or NAME=T')
    return PolicyFile(model=Path(model).expanduser(), spec=spec, robot=robot, name=name)


def _last_action(text: str) -> LastActionOption:
    for option in LAST_ACTIONS:
        if option == text:
            return option
    raise ConfigError(f'last_action is {text!r}, expected one of {list(LAST_ACTIONS)}')


def _layers(text: str, teachers: tuple[PolicyFile, ...]) -> tuple[int, ...]:
    if text in ('', 'last'):
        return (-1,) if text else ()
    if text == 'all':
        return tuple(range(min(len(find_taps(file.model).hidden) for file in teachers)))
    try:
        return tuple(dict.fromkeys(map(int, text.split(','))))
    except ValueError as error:
        raise ConfigError(
            f'features is {text!r}, expected last, all, or positions such as 0,2'
        ) from error


def _pairs(words: tuple[str, ...], option: str, example: str) -> list[tuple[str, str]]:
    return list(read_pairs(words, option, f'pairs such as {example}').items())
