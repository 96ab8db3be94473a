# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Parameters of student_node that a replay applies to its runner."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Literal

from distill_runtime.core.checks.registry import CheckConfig, DEFAULT_CHECKS
from distill_runtime.core.config import position_limits_for, RunnerConfig
from distill_runtime.errors import ConfigError
from distill_runtime.spec.files import parse_yaml, read_yaml
from distill_runtime.spec.mapping import read_fields

_RUNNER_FIELDS = tuple(
    entry.name
    for entry in fields(RunnerConfig)
    if entry.name not in ('ticks_per_step', 'start_in', 'checks')
)


@dataclass(frozen=True, kw_only=True)
class _NodeFields:
    """Parameters that are no field of RunnerConfig."""

    command_type: str = ''
    control_rate: float = 0.0
    input_stamps: Literal['header', 'arrival'] = 'header'

    def __post_init__(self) -> None:
        if not 0.0 <= self.control_rate < 1e6:
            raise ConfigError(f'control_rate is {self.control_rate}, expected at least 0 Hz')


_NODE_FIELDS = tuple(entry.name for entry in fields(_NodeFields))
NAMES = (*_RUNNER_FIELDS, *_NODE_FIELDS)
"""Parameters that a replay reads, in addition to checks.NAME.limit, .debounce and .action."""


@dataclass(frozen=True, kw_only=True)
class ReplayConfig:
    """Parameters of the node of a recording."""

    runner: RunnerConfig = field(default_factory=lambda: RunnerConfig(start_in='policy'))
    control_rate: float = 0.0
    """Ticks per second in Hz; 0: that of the recording's ticks, or the policy's rate."""
    uses_arrival: bool = False
    """Whether the age of a sample is measured from the tick that used it first."""


def replay_config(parameters: Mapping[str, object]) -> ReplayConfig:
    """Read parameters by their names in student_node.

    Args:
        parameters: Value per name, such as checks.tilt.debounce.

    Raises:
        ConfigError: If one is unknown, of the wrong type or out of range.
    """
    checks = dict(DEFAULT_CHECKS)
    for name, value in parameters.items():
        if name.startswith('checks.'):
            check, _, key = name.removeprefix('checks.').rpartition('.')
            if check not in checks:
                raise ConfigError(
                    f'{name}: {check!r} is not a check, expected one of {sorted(checks)}'
                )
            changed = read_fields(CheckConfig, {key: value}, f'checks.{check}')
            checks[check] = replace(checks[check], **{key: getattr(changed, key)})
        elif name not in NAMES:
            raise ConfigError(
                f'parameter {name!r} is unknown to a replay, expected one of {sorted(NAMES)} or '
                'checks.NAME.limit, .debounce or .action'
            )

    def given(names: tuple[str, ...]) -> dict[str, object]:
        return {name: parameters[name] for name in names if name in parameters}

    node = read_fields(_NodeFields, given(_NODE_FIELDS), '')
    runner = read_fields(RunnerConfig, {'start_in': 'policy', **given(_RUNNER_FIELDS)}, '')
    limits = position_limits_for(runner.position_limits, node.command_type)
    return ReplayConfig(
        runner=replace(runner, checks=checks, position_limits=limits),
        control_rate=node.control_rate,
        uses_arrival=node.input_stamps == 'arrival',
    )


def assignment(word: str) -> tuple[str, object]:
    """Read name:=value or node:name:=value, as in ROS; the value is YAML.

    Raises:
        ConfigError: If the word does not have this form.
    """
    name, sign, text = word.partition(':=')
    if not (name and sign and text):
        raise ConfigError(f'-p is {word!r}, expected name:=value')
    return name.rpartition(':')[2], parse_yaml(text, f'-p {name}')


def parameters_in(path: Path) -> dict[str, object]:
    """Return the runner parameters in a ROS parameter file.

    Raises:
        ConfigError: If the file does not have the form NODE: {ros__parameters: {...}}.
    """
    content = read_yaml(path)
    found: dict[str, object] = {}
    sections = content.items() if isinstance(content, Mapping) else ()
    for node, section in sections:
        values = section.get('ros__parameters') if isinstance(section, Mapping) else None
        if not isinstance(values, Mapping):
            raise ConfigError(f'{path}: {node} has no ros__parameters')
        found.update(_flat(values, ''))
    return of_runner(found)


def of_runner(parameters: Mapping[str, object]) -> dict[str, object]:
    """Return the node parameters that affect the runner."""
    return {
        name: value
        for name, value in parameters.items()
        if name in NAMES or name.startswith('checks.')
    }


def _flat(values: Mapping[object, object], where: str) -> dict[str, object]:
    """Join the keys of nested mappings with dots."""
    found: dict[str, object] = {}
    for key, value in values.items():
        name = f'{where}.{key}' if where else str(key)
        if isinstance(value, Mapping):
            found.update(_flat(value, name))
        else:
            found[name] = value
    return found
