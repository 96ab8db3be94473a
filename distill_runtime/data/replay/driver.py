# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""How a runner is led through a recording: when it starts anew, and which mode it is in.

Without ~/tick it starts in policy mode, and anew after every gap. With it, it follows the modes
that were logged: a change that a service asked for is asked for again, and a fault that the inputs
do not explain (estop, missed deadlines) is imposed at its tick. What the log does not show is what
came before it: from there, and wherever ticks are missing in it, a tick counts as known only once
the history is complete again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from distill_runtime.core.arrays import Float32Array, FloatArray, IndexArray
from distill_runtime.core.checks.registry import Finding
from distill_runtime.core.modes import Event, FAULT_ACTIONS, FaultAction, Mode
from distill_runtime.core.runner import PolicyRunner
from distill_runtime.core.sensors import Sensors
from distill_runtime.core.step import Step
from distill_runtime.data.bags.chunk import BoolArray
from distill_runtime.data.recording.tick_log import UNTOLD
from distill_runtime.data.ticks.by_stamp import NONE
from distill_runtime.wire.tick_fields import ACTION_NUMBERS
import numpy as np
import numpy.typing as npt

_ACTIONS: Mapping[int, FaultAction] = {ACTION_NUMBERS[action]: action for action in FAULT_ACTIONS}
WARM_UP = 0.5
"""Time in [s] after which a policy whose last action is not known counts as settled."""
IMPOSED = Finding(
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
    """One tick of a runner that is led."""

    step: Step
    is_known: bool
    """Whether this is what the policy does there: inputs and history are complete."""
    reason: str
    """Why it is not, ``code: text``."""


class ReplayDriver(Protocol):
    """Leads a runner."""

    def step(self, runner: PolicyRunner, sensors: Sensors, tick: int, stamp_ns: int) -> DrivenStep:
        """Step a runner at a tick; ticks come in order."""


class FreeRun:
    """In policy mode throughout, anew after every gap and after every tick that is not known."""

    def __init__(
        self,
        has_gap: BoolArray,
        jumps_back: BoolArray,
        hidden: Mapping[str, BoolArray],
    ) -> None:
        """Begin.

        Args:
            has_gap: Whether the JointState before a tick is too old, shape (T,).
            jumps_back: Whether the tick is stamped before the one in front, alike.
            hidden: Per input whether its sample may be hidden, see hidden_samples.
        """
        is_odd = np.logical_or.reduce((has_gap, jumps_back, *hidden.values()))
        self._odd = frozenset(np.flatnonzero(is_odd).tolist())
        self._has_gap = has_gap
        self._jumps_back = jumps_back
        self._hidden = hidden
        self._is_known = True

    def step(self, runner: PolicyRunner, sensors: Sensors, tick: int, stamp_ns: int) -> DrivenStep:
        """Step a runner at a tick."""
        is_odd = tick in self._odd
        breaks_off = is_odd and (self._has_gap[tick] or self._jumps_back[tick])
        if tick == 0 or breaks_off or not self._is_known:
            _reset(runner, Mode.POLICY)
        step = runner.step(sensors, stamp_ns)
        reason = self._problem(tick) if is_odd else ''
        self._is_known = step.mode is Mode.POLICY and step.sends and not reason
        return DrivenStep(step, self._is_known, '' if self._is_known else reason or step.reason)

    def _problem(self, tick: int) -> str:
        """Return why a tick does not count whatever the policy makes of it, or ''."""
        if self._jumps_back[tick]:
            return (
                'joint_states.backwards: its stamp lies before that of the tick in front: was a '
                'clock set, did a simulation start over?'
            )
        for name, is_hidden in self._hidden.items():
            if is_hidden[tick]:
                return (
                    f'{name}.unusable: a message that cannot be used may have held the sample of '
                    'this tick'
                )
        return ''


@dataclass(frozen=True, kw_only=True, eq=False)
class LoggedRun:
    """What a node logged of its ticks; arrays have shape (T,)."""

    mode: npt.NDArray[np.int64]
    is_anew: npt.NDArray[np.bool_]
    """The node had just been activated."""
    is_interrupted: npt.NDArray[np.bool_]
    """Ticks before this one are missing in the log."""
    lacks: dict[str, npt.NDArray[np.bool_]]
    """Per input at which ticks its sample is missing in the recording."""
    is_other: npt.NDArray[np.bool_]
    """Another model ran."""
    fault_action: npt.NDArray[np.int64]
    """Number of the fault action in force; UNTOLD where it is not recorded."""
    command: FloatArray | None
    """What was sent, where it is recorded, shape (T, num_joints)."""
    command_rows: IndexArray | None
    """Row in command, NONE where nothing was sent."""
    action: Float32Array | None
    """Output of the network, shape (N, act_dim)."""
    action_rows: IndexArray | None
    """Row in action, NONE where it is not recorded."""


class FollowLog:
    """Through the modes that a node logged."""

    def __init__(self, run: LoggedRun, runner: PolicyRunner, is_recurrent: bool) -> None:
        """Begin.

        Args:
            run: The log.
            runner: Which is to be led.
            is_recurrent: Whether the network carries a state.
        """
        self._run = run
        compiled = runner.compiled
        self._depth = max(entry.depth for entry in compiled.inputs)
        last = range(compiled.last_action.start, compiled.last_action.stop)
        self._reads_action = any(np.isin(entry.index, last).any() for entry in compiled.inputs)
        self._hides_past = (
            is_recurrent or bool(compiled.phases) or runner.config.ticks_per_step > 1
        )
        self._is_settled = self._lacks_action = False
        self._since_ns = self._num_steps = 0
        self._is_lost = True
        self.is_approximate = False
        """Whether some ticks were known but for what a last action of before left behind."""

    def step(self, runner: PolicyRunner, sensors: Sensors, tick: int, stamp_ns: int) -> DrivenStep:
        """Step a runner at a tick."""
        run = self._run
        mode = Mode(int(run.mode[tick])) if run.mode[tick] in iter(Mode) else None
        missing = [name for name, lacks in run.lacks.items() if lacks[tick]]
        if run.is_other[tick] or mode is None or missing:
            self._is_lost = True
            reason = 'model.other: another model ran'
            if mode is None:
                reason = f'mode.unknown: the log says {run.mode[tick]}'
            elif missing:
                reason = f'{missing[0]}.not_recorded: the sample that the tick used is missing'
            return DrivenStep(runner.step(sensors, stamp_ns), False, reason)
        runner.stop.verdict = mode is Mode.STANDBY
        if run.is_anew[tick]:
            _reset(runner, mode)
            self._is_settled = True
        elif self._is_lost or run.is_interrupted[tick]:
            self._join(runner, mode, tick, stamp_ns)
        else:
            self._ask(runner, mode, tick)
        self._is_lost = False
        action = _ACTIONS.get(int(run.fault_action[tick]))
        step = self._follow_fault(runner, sensors, mode, action, stamp_ns)
        if step.mode is not mode:
            self._is_lost = True
            reason = step.reason or f'mode.differs: {step.mode.name.lower()}'
            return DrivenStep(step, False, f'{reason}; the log says {mode.name.lower()}')
        if not self._is_settled:
            self._wait(runner, step, tick, stamp_ns)
            return DrivenStep(
                step, False, 'history.unknown: the recording begins in the middle of a run'
            )
        return DrivenStep(step, True, '')

    def _join(self, runner: PolicyRunner, mode: Mode, tick: int, stamp_ns: int) -> None:
        """Go on from a tick whose past is not known."""
        _reset(runner, mode)
        self._is_settled = self._lacks_action = False
        self._since_ns, self._num_steps = stamp_ns, 0
        if tick:
            self.take_over(runner, tick - 1)

    def _ask(self, runner: PolicyRunner, mode: Mode, tick: int) -> None:
        """Ask for a change of mode that the log shows."""
        before = runner.mode
        event = _EVENTS.get((before, mode))
        if event is None:
            return
        is_told = self._run.fault_action[tick - 1] != UNTOLD
        if before is Mode.FAULT and not is_told and self._sent(tick - 1) is False:
            runner.limiter.reset()  # nothing was sent: the action had become stop
        runner.request(event)
        begins = before is Mode.STANDBY and mode is Mode.POLICY
        if begins and not self._is_settled and self._sent(tick - 1):
            self._is_settled = True

    def _follow_fault(
        self,
        runner: PolicyRunner,
        sensors: Sensors,
        mode: Mode,
        action: FaultAction | None,
        stamp_ns: int,
    ) -> Step:
        """Step, and fall into a fault where the log does and the runner does not.

        Args:
            runner: Which is led.
            sensors: Samples of the tick.
            mode: What the log says.
            action: What it says is done about the fault; None: it does not.
            stamp_ns: Time of the tick.
        """
        imposed = IMPOSED._replace(action=action)
        if mode is not Mode.FAULT:
            return runner.step(sensors, stamp_ns)
        if runner.mode is Mode.FAULT:
            if action not in (None, runner.fault_action):
                runner.fail(imposed, stamp_ns)
            return runner.step(sensors, stamp_ns)
        limiter = runner.limiter
        previous = limiter.previous.copy() if limiter.has_previous else None
        step = runner.step(sensors, stamp_ns)
        if step.mode is Mode.FAULT and action in (None, runner.fault_action):
            return step
        limiter.reset()
        if previous is not None:
            limiter.follow(previous)
        runner.fail(imposed, stamp_ns)
        return runner.step(sensors, stamp_ns)

    def _wait(self, runner: PolicyRunner, step: Step, tick: int, stamp_ns: int) -> None:
        """Take what was recorded for what the runner did, until nothing depends on before."""
        self.take_over(runner, tick)
        if step.mode is Mode.STOPPING:  # slows down from a command that is not known
            self._since_ns, self._num_steps = stamp_ns, 0
            return
        if step.mode is not Mode.POLICY:
            if stamp_ns - self._since_ns >= runner.config.ramp_time * 1e9 and self._sent(tick):
                self._is_settled = True
            return
        self._num_steps += step.has_policy_step
        if self._hides_past:
            return
        if self._reads_action and self._lacks_action:
            elapsed_ns = stamp_ns - self._since_ns
            if self._num_steps >= self._depth and elapsed_ns >= WARM_UP * 1e9:
                self.is_approximate = True
                self._is_settled = True
        elif self._num_steps >= self._depth + self._reads_action:
            self._is_settled = True

    def take_over(self, runner: PolicyRunner, tick: int) -> None:
        """Let the runner go on from what was recorded at a tick."""
        run = self._run
        if self._sent(tick) and run.command is not None and run.command_rows is not None:
            command = run.command[run.command_rows[tick]]
            if np.isfinite(command).all():
                runner.limiter.follow(command)
        row = NONE if run.action_rows is None else run.action_rows[tick]
        if row != NONE and run.action is not None:
            runner.action_map.apply(run.action[row])
        else:
            self._lacks_action = True

    def _sent(self, tick: int) -> bool | None:
        """Whether a command was sent at a tick; None: commands are not recorded."""
        rows = self._run.command_rows
        return None if rows is None else bool(rows[tick] != NONE)


def _reset(runner: PolicyRunner, mode: Mode) -> None:
    """Begin in a mode; where it is FAULT, in standby."""
    runner.reset(Mode.POLICY if mode.runs_policy else Mode.STANDBY)
    if mode is Mode.STOPPING:
        runner.request(Event.STOP)
