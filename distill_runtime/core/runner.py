# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""The one implementation of "sensors in, command out"."""

from __future__ import annotations

import math

import numpy as np

from .action import ActionMap
from .arrays import FloatArray, IndexArray, is_sound, own_indices, segment
from .command import CommandGate
from .config import RunnerConfig
from .freshness import Freshness
from .limits import Limiter
from .modes import Event, Mode, next_mode
from .observation import Observation
from .phase import GaitClock
from .plan import Plan
from .ramp import Ramp
from .reasons import joined, unsound_action, unsound_input
from .rotations import tilt, write_gravity_in_base
from .sensors import NEVER, Sensors
from .step import Policy, Step


class PolicyRunner:
    """Runs one policy on one stream of sensors.

    ``step`` never raises on data: a missing, stale or non-finite input gives a safe command and a
    reason. ``request`` may be called from any thread.
    """

    def __init__(self, plan: Plan, policy: Policy, config: RunnerConfig) -> None:
        """Make every buffer that a step writes to."""
        self.plan = plan
        self.policy = policy
        self.config = config
        self.control_period_ns = plan.period_ns // config.ticks_per_step
        self._vector = np.zeros(plan.vector_dim)
        self._head = self._vector[: plan.layout.size]
        self._gravity = self._vector[plan.gravity]
        self._velocity_command = self._vector[plan.layout.velocity_command]
        self._observations = tuple(
            Observation(entry, tensor)
            for entry, tensor in zip(plan.inputs, policy.inputs, strict=True)
        )
        self._clocks = tuple(GaitClock(entry, self._vector) for entry in plan.phases)
        self._last_action = self._vector[plan.last_action]
        self._action = ActionMap(plan.action, plan.joints.idle, self._last_action)
        self._limiter = Limiter(plan.joints, config.max_joint_step)
        self._ramp = Ramp(plan.joints.idle, round(config.ramp_time * 1e9))
        self._freshness = Freshness(plan, round(config.max_input_age * 1e9))
        self._gate = CommandGate(plan, self._velocity_command, round(config.cmd_vel_timeout * 1e9))
        self._max_tilt_gravity = (
            -math.cos(config.tilt_limit)
            if plan.needs_imu and config.tilt_limit > 0.0
            else math.inf
        )
        self._is_position = np.array(
            [mode == 'position' for mode in plan.joints.modes], np.float64
        )
        num_joints = len(plan.joints.names)
        self._gathers: list[tuple[IndexArray, FloatArray]] = []
        self.joint_position = self._joint_values(plan.joints.position_index)
        """Measured positions of the last tick in [rad], policy order."""
        self.joint_velocity = self._joint_values(plan.joints.velocity_index)
        """Measured velocities of the last tick in [rad]/[s], policy order."""
        self._command = np.zeros(num_joints)
        self._wanted = np.zeros(num_joints)
        self._from = np.zeros(num_joints)
        self._is_interpolated = config.interpolation == 'linear' and config.ticks_per_step > 1
        self._policy_target = self._wanted if self._is_interpolated else self._action.target
        self._measured = np.zeros(num_joints)
        self._events: list[Event] = []
        self.reset()

    def _joint_values(self, index: IndexArray) -> FloatArray:
        """Return joint values: a view where they are in policy order, else an array to gather."""
        values = segment(self._head, index)
        if values is None:
            values = np.zeros(len(index))
            self._gathers.append((own_indices(index), values))
        return values

    def reset(self) -> None:
        """Return to the state after construction."""
        self._start_mode = Mode.POLICY if self.config.start_in == 'policy' else Mode.STANDBY
        self._mode = self._start_mode
        self._fault = ''
        self._has_started = False
        self._last_stamp_ns = NEVER
        self._events.clear()
        self._limiter.reset()
        self._freshness.reset()
        self._restart_policy()

    @property
    def mode(self) -> Mode:
        """Mode after the last step."""
        return self._mode

    @property
    def fault(self) -> str:
        """Why the runner is in fault; '' if it is not."""
        return self._fault

    def request(self, event: Event) -> tuple[bool, str]:
        """Ask for a change of mode at the next step.

        Returns:
            Whether it was taken, and the reason in either case.
        """
        mode = self._mode
        goal = next_mode(mode, event)
        if goal is None:
            hint = '; call reset_fault first' if mode is Mode.FAULT else ''
            why = f' ({self._fault})' if self._fault else ''
            return (
                False,
                f'mode is {mode.name.lower()}{why}, {event.name.lower()} is refused{hint}',
            )
        if event is Event.START and not self._has_started:
            return False, 'inputs are still missing, start is refused'
        self._events.append(event)
        return True, f'{mode.name.lower()} to {goal.name.lower()}'

    def fail(self, reason: str, stamp_ns: int) -> None:
        """Latch a fault; from outside, only between steps.

        Args:
            reason: ``code: text``.
            stamp_ns: Time of the tick.
        """
        self._fault = reason
        self._enter(Mode.FAULT, stamp_ns)

    def step(self, sensors: Sensors, stamp_ns: int) -> Step:
        """Compute the command of one control tick.

        Args:
            sensors: The newest samples, stamped in the tick's clock.
            stamp_ns: Time of the tick.

        Returns:
            The command and what led to it.
        """
        warning = self._take_over(sensors)
        late = self._freshness.check(stamp_ns)
        if self._last_stamp_ns > stamp_ns:
            late = (
                f'clock.backwards: tick is {(self._last_stamp_ns - stamp_ns) / 1e9:.3f} s before '
                'the last one: was a clock set, did a recording start over?'
            )
        self._last_stamp_ns = stamp_ns
        if not self._has_started:
            if late:
                return self._result(False, False, joined(late, warning))
            self._has_started = True
            self._enter(self._start_mode, stamp_ns)
        if self._events:
            self._take_events(stamp_ns)
        if self._mode is not Mode.FAULT:
            if late:
                self.fail(joined(late, warning), stamp_ns)
            elif self._gravity[2] > self._max_tilt_gravity:
                self.fail(
                    f'tilt.limit: base is tilted by {tilt(self._gravity):.2f} rad, expected '
                    f'within {self.config.tilt_limit:.2f} rad',
                    stamp_ns,
                )
        warning = self._gate.apply(sensors.command_stamp_ns, stamp_ns) or warning
        has_policy_step = False
        if self._mode is Mode.POLICY:
            has_policy_step = self._policy_tick(stamp_ns)
            if self._mode is Mode.POLICY:
                self._limiter.limit(self._policy_target, self._command)
                return self._result(True, has_policy_step, warning)
        if self._mode is Mode.STANDBY:
            self._ramp.write(stamp_ns, self._wanted)
            self._limiter.limit(self._wanted, self._command)
            return self._result(True, False, warning)
        return self._result(self._act_on_fault(stamp_ns), has_policy_step, self._fault)

    def _take_over(self, sensors: Sensors) -> str:
        """Copy the samples if they are sound; else keep the last sound ones and say why."""
        values = sensors.values
        if not is_sound(values):
            return unsound_input(sensors)
        if self.plan.needs_imu and not write_gravity_in_base(
            sensors.quat_base_to_world, self._gravity
        ):
            quat = sensors.quat_base_to_world.tolist()
            return f'imu.norm: orientation (w, x, y, z) is {quat}, expected a unit quaternion'
        self._head[:] = values
        self._freshness.take_over(sensors)
        for index, out in self._gathers:
            self._head.take(index, None, out, 'clip')
        return sensors.problem

    def _policy_tick(self, stamp_ns: int) -> bool:
        """Run the policy if it is due, and write the wanted command; return whether it ran."""
        ticks = self.config.ticks_per_step
        phase = self._tick % ticks
        self._tick += 1
        if phase == 0:
            if self._is_interpolated:
                self._from[:] = self._action.target if self._tick > 1 else self._start_pose()
            for clock in self._clocks:
                clock.advance(self._velocity_command)
            for observation in self._observations:
                observation.push(self._vector)
            self.policy.run()
            action = self.policy.action
            if not is_sound(action):
                self.fail(unsound_action(action), stamp_ns)
                return True
            self._action.apply(action)
        if self._is_interpolated:
            np.subtract(self._action.target, self._from, self._wanted)
            np.multiply(self._wanted, (phase + 1) / ticks, self._wanted)
            np.add(self._wanted, self._from, self._wanted)
        return phase == 0

    def _act_on_fault(self, stamp_ns: int) -> bool:
        """Write the command of the fault action; return whether to send it."""
        action = self.config.fault_action
        if action == 'stop':
            self._limiter.reset()  # what follows starts from wherever the joints went
            return False
        if action == 'default_pose':
            self._ramp.write(stamp_ns, self._wanted)
        elif action == 'damp' and self._freshness.joints_are_fresh:
            self._wanted[:] = self._measured_pose()
        else:
            np.multiply(self._start_pose(), self._is_position, self._wanted)
        self._limiter.limit(self._wanted, self._command)
        return True

    def _start_pose(self) -> FloatArray:
        """Where a motion starts: the last command, or the measured pose before the first."""
        return self._limiter.previous if self._limiter.has_previous else self._measured_pose()

    def _measured_pose(self) -> FloatArray:
        """The measured pose as a command that moves nothing."""
        np.multiply(self.joint_position, self._is_position, self._measured)
        return self._measured

    def _take_events(self, stamp_ns: int) -> None:
        """Carry out what was asked since the last step."""
        while self._events:
            event = self._events.pop(0)
            goal = next_mode(self._mode, event)
            if goal is Mode.FAULT:
                self.fail(self._fault or 'estop.requested: estop was called', stamp_ns)
            elif goal is not None and goal is not self._mode:
                self._enter(goal, stamp_ns)

    def _enter(self, mode: Mode, stamp_ns: int) -> None:
        """Change the mode."""
        self._mode = mode
        if mode is Mode.POLICY:
            self._restart_policy()
        else:
            self._ramp.begin(self._start_pose(), stamp_ns)
        if mode is not Mode.FAULT:
            self._fault = ''

    def _restart_policy(self) -> None:
        """Make the next policy step the first one."""
        self._tick = 0
        self._last_action.fill(0.0)
        for observation in self._observations:
            observation.reset()
        for clock in self._clocks:
            clock.reset()
        self.policy.reset()

    def _result(self, sends: bool, has_policy_step: bool, reason: str) -> Step:
        return Step(
            self._command,
            sends,
            self._mode,
            reason,
            has_policy_step,
            self.policy.observation,
            self.policy.action,
            self._action.target,
            self._freshness.joints_are_fresh,
        )
