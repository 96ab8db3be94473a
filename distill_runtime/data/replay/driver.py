# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Replay drivers: step a runner through a recording, reset it and set its mode.

FreeRun is for recordings without ~/tick: policy mode throughout, with a reset after every gap.
FollowLog follows the logged modes: it repeats requests of services, and forces faults that the
inputs do not explain (estop, missed deadlines) at their tick. The log does not show what happened
before it. From there, and after missing ticks, a tick is valid once the history is complete again.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple, Protocol

from distill_runtime.core.arrays import BoolArray
from distill_runtime.core.checks.registry import Finding
from distill_runtime.core.modes import Event, FAULT_ACTIONS, FaultAction, Mode
from distill_runtime.core.runner import PolicyRunner
from distill_runtime.core.sensors import Sensors
from distill_runtime.core.step import Step
from distill_runtime.data.recording.recording import Recording
from distill_runtime.data.recording.tick_log import is_interrupted, is_restart, NOT_LOGGED
from distill_runtime.data.ticks.by_stamp import ambiguous_samples, gap_times, NONE, Ticks
from distill_runtime.wire.tick_fields import ACTION_NUMBERS
import numpy as np

from .recorded_run import RecordedRun

_ACTIONS: Mapping[int, FaultAction] = {ACTION_NUMBERS[action]: action for action in FAULT_ACTIONS}
SETTLING_TIME = 0.5
"""Time in [s] after which the effect of an unknown last action is neglected."""
RECORDED_FAULT = Finding(
    'estop',
    'recorded.fault: the recording shows a fault that its inputs do not explain: was estop '
    'called, were deadlines missed?',
)
_EVENTS = {
    (Mode.STANDBY, Mode.POLICY): Event.START,
    (Mode.POLICY, Mode.STANDBY): Event.STOP,
    (Mode.POLICY, Mode.STOPPING): Event.STOP,
    (Mode.STOPPING, Mode.POLICY): Event.START,
    (Mode.FAULT, Mode.STANDBY): Event.RESET_FAULT,
}


class DrivenStep(NamedTuple):
    """A step of a driven runner."""

    step: Step
    is_valid: bool
    """Whether the policy had complete inputs and history, so that the step can be compared."""
    reason: str
    """Why it is not valid, ``code: text``."""
    has_other_mode: bool = False
    """Whether the mode is not the logged one."""


class ReplayDriver(Protocol):
    """Steps a runner through a recording."""

    def step(self, runner: PolicyRunner, sensors: Sensors, tick: int, stamp_ns: int) -> DrivenStep:
        """Step a runner at a tick; ticks come in order."""


class FreeRun:
    """Policy mode throughout; reset after every gap and after every tick that is not valid."""

    def __init__(self, recording: Recording, ticks: Ticks, max_input_age: float) -> None:
        """Find the ticks that need a closer look.

        Args:
            recording: The recording.
            ticks: Of this recording.
            max_input_age: Longest gap of the JointStates that the policy continues after, in [s].
        """
        self._jumps_back = np.diff(ticks.stamp_ns, prepend=ticks.stamp_ns[0]) < 0
        self._needs_reset = gap_times(recording, ticks) > max_input_age
        self._needs_reset[0] = False  # it starts in any case
        self._needs_reset |= self._jumps_back
        self._ambiguous = ambiguous_samples(recording, ticks)
        self.is_suspect: BoolArray = np.logical_or.reduce(
            (self._needs_reset, *self._ambiguous.values())
        )
        """Ticks that may restart the policy, or whose sample is uncertain, shape (T,)."""
        self._suspects = frozenset(np.flatnonzero(self.is_suspect).tolist())
        self._was_valid = False

    def step(self, runner: PolicyRunner, sensors: Sensors, tick: int, stamp_ns: int) -> DrivenStep:
        """Step a runner at a tick."""
        is_suspect = tick in self._suspects
        if not self._was_valid or (is_suspect and self._needs_reset[tick]):
            runner.restore(mode=Mode.POLICY)
        step = runner.step(sensors, stamp_ns)
        reason = self._input_problem(tick) if is_suspect else ''
        self._was_valid = step.mode is Mode.POLICY and step.sends and not reason
        return DrivenStep(step, self._was_valid, '' if self._was_valid else reason or step.reason)

    def _input_problem(self, tick: int) -> str:
        """Return why the inputs of a tick cannot be trusted, or ''."""
        if self._jumps_back[tick]:
            return (
                'joint_states.backwards: its stamp is before that of the previous tick: was the '
                'clock set, did a simulation restart?'
            )
        for name, is_ambiguous in self._ambiguous.items():
            if is_ambiguous[tick]:
                return (
                    f'{name}.unusable: a message that cannot be used may have held the sample of '
                    'this tick'
                )
        return ''


class FollowLog:
    """Follow the modes that a node logged."""

    def __init__(self, run: RecordedRun, runner: PolicyRunner) -> None:
        """Find out what a step depends on.

        Args:
            run: Of a recording with logged ticks.
            runner: The runner to drive.
        """
        log, commands, action = run.source.log, run.source.commands, run.source.action
        assert log is not None, 'ticks are logged'
        self._run, self._log = run, log
        self._is_activation, self._is_interrupted = is_restart(log), is_interrupted(log)
        self._command = commands.values if commands and commands.kind == 'commands' else None
        self._action = None if action is None else action.values[:]
        compiled = runner.compiled
        self._depth = max(entry.depth for entry in compiled.inputs)
        last = range(compiled.last_action.start, compiled.last_action.stop)
        self._reads_action = any(np.isin(entry.index, last).any() for entry in compiled.inputs)
        self._has_memory = (
            run.is_recurrent or bool(compiled.phases) or runner.config.ticks_per_step > 1
        )
        self.is_suspect: BoolArray = (
            (log.mode != Mode.POLICY)
            | (log.fault_action > 0)
            | self._is_activation
            | self._is_interrupted
            | run.is_other
            | np.logical_or.reduce([*run.lacks.values(), np.zeros(len(log.tick), np.bool_)])
        )
        """Ticks at which the policy may not simply go on, shape (T,)."""
        if runner.config.ticks_per_step > 1:
            self.is_suspect[:] = True
        self._is_settled = self._lacks_action = False
        self._since_ns = self._num_steps = 0
        self._is_lost = True
        self.is_approximate = False
        """Whether some valid ticks may still depend on a last action that is not recorded."""

    def step(self, runner: PolicyRunner, sensors: Sensors, tick: int, stamp_ns: int) -> DrivenStep:
        """Step a runner at a tick."""
        run, number = self._run, self._log.mode[tick]
        mode = Mode(int(number)) if number in iter(Mode) else None
        missing = [name for name, lacks in run.lacks.items() if lacks[tick]]
        if run.is_other[tick] or mode is None or missing:
            self._is_lost = True
            reason = 'model.other: another model ran'
            if mode is None:
                reason = f'mode.unknown: the log says {number}'
            elif missing:
                reason = f'{missing[0]}.not_recorded: the sample that the tick used is missing'
            return DrivenStep(runner.step(sensors, stamp_ns), False, reason)
        runner.restore(stop_is_over=mode is Mode.STANDBY)
        if self._is_activation[tick]:
            runner.restore(mode=mode)
            self._is_settled = True
        elif self._is_lost or self._is_interrupted[tick]:
            self._resync(runner, mode, tick, stamp_ns)
        else:
            self._repeat_request(runner, mode, tick)
        self._is_lost = False
        action = _ACTIONS.get(int(self._log.fault_action[tick]))
        step = self._follow_fault(runner, sensors, mode, action, stamp_ns)
        if step.mode is not mode:
            self._is_lost = True
            reason = step.reason or f'mode.differs: {step.mode.name.lower()}'
            reason = f'{reason}; the log says {mode.name.lower()}'
            return DrivenStep(step, False, reason, has_other_mode=True)
        if not self._is_settled:
            self._settle(runner, step, tick, stamp_ns)
            return DrivenStep(
                step, False, 'history.unknown: the recording begins in the middle of a run'
            )
        return DrivenStep(step, True, '')

    def _resync(self, runner: PolicyRunner, mode: Mode, tick: int, stamp_ns: int) -> None:
        """Restart at a tick whose past is unknown."""
        runner.restore(mode=mode)
        self._is_settled = self._lacks_action = False
        self._since_ns, self._num_steps = stamp_ns, 0
        if tick:
            self.apply_recorded(runner, tick - 1)

    def _repeat_request(self, runner: PolicyRunner, mode: Mode, tick: int) -> None:
        """Request the change of mode that the log shows."""
        before = runner.mode
        event = _EVENTS.get((before, mode))
        if event is None:
            return
        has_action = self._log.fault_action[tick - 1] != NOT_LOGGED
        if before is Mode.FAULT and not has_action and self._sent(tick - 1) is False:
            runner.restore(nothing_sent=True)  # the action had become stop
        runner.request(event)
        starts = before is Mode.STANDBY and mode is Mode.POLICY
        if starts and self._sent(tick - 1):
            self._is_settled = True

    def _follow_fault(
        self,
        runner: PolicyRunner,
        sensors: Sensors,
        mode: Mode,
        action: FaultAction | None,
        stamp_ns: int,
    ) -> Step:
        """Step; force a fault where the log has one and the runner does not."""
        forced = RECORDED_FAULT._replace(action=action)
        if mode is not Mode.FAULT:
            return runner.step(sensors, stamp_ns)
        if runner.mode is Mode.FAULT:
            if action not in (None, runner.fault_action):
                runner.fail(forced, stamp_ns)
            return runner.step(sensors, stamp_ns)
        previous = None if runner.last_command is None else runner.last_command.copy()
        step = runner.step(sensors, stamp_ns)
        if step.mode is Mode.FAULT and action in (None, runner.fault_action):
            return step
        runner.restore(nothing_sent=True, command=previous)
        runner.fail(forced, stamp_ns)
        return runner.step(sensors, stamp_ns)

    def _settle(self, runner: PolicyRunner, step: Step, tick: int, stamp_ns: int) -> None:
        """Apply recorded outputs until the runner no longer depends on the unknown past."""
        self.apply_recorded(runner, tick)
        if step.mode is Mode.STOPPING:  # it decelerates from an unknown command
            self._since_ns, self._num_steps = stamp_ns, 0
            return
        if step.mode is not Mode.POLICY:
            if stamp_ns - self._since_ns >= runner.config.ramp_time * 1e9 and self._sent(tick):
                self._is_settled = True
            return
        self._num_steps += step.has_policy_step
        if self._has_memory:
            return
        if self._reads_action and self._lacks_action:
            elapsed_ns = stamp_ns - self._since_ns
            if self._num_steps >= self._depth and elapsed_ns >= SETTLING_TIME * 1e9:
                self.is_approximate = True
                self._is_settled = True
        elif self._num_steps >= self._depth + self._reads_action:
            self._is_settled = True

    def apply_recorded(self, runner: PolicyRunner, tick: int) -> None:
        """Set the last command and action of the runner to those recorded at a tick."""
        rows = self._run.command_rows
        if self._sent(tick) and self._command is not None and rows is not None:
            command = self._command[rows[tick]]
            if np.isfinite(command).all():
                runner.restore(command=command)
        rows = self._run.action_rows
        if self._action is not None and rows is not None and rows[tick] != NONE:
            runner.restore(action=self._action[rows[tick]])
        else:
            self._lacks_action = True

    def _sent(self, tick: int) -> bool | None:
        """Whether a command was sent at a tick; None: commands are not recorded."""
        rows = self._run.command_rows
        return None if rows is None else bool(rows[tick] != NONE)
