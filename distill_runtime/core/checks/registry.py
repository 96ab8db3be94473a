# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Table of the safety checks, and the debounce that turns findings into faults."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Literal, NamedTuple

from distill_runtime.core.modes import FAULT_ACTIONS, FaultAction, HARDNESS
from distill_runtime.errors import ConfigError

CheckAction = Literal['', 'hold', 'default_pose', 'damp', 'stop', 'warn', 'ignore']
CHECK_ACTIONS: tuple[CheckAction, ...] = ('', *FAULT_ACTIONS, 'warn', 'ignore')


@dataclass(frozen=True, kw_only=True)
class CheckConfig:
    """Threshold, debounce and action of one check."""

    limit: float = 0.0
    """Threshold; for its unit see CHECKS."""
    debounce: float = 0.0
    """How long a finding must last before it counts, in [s]."""
    action: CheckAction = ''
    """A fault action; '' for that of the runner; warn: report only; ignore: disable the check (not
    named off, which YAML reads as a bool).
    """

    def __post_init__(self) -> None:
        """Refuse values out of range."""
        if self.action not in CHECK_ACTIONS:
            raise ConfigError(f'action is {self.action!r}, expected one of {list(CHECK_ACTIONS)}')
        for name in ('limit', 'debounce'):
            if not 0.0 <= getattr(self, name) < 1e6:
                raise ConfigError(
                    f'{name} is {getattr(self, name)}, expected at least 0 and finite'
                )


class Check(NamedTuple):
    """One row of CHECKS."""

    text: str
    """What it finds."""
    limit_text: str
    """Meaning and unit of the limit; '' where there is none, or another option sets it."""
    default: CheckConfig
    has_debounce: bool = True
    """Whether its debounce can be set."""


CHECKS: Mapping[str, Check] = MappingProxyType(
    {
        'input_age': Check(
            'an input is missing, older than max_input_age, or stamped ahead of the tick',
            '',
            CheckConfig(),
        ),
        'input_sample': Check(
            'the newest message of an input cannot be used: not finite, no unit quaternion, a '
            'joint missing, stamped before the one in use',
            '',
            CheckConfig(debounce=0.05),
        ),
        'input_frozen': Check(
            'new samples of the Imu, or of the joints while the policy moves them, repeat an '
            'earlier one bit for bit',
            'time in s',
            CheckConfig(limit=0.5),
        ),
        'clock': Check(
            'the clock of the ticks runs backwards', '', CheckConfig(), has_debounce=False
        ),
        'estop': Check(
            'the topic estop is true, or ~/estop was called', '', CheckConfig(), has_debounce=False
        ),
        'tilt': Check('the base is tilted beyond tilt_limit', '', CheckConfig(debounce=0.02)),
        'joint_position': Check(
            'a measured position is beyond the limits of its joint',
            'margin in rad',
            CheckConfig(limit=0.1, debounce=0.05),
        ),
        'joint_velocity': Check(
            'a measured velocity is beyond the limit of its joint',
            'multiple of the limit',
            CheckConfig(limit=2.0, debounce=0.1),
        ),
        'implausible_velocity': Check(
            'a measured velocity that no joint has: its sample is not used',
            'multiple of the limit; 100 rad/s where none is known',
            CheckConfig(limit=5.0, debounce=0.05),
        ),
        'observation_range': Check(
            'an element of the observation is outside the range that the spec says was seen in '
            'training',
            'margin as a share of the range',
            CheckConfig(limit=0.1, debounce=0.2),
        ),
        'action_value': Check(
            'the network fails, or gives a value that is not finite',
            '',
            CheckConfig(),
            has_debounce=False,
        ),
        'action_saturation': Check(
            'targets lie beyond the limits of their joints, or actions beyond their clip',
            'share of the joints',
            CheckConfig(limit=0.5, debounce=0.5),
        ),
        'target_step': Check(
            'targets of successive policy steps keep jumping',
            'jump in rad',
            CheckConfig(limit=1.5, debounce=0.1),
        ),
        'missed_deadlines': Check(
            'deadlines in a row passed without a tick',
            'number of deadlines',
            CheckConfig(limit=10.0),
        ),
        'inference_time': Check(
            'the network takes too long',
            'share of the control period',
            CheckConfig(limit=0.8, debounce=0.1),
        ),
        'command_conflict': Check(
            'another publisher sends to the topic of the commands',
            '',
            CheckConfig(debounce=1.0),
        ),
    }
)
"""Every check, by name."""

OF_POLICY = frozenset(
    {
        'observation_range',
        'action_value',
        'action_saturation',
        'target_step',
        'missed_deadlines',
        'inference_time',
    }
)
"""Checks of the policy alone: another policy may clear what they find."""
BLAMED = OF_POLICY | {'tilt', 'joint_position', 'joint_velocity'}
"""Checks whose findings the policy may have caused."""

DEFAULT_CHECKS: Mapping[str, CheckConfig] = MappingProxyType(
    {name: check.default for name, check in CHECKS.items()}
)


def checks_without(*names: str) -> Mapping[str, CheckConfig]:
    """Return the default checks with some turned off."""
    off = {name: replace(CHECKS[name].default, action='ignore') for name in names}
    return MappingProxyType({**DEFAULT_CHECKS, **off})


ANY_MOTION = checks_without(
    'input_frozen',
    'joint_position',
    'joint_velocity',
    'implausible_velocity',
    'observation_range',
    'action_saturation',
    'target_step',
)
"""Checks for synthetic or recorded motion, which no robot has to survive."""


class Finding(NamedTuple):
    """Result of one check at one tick."""

    check: str
    """Key of CHECKS."""
    reason: str
    """``code: text``."""
    action: FaultAction | None = None
    """Fault action if it is passed to PolicyRunner.fail; None: that of its check."""


class Debounce:
    """Turns findings into a fault once they outlast their debounce, and into warnings before."""

    def __init__(self, checks: Mapping[str, CheckConfig], fault_action: FaultAction) -> None:
        """Start without findings; fault_action is that of checks whose action is empty."""
        self._checks = checks
        self._debounce_ns = {name: round(c.debounce * 1e9) for name, c in checks.items()}
        self._fault_action = fault_action
        self._since_ns: dict[str, int] = {}
        self.warning = ''
        """Findings of the last call that are no fault, or not yet."""

    def reset(self) -> None:
        """Restart the debounce of all checks."""
        self._since_ns.clear()
        self.warning = ''

    def forget(self, check: str) -> None:
        """Restart the debounce of a check."""
        self._since_ns.pop(check, None)

    def action(self, check: str) -> FaultAction:
        """Return the fault action of a check."""
        action = self._checks[check].action
        if action in ('', 'warn', 'ignore'):
            return self._fault_action
        return action  # type: ignore[return-value]

    def _is_harder(self, finding: Finding, other: Finding) -> bool:
        """Whether the fault action of one finding is harder than that of another."""
        return HARDNESS[self.action(finding.check)] > HARDNESS[self.action(other.check)]

    def judge(self, findings: Sequence[Finding], stamp_ns: int) -> Finding | None:
        """Return the finding that has outlasted its debounce, of the hardest action, or None."""
        if not findings:
            self.reset()
            return None
        since: dict[str, int] = {}
        warnings: list[str] = []
        condition: Finding | None = None
        for finding in findings:
            check = finding.check
            action = self._checks[check].action
            if action == 'ignore':
                continue
            began_ns = since.setdefault(check, min(self._since_ns.get(check, stamp_ns), stamp_ns))
            if action == 'warn' or stamp_ns - began_ns < self._debounce_ns[check]:
                warnings.append(finding.reason)
            elif condition is None or self._is_harder(finding, condition):
                condition = finding
        self._since_ns = since
        self.warning = '; '.join(dict.fromkeys(warnings))
        return condition
