# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Command the robot of the demo, monitor it, and decide whether it walked."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
import math
import subprocess
import time
from typing import Protocol

from diagnostic_msgs.msg import DiagnosticArray
from distill_runtime.errors import DistillError
from geometry_msgs.msg import Twist
from nav_msgs.msg import Odometry
import rclpy
from rclpy.executors import SingleThreadedExecutor
from rclpy.signals import SignalHandlerOptions
from std_srvs.srv import Trigger

Velocity = tuple[float, float, float]
"""Commanded vx, vy in [m]/[s] and yaw rate in [rad]/[s]."""
TOUR = ((0.1, (0.0, 0.0, 0.0)), (0.7, (0.5, 0.0, 0.0)), (1.0, (0.4, 0.0, 0.5)))
"""Share of the time at which a part ends, and its command."""

_START_TIMEOUT = 30.0
_STANDBY_TIME = 1.0
_ANSWER_TIMEOUT = 5.0
_ASK_AGAIN = 0.2
_COMMAND_PERIOD = 0.05
_FALLEN_TILT = 1.0
_WARM_UP = 1.0


@dataclass(kw_only=True)
class DemoResult:
    """What was seen."""

    seconds: float = 0.0
    fell: bool = False
    walked_distance: float = 0.0
    """Way along the command, in [m]."""
    commanded_distance: float = 0.0
    """In [m]."""
    velocity_error: float = 0.0
    """Mean of |v_xy - command| over half-second means, in [m]/[s]."""
    min_height: float = 0.0
    """In [m]."""
    max_tilt: float = 0.0
    """In [rad]."""
    mode: str = 'starting'
    reason: str = ''
    rate: float = 0.0
    """In [Hz]."""
    latency_p50_us: float = 0.0
    latency_p99_us: float = 0.0
    jitter_p99_us: float = 0.0
    ticks: int = 0
    missed: int = 0
    problem: str = ''

    @property
    def walked(self) -> bool:
        """Whether the robot did what was asked."""
        return not self.why_not

    @property
    def why_not(self) -> str:
        """Why it did not; '' if it did."""
        if self.problem:
            return self.problem
        if self.fell:
            return 'the robot fell'
        if self.walked_distance < 0.5 * self.commanded_distance:
            return 'the robot walked less than half of what was commanded'
        return ''

    def report(self) -> dict[str, object]:
        """Return everything as plain values."""
        return {'walked': self.walked, 'why_not': self.why_not, **asdict(self)}


class Panel(Protocol):
    """Shows a result while it grows."""

    def show(
        self, result: DemoResult, command: Sequence[float], velocity: Sequence[float]
    ) -> None:
        """Show the state of this moment."""


def monitor(
    seconds: float,
    processes: Sequence[subprocess.Popen[bytes]],
    panel: Panel,
    tour: Sequence[tuple[float, Velocity]] = TOUR,
) -> DemoResult:
    """Command a tour, which ends early if the robot falls or the policy ends.

    Args:
        seconds: Time to walk.
        processes: The nodes; if one ends early, so does the demo.
        panel: Shows what happens.
        tour: Share of the time at which each part ends, rising, and its command.

    Raises:
        DistillError: If the nodes do not come up.
    """
    rclpy.init(signal_handler_options=SignalHandlerOptions.NO)
    try:
        return _Monitor(processes, panel).run(seconds, tour)
    finally:
        rclpy.shutdown()


@dataclass
class _Monitor:
    """One demo run."""

    processes: Sequence[subprocess.Popen[bytes]]
    panel: Panel
    result: DemoResult = field(default_factory=DemoResult)
    command: Velocity = (0.0, 0.0, 0.0)
    velocity: Velocity = (0.0, 0.0, 0.0)
    is_walking: bool = False
    last_odometry: float = 0.0
    window: list[tuple[float, float]] = field(default_factory=list)
    errors: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.node = rclpy.create_node('demo')
        self.executor = SingleThreadedExecutor()
        self.executor.add_node(self.node)
        self.publisher = self.node.create_publisher(Twist, 'cmd_vel', 10)
        self.node.create_subscription(Odometry, 'odom', self._on_odometry, 10)
        self.node.create_subscription(DiagnosticArray, '/diagnostics', self._on_diagnostics, 10)

    def run(self, seconds: float, tour: Sequence[tuple[float, Velocity]]) -> DemoResult:
        """Wait for standby, start the policy, command the tour."""
        result = self.result
        self._spin(_START_TIMEOUT, self._is_up)
        if not self._is_up():
            raise DistillError(
                f'student_node is not active after {_START_TIMEOUT:.0f} s: {result.reason}'
            )
        if result.mode == 'fault':
            result.problem = self._reset_fault()
        if result.mode in ('standby', 'stopping'):
            self._spin(_STANDBY_TIME)
            result.problem = self._ask('start')
        if result.problem:
            return result
        start = time.monotonic()
        self.is_walking = True
        for share, command in tour:
            self.command = command
            self._spin(start + share * seconds - time.monotonic(), self._is_lost)
        if result.mode == 'fault' and not result.fell:
            result.problem = f'the policy ended: {result.reason}'
        result.seconds = time.monotonic() - start
        self.is_walking = False
        if self.errors:
            result.velocity_error = sum(self.errors) / len(self.errors)
        return result

    def _is_up(self) -> bool:
        is_active = self.result.mode in ('standby', 'policy', 'stopping', 'fault')
        return is_active and self.last_odometry > 0.0

    def _is_lost(self) -> bool:
        """Whether the robot fell, or a fault ended the policy."""
        return self.result.fell or self.result.mode == 'fault'

    def _reset_fault(self) -> str:
        """Leave a fault from before the walk; return why that failed, or ''."""
        fault = self.result.reason
        refusal = self._ask('reset_fault')
        self._spin(_ANSWER_TIMEOUT, lambda: self.result.mode == 'standby')
        return refusal and f'the robot was in fault before it could walk: {fault}; {refusal}'

    def _ask(self, service: str) -> str:
        """Ask the node for a change of mode until it agrees; return why it does not, or ''."""
        client = self.node.create_client(Trigger, f'/student_node/{service}')
        end = time.monotonic() + _ANSWER_TIMEOUT
        refusal = 'there is no answer'
        while time.monotonic() < end:
            answer = client.call_async(Trigger.Request())
            self._spin(end - time.monotonic(), answer.done)
            if not answer.done():
                break
            reply = answer.result()
            if reply.success:
                return ''
            refusal = reply.message
            self._spin(_ASK_AGAIN)
        return f'student_node refused ~/{service} for {_ANSWER_TIMEOUT:.0f} s: {refusal}'

    def _spin(self, seconds: float, is_over: Callable[[], bool] = lambda: False) -> None:
        """Serve subscriptions and command the robot for a time, or until something is over."""
        end = time.monotonic() + seconds
        next_command = 0.0
        while (now := time.monotonic()) < end and not is_over():
            for process in self.processes:
                if process.poll() is not None:
                    raise DistillError(f'a node ended early with exit status {process.returncode}')
            if now >= next_command:
                next_command = now + _COMMAND_PERIOD
                twist = Twist()
                twist.linear.x, twist.linear.y, twist.angular.z = self.command
                self.publisher.publish(twist)
                self.panel.show(self.result, self.command, self.velocity)
            self.executor.spin_once(timeout_sec=0.02)

    def _on_odometry(self, message: Odometry) -> None:
        now = message.header.stamp.sec + message.header.stamp.nanosec / 1e9
        elapsed, self.last_odometry = now - self.last_odometry, now
        linear, angular = message.twist.twist.linear, message.twist.twist.angular
        self.velocity = (linear.x, linear.y, angular.z)
        if not self.is_walking or not 0.0 < elapsed < 1.0:
            return
        q = message.pose.pose.orientation
        tilt = math.acos(max(-1.0, min(1.0, 1.0 - 2.0 * (q.x * q.x + q.y * q.y))))
        result = self.result
        height = message.pose.pose.position.z
        result.min_height = min(result.min_height or height, height)
        result.max_tilt = max(result.max_tilt, tilt)
        result.fell = result.fell or tilt > _FALLEN_TILT
        vx, vy, _ = self.command
        speed = math.hypot(vx, vy)
        if speed > 0.0:
            result.commanded_distance += speed * elapsed
            result.walked_distance += (linear.x * vx + linear.y * vy) / speed * elapsed
            self._note_error(linear.x - vx, linear.y - vy, elapsed)

    def _note_error(self, dx: float, dy: float, elapsed: float) -> None:
        """Average the velocity error over half a second: a gait swings about its mean."""
        self.window.append((dx, dy))
        if len(self.window) * elapsed >= 0.5:
            count = len(self.window)
            mean_x = sum(x for x, _ in self.window) / count
            mean_y = sum(y for _, y in self.window) / count
            self.errors.append(math.hypot(mean_x, mean_y))
            self.window.clear()

    def _on_diagnostics(self, message: DiagnosticArray) -> None:
        for status in message.status:
            if not status.name.endswith('student_node: control'):
                continue
            values = {entry.key: entry.value for entry in status.values}
            result = self.result
            result.reason = values.get('reason', status.message)
            if 'mode' not in values:
                continue
            result.mode = values['mode']
            result.rate = float(values['rate_hz'])
            result.latency_p50_us = float(values['latency_p50_us'])
            result.latency_p99_us = float(values['latency_p99_us'])
            result.jitter_p99_us = float(values['jitter_p99_us'])
            result.ticks = int(values['ticks'])
            result.missed = int(values['missed_deadlines'])
