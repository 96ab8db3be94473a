# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""What the runner cannot see: estop, deadlines, durations, other publishers."""

from __future__ import annotations

from collections.abc import Sequence

from distill_runtime.core.checks.registry import Finding
from distill_runtime.core.config import RunnerConfig

_ESTOP = Finding('estop', 'estop.requested: topic estop is true')


class LoopMonitor:
    """Findings for the runner's next step.

    Attributes:
        missed: Deadlines that passed before the coming tick.
        step_duration_ns: How long the last step took in which the policy ran.
        other_publisher: Names of other nodes that publish commands; '' if there is none. Any
            thread may set it.
    """

    def __init__(self, config: RunnerConfig, control_period_ns: int) -> None:
        """Choose the thresholds."""
        checks = config.checks
        self._most_missed = checks['missed_deadlines'].limit
        self._longest_ns = checks['inference_time'].limit * control_period_ns
        self._period_ns = control_period_ns
        self.missed = 0
        self.step_duration_ns = 0
        self.other_publisher = ''

    def findings(self, is_stopped: bool, is_policy: bool) -> Sequence[Finding]:
        """Return what the runner is to know at this tick.

        Args:
            is_stopped: Whether the topic estop asks for a stop.
            is_policy: Whether the policy moves the robot; a pose may be held late.
        """
        if not is_policy:
            self.step_duration_ns = 0  # of a policy that has ended: it would refuse every reset
        is_late = is_policy and self.missed > self._most_missed
        is_slow = self.step_duration_ns > self._longest_ns
        if not (is_stopped or is_late or is_slow or self.other_publisher):
            return ()
        findings = [_ESTOP] if is_stopped else []
        if is_late:
            findings.append(
                Finding(
                    'missed_deadlines',
                    f'deadline.missed: {self.missed} deadlines in a row passed, '
                    f'{self.missed * self._period_ns / 1e6:.0f} ms without a command: is the '
                    'processor overloaded, was the process stopped?',
                )
            )
        if is_slow:
            findings.append(
                Finding(
                    'inference_time',
                    f'inference.slow: a policy step took {self.step_duration_ns / 1e6:.2f} ms, '
                    f'expected within {self._longest_ns / 1e6:.2f} ms: give the thread a priority '
                    'and a processor to itself, or take a smaller network',
                )
            )
        if self.other_publisher:
            findings.append(
                Finding(
                    'command_conflict',
                    f'joint_command.contested: {self.other_publisher} publishes commands '
                    'too: stop it',
                )
            )
        return findings
