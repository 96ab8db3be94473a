# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""The control tick: sensors in, joint command out."""

from __future__ import annotations

from collections.abc import Sequence
import math

from distill_runtime.core.checks.monitor import SafetyMonitor, start_problem
from distill_runtime.core.checks.registry import BLAMED, Finding, OF_POLICY
from distill_runtime.core.instance.policy_instance import PolicyInstance
from distill_runtime.core.swap.switcher import PolicySwitcher
import numpy as np

from .arrays import Float32Array, FloatArray
from .compiled_spec import CompiledSpec
from .config import RunnerConfig
from .fault_action import FaultResponse, Ramp
from .input_buffer import InputBuffer
from .limits import Feedback, LimitConfig, Limiter
from .modes import Event, Mode, mode_after, next_mode, refusal
from .sensors import Sensors
from .step import Policy, Step
from .velocity_command import Stop


class PolicyRunner:
    """Runs the policies of one robot on one stream of sensors.

    ``step`` never raises on data: a missing, stale or non-finite input gives a safe command and a
    reason. ``request`` may be called from any thread.
    """

    def __init__(self, compiled: CompiledSpec, policy: Policy, config: RunnerConfig) -> None:
        """Make every buffer that a step writes to."""
        self.compiled = compiled
        """Of the first policy: joints, limits and inputs of the robot."""
        self._config = config
        self.control_period_ns = compiled.period_ns // config.ticks_per_step
        self.caller_findings: Sequence[Finding] = ()
        """Findings of the caller for the next step: a missed deadline, a second publisher; changed
        between steps only.
        """
        self._sensor_vector = np.zeros(compiled.gravity.stop)
        self._input_buffer = InputBuffer(compiled, self._sensor_vector, config)
        self.joint_position = self._input_buffer.joint_position
        """Measured positions of the last tick in [rad], policy order."""
        self.joint_velocity = self._input_buffer.joint_velocity
        """Measured velocities of the last tick in [rad]/[s], policy order."""
        self.switcher = PolicySwitcher(PolicyInstance(compiled, policy, config.checks), config)
        limits = LimitConfig(
            max_step=config.max_joint_step,
            torque_limit=config.torque_limit,
            position_limits=config.position_limits,
            period=self.control_period_ns / 1e9,
        )
        feedback = Feedback(self.joint_position, self.joint_velocity)
        self._limiter = Limiter(compiled.joints, limits, feedback)
        self._ramp = Ramp(compiled.joints.default_command, round(config.ramp_time * 1e9))
        self._stop = Stop(compiled, config, self._sensor_vector, self.joint_position)
        self._is_position = compiled.joints.is_position.astype(np.float64)
        self._response = FaultResponse(
            self._ramp, self._is_position, round(config.escalation_time * 1e9)
        )
        joints = self._sensor_vector[: compiled.layout.joint_velocity.stop]
        self._safety_monitor = SafetyMonitor(compiled, config, self._input_buffer, joints)
        self._command, self._wanted, self._measured, self._last_target = np.zeros(
            (4, len(compiled.joints.names))
        )
        self._is_interpolated = config.interpolation == 'linear' and config.ticks_per_step > 1
        self._longest_step = config.max_joint_step or math.inf
        self._events: list[Event] = []
        self.reset()

    def reset(self, start_mode: Mode | None = None) -> None:
        """Return to the state after construction.

        Args:
            start_mode: STANDBY or POLICY, of the first tick that has all its inputs; None: as the
                config says.
        """
        if start_mode is None:
            is_policy = self._config.start_in == 'policy'
            start_mode = Mode.POLICY if is_policy else Mode.STANDBY
        self._start_mode = self._mode = start_mode
        self._fault = ''
        self._has_started = False
        self._tick = 0
        self.caller_findings = ()
        self._events.clear()
        self._limiter.reset()
        self._input_buffer.reset()
        self._safety_monitor.reset()
        self.switcher.reset()

    def restore(
        self,
        *,
        mode: Mode | None = None,
        command: FloatArray | None = None,
        nothing_sent: bool = False,
        action: Float32Array | None = None,
        stop_is_over: bool | None = None,
    ) -> None:
        """Set state that a log gives, between steps; what is not given stays as it is.

        Args:
            mode: Mode to restart in, with everything else as after ``reset``. FAULT restarts in
                standby; ``fail`` leads on to the fault.
            command: Last command that was sent, shape (num_joints,).
            nothing_sent: Whether no command was sent last: motion then starts from the measured
                pose.
            action: Network output of the last policy step, shape (act_dim,).
            stop_is_over: Whether a stop is over at the next ticks, in place of detecting it.
        """
        if stop_is_over is not None:
            self._stop.verdict = stop_is_over
        if mode is not None:
            self.reset(Mode.POLICY if mode.runs_policy else Mode.STANDBY)
            if mode is Mode.STOPPING:
                self._events.append(Event.STOP)
        if nothing_sent:
            self._limiter.reset()
        if command is not None:
            self._limiter.follow(command)
        if action is not None:
            self.switcher.active.action_map.apply(action)

    @property
    def config(self) -> RunnerConfig:
        """Options; to change them, make another runner."""
        return self._config

    @property
    def policy(self) -> Policy:
        """The active network."""
        return self.switcher.active.policy

    @property
    def mode(self) -> Mode:
        """Mode after the last step."""
        return self._mode

    @property
    def fault(self) -> str:
        """Why the runner is in fault; '' if it is not."""
        return self._fault

    @property
    def fault_action(self) -> str:
        """Present fault action, which may have escalated; '' without a fault."""
        return self._response.action if self._mode is Mode.FAULT else ''

    @property
    def last_command(self) -> FloatArray | None:
        """Last command that was sent, valid until the next step; None if none was."""
        return self._limiter.previous if self._limiter.has_previous else None

    @property
    def is_step_due(self) -> bool:
        """Whether the policy runs at the next tick, if the mode is one that runs it."""
        return self._tick % self._config.ticks_per_step == 0

    def request(self, event: Event) -> tuple[bool, str]:
        """Request a change of mode at the next step.

        Returns:
            Whether it was accepted, and the reason in either case.
        """
        mode = self._mode
        goal = next_mode(mode, event, self._stop_takes_time)
        if goal is None:
            return False, refusal(mode, event, self._fault)
        problem = self._problem_of(event)
        if problem:
            return False, f'{event.name.lower()} is refused: {problem}'
        self._events.append(event)
        return True, f'{mode.name.lower()} to {goal.name.lower()}'

    def _problem_of(self, event: Event) -> str:
        """Return why an event that the mode allows is refused now, or ''."""
        condition = self._safety_monitor.condition
        if event is Event.RESET_FAULT and condition is not None:
            return f'its cause is still there: {condition.reason}'
        if event is not Event.START or self._mode_after(*self._events).runs_policy:
            return ''
        if not self._has_started and self._input_buffer.late:
            missing = self._input_buffer.with_reason('; '.join(self._input_buffer.late))
            return f'inputs are still missing: {missing}'
        return start_problem(self.switcher.active.compiled, self._input_buffer, self._config)

    def _mode_after(self, *events: Event) -> Mode:
        """Return the mode that events lead to now."""
        return mode_after(self._mode, events, self._stop_takes_time)

    @property
    def _stop_takes_time(self) -> bool:
        return self._stop.takes_time(self.switcher.active.compiled)

    def fail(self, finding: Finding, stamp_ns: int) -> None:
        """Latch a fault, or escalate one; callers outside call it between steps only."""
        action = finding.action or self._safety_monitor.debounce.action(finding.check)
        if self._mode is Mode.FAULT:
            self._response.escalate_to(action, stamp_ns)
            return
        self._fault = finding.reason
        self._enter(Mode.FAULT, stamp_ns)
        self._response.begin(action, stamp_ns)

    def step(self, sensors: Sensors, stamp_ns: int) -> Step:
        """Compute the command of one control tick.

        Args:
            sensors: The newest samples, stamped in the tick's clock.
            stamp_ns: Time of the tick.

        Returns:
            The command and what led to it.
        """
        input_buffer = self._input_buffer
        input_buffer.update(sensors, stamp_ns)
        if not self._has_started:
            if input_buffer.late:
                return self._result(False, False, input_buffer.with_reason(input_buffer.late[0]))
            self._has_started = True
            self._enter(self._start_mode, stamp_ns)
        self._take_events(stamp_ns)
        switcher, is_policy = self.switcher, self._mode.runs_policy
        if not is_policy and switcher.swap_while_stopped(stamp_ns):
            self._begin_ramp(stamp_ns)
        condition = self._safety_monitor.judge(
            self.caller_findings, stamp_ns, switcher.active.findings if is_policy else None
        )
        if condition is not None and not (is_policy and self._is_cleared(condition, stamp_ns)):
            self.fail(condition, stamp_ns)
        findings = self._safety_monitor.debounce.warning
        warning = input_buffer.command_problem or findings or input_buffer.reason
        if self._mode is Mode.STOPPING and self._stop.advance(switcher.active.compiled, stamp_ns):
            self._enter(Mode.STANDBY, stamp_ns)
        has_policy_step = False
        if self._mode.runs_policy:
            has_policy_step = self._step_policy(stamp_ns)
            if switcher.active.is_valid:
                self._limit_policy_target(has_policy_step)
                return self._result(True, has_policy_step, warning)
            self.fail(Finding('action_value', switcher.active.problem), stamp_ns)
        if self._mode is Mode.STANDBY:
            self._ramp.write(stamp_ns, self._wanted)
            self._limiter.limit(self._wanted, self._command)
            return self._result(True, False, warning)
        return self._result(self._act_on_fault(stamp_ns), has_policy_step, self._fault)

    def _step_policy(self, stamp_ns: int) -> bool:
        """Run the policy if it is due, and interpolate; return whether it ran."""
        switcher, ticks_per_step = self.switcher, self._config.ticks_per_step
        phase = self._tick % ticks_per_step
        is_first, self._tick = self._tick == 0, self._tick + 1
        if phase == 0:
            if self._is_interpolated:
                self._last_target[:] = self._start_pose() if is_first else switcher.target
            switcher.step(self._sensor_vector, stamp_ns)
        if self._is_interpolated:
            np.subtract(switcher.target, self._last_target, self._wanted)
            np.multiply(self._wanted, (phase + 1) / ticks_per_step, self._wanted)
            np.add(self._wanted, self._last_target, self._wanted)
        return phase == 0

    def _limit_policy_target(self, has_policy_step: bool) -> None:
        """Write the command of a policy tick, and judge the policy step if there was one."""
        instance = self.switcher.active
        target = self._wanted if self._is_interpolated else self.switcher.target
        self._limiter.limit(target, self._command, self._input_buffer.joints_are_fresh)
        if has_policy_step:
            is_free = self._limiter.is_inactive and target is instance.target
            instance.judge(is_free, self._longest_step)

    def _is_cleared(self, condition: Finding, stamp_ns: int) -> bool:
        """Roll a policy on probation back if it may be to blame; return whether that is enough.

        A condition of the robot, like its tilt, is a fault in any case.
        """
        check = condition.check
        if check in BLAMED and self.switcher.roll_back(condition.reason, stamp_ns):
            self._safety_monitor.debounce.forget(check)  # it was found of the rejected policy
            return check in OF_POLICY
        return False

    def _act_on_fault(self, stamp_ns: int) -> bool:
        """Write the command of the fault action; return whether to send it."""
        response = self._response
        response.escalate(stamp_ns, self._safety_monitor.condition is not None)
        measured = self._measured_pose() if self._input_buffer.joints_are_fresh else None
        if not response.write(stamp_ns, measured, self._start_pose(), self._wanted):
            self._limiter.reset()  # the joints are limp: motion starts from the measured pose
            return False
        self._limiter.limit(self._wanted, self._command)
        return True

    def _start_pose(self) -> FloatArray:
        """Return where a motion starts: the last command, or the measured pose before one."""
        return self._limiter.previous if self._limiter.has_previous else self._measured_pose()

    def _measured_pose(self) -> FloatArray:
        """Return the measured pose as a command that moves nothing."""
        np.multiply(self.joint_position, self._is_position, self._measured)
        return self._measured

    def _take_events(self, stamp_ns: int) -> None:
        """Change to the mode that the requested events lead to; an estop wins."""
        if not self._events:
            return
        events = tuple(self._events)
        del self._events[: len(events)]  # another thread may append meanwhile
        if Event.ESTOP in events:
            self.fail(Finding('estop', 'estop.requested: estop was called'), stamp_ns)
            return
        mode = self._mode_after(*events)
        if mode is not self._mode:
            self._enter(mode, stamp_ns)

    def _enter(self, mode: Mode, stamp_ns: int) -> None:
        """Change the mode; from a stop the policy continues with its history."""
        continues = self._mode is Mode.STOPPING and mode is Mode.POLICY
        self._mode = mode
        if mode is Mode.STOPPING:
            self._stop.begin(stamp_ns)
        elif mode is not Mode.POLICY:
            self._begin_ramp(stamp_ns)
        elif not continues:
            self._tick = 0
            self.switcher.restart()
            self._safety_monitor.begin_policy(stamp_ns)
        if mode is not Mode.FAULT:
            self._fault = ''

    def _begin_ramp(self, stamp_ns: int) -> None:
        """Start a ramp to the default pose of the active policy."""
        self._ramp.set_goal(self.switcher.active.compiled.joints.default_command)
        self._ramp.begin(self._start_pose(), stamp_ns)

    def _result(self, sends: bool, has_policy_step: bool, reason: str) -> Step:
        instance = self.switcher.active
        arrays = (instance.policy.observation, instance.policy.action, instance.target)
        is_fresh = self._input_buffer.joints_are_fresh
        return Step(self._command, sends, self._mode, reason, has_policy_step, *arrays, is_fresh)
