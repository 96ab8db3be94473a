# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""The control thread: it alone reads sensors, steps the runner and sends commands."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable
import contextlib
import threading
import time
import traceback

from distill_runtime.core.modes import Event, Mode
from distill_runtime.core.step import Step
from distill_runtime.ros.mode_log import ModeChange
from distill_runtime.ros.process import explain
from rclpy.clock import Clock
from rclpy.impl.implementation_singleton import rclpy_implementation

from .loop_context import LoopContext, LoopObserver
from .monitor import LoopMonitor
from .realtime import GarbagePause, others_raised, use_cpus, use_fifo
from .timing import Grid, ros_now, sleep_until, Timing

_POLL_NS = 20_000_000
_COLLECT_EVERY = 100
_BELOW = 10  # priority of the process's other threads, below that of the control thread
_COLLECT_SLACK_NS = 2_000_000
_SHADOW_SHARE = 0.5
_WARM_UP_LEAD_NS = 200_000
_LONG_PAUSE = 3  # as a multiple of the time that warming up takes
_NO_CLOCK = (
    'clock.missing: no message on /clock yet, and use_sim_time is true: does the simulation run, '
    'does it publish /clock?'
)


class ControlLoop:
    """Ticks in the control thread from start to stop.

    Attributes:
        timing: When ticks began and how long they took.
        monitor: What the loop finds that the runner cannot see.
        step: Result of the last tick; None before the first.
        stamp_ns: Time of the newest tick, which may be under way; 0 before the first.
        notable: Newest reason of a tick that had one; the reader sets it to ''.
        reasons: How many ticks gave each code.
        mode_changes: Changes of the mode that are not logged yet; the logger removes them.
        fault: Reason of the newest fault, which may be over; '' before the first.
        crash: Unforeseen error that ended the loop; '' if none did.
    """

    def __init__(self, context: LoopContext, observer: LoopObserver | None = None) -> None:
        """Prepare to tick in a context; start begins."""
        self._context = context
        self._observer = observer
        self._clock: Clock = context.node.get_clock()
        self._stops = threading.Event()
        self._is_ready = threading.Event()
        self._start_error: Exception | None = None
        self._thread: threading.Thread | None = None
        self.timing = Timing(context.runner.control_period_ns)
        self.monitor = LoopMonitor(context.runner.config, context.runner.control_period_ns)
        self.step: Step | None = None
        self.stamp_ns = 0
        self.notable = ''
        self.reasons: Counter[str] = Counter()
        self.crash = ''
        self.mode_changes: deque[ModeChange] = deque(maxlen=64)
        self._mode = context.runner.mode
        self.fault = ''

    def start(self) -> None:
        """Start the thread.

        Raises:
            ConfigError: If the operating system refuses priority or affinity.
        """
        self._thread = threading.Thread(target=self._run, name='control', daemon=True)
        self._thread.start()
        self._is_ready.wait()
        if self._start_error is not None:
            self._thread.join()
            raise self._start_error

    def stop(self) -> None:
        """End the thread; it sends the fault action, then the stop message."""
        self._stops.set()
        if self._thread is not None:
            self._thread.join()

    @property
    def is_alive(self) -> bool:
        """Whether its thread runs."""
        return self._thread is not None and self._thread.is_alive()

    @property
    def clock_problem(self) -> str:
        """Why there is no time yet; '' if there is."""
        is_missing = self._clock.ros_time_is_active and not self._clock.now().nanoseconds
        return _NO_CLOCK if is_missing else ''

    def tick(self, stamp_ns: int, start_ns: int, deadline_ns: int) -> None:
        """Run one tick on inputs that are already read.

        Args:
            stamp_ns: Time of the tick.
            start_ns: When it began, by the monotonic clock.
            deadline_ns: When it should have begun.
        """
        context = self._context
        self.stamp_ns = stamp_ns
        is_policy = context.runner.mode.runs_policy
        context.runner.caller_findings = self.monitor.findings(context.estop.refresh(), is_policy)
        before_ns = time.monotonic_ns()
        step = context.runner.step(context.sensors, stamp_ns)
        if step.has_policy_step:
            self._note_duration(time.monotonic_ns() - before_ns)
        if context.runner.switcher.changed_swaps:
            context.apply_swaps(self._observer)
            self.monitor.step_duration_ns = 0
        context.output.send(step, stamp_ns)
        end_ns = time.monotonic_ns()
        self.timing.add(start_ns, end_ns)
        self.step = step
        if step.mode is not self._mode:
            self.mode_changes.append(ModeChange(self._mode, step.mode, step.reason))
            self._mode = step.mode
            if step.mode is Mode.FAULT:
                self.fault = step.reason
        if step.reason:
            self.notable = step.reason
            self.reasons[step.reason.partition(':')[0]] += 1
        action = context.runner.fault_action
        context.internals.send(step, stamp_ns, start_ns - deadline_ns, action)
        if self._observer is not None:
            self._observer.on_tick(step, stamp_ns, end_ns - start_ns, self.timing.missed)

    def _note_duration(self, duration_ns: int) -> None:
        """Note how long a policy step took; if long, only one policy runs at the next step."""
        self.monitor.step_duration_ns = duration_ns
        switcher = self._context.runner.switcher
        switcher.may_shadow = duration_ns < _SHADOW_SHARE * self._context.runner.control_period_ns

    def _run(self) -> None:
        config = self._context.config
        try:
            if config.realtime_priority:
                use_fifo(config.realtime_priority)
            if config.cpu_affinity != (-1,):
                use_cpus(config.cpu_affinity)
        except Exception as error:  # noqa: BLE001  handed to the thread that started this one
            self._start_error = error
            return
        finally:
            self._is_ready.set()
        follow = (
            self._follow_joint_states if config.trigger == 'joint_states' else self._follow_grid
        )
        with contextlib.ExitStack() as stack:
            stack.enter_context(GarbagePause())
            if config.realtime_priority:
                below = max(1, config.realtime_priority - _BELOW)
                stack.enter_context(others_raised(below))
            self._guard(follow)
            self._guard(self._send_stop)

    def _guard(self, work: Callable[[], None]) -> None:
        """Run a part of the thread's work; an unforeseen error is logged and ends it."""
        try:
            work()
        except Exception as error:  # noqa: BLE001  the robot must get its fault action whatever it was
            self.crash = f'loop.crashed: {explain(error)}'
            if self._observer is not None:
                stamp_ns = self.stamp_ns or ros_now(self._clock)()
                self._observer.on_crash(self.crash, stamp_ns)
            self._context.node.get_logger().fatal(f'{self.crash}\n{traceback.format_exc()}')

    def _follow_grid(self) -> None:
        """Tick at the deadlines of the grid."""
        runner, inputs = self._context.runner, self._context.inputs
        uses_ros_time = self._clock.ros_time_is_active
        wait = self._wait_for_ros_time if uses_ros_time else self._sleep
        now, ros_now_ns = self._now(), ros_now(self._clock)
        if uses_ros_time:
            self._wait_for_ros_time(1)
        grid = Grid(now(), runner.compiled.period_ns, runner.config.ticks_per_step)
        while not self._stops.is_set():
            deadline_ns = grid.deadline_ns
            if not uses_ros_time:
                self._warm_up(deadline_ns)
            wait(deadline_ns)
            if self._stops.is_set():
                return
            start_ns = time.monotonic_ns()
            stamp_ns = ros_now_ns()
            inputs.refresh(stamp_ns)
            self.tick(stamp_ns, start_ns, start_ns if uses_ros_time else deadline_ns)
            now_ns = now()
            if now_ns < deadline_ns:
                grid = Grid(now_ns, runner.compiled.period_ns, runner.config.ticks_per_step)
            skipped = grid.advance(now_ns)
            self.timing.missed += skipped
            self.monitor.missed = skipped
            if (
                self.timing.ticks % _COLLECT_EVERY == 0
                and grid.deadline_ns - now_ns > _COLLECT_SLACK_NS
            ):
                GarbagePause.collect_young()

    def _warm_up(self, deadline_ns: int) -> None:
        """Run the network ahead of a policy step where the pause leaves time for it.

        After a pause of 20 ms its weights have left the caches; figures: benchmarks/README.md.
        """
        runner, active = self._context.runner, self._context.registry.active
        lead_ns = round(2.0 * active.timed.mean_ns) + _WARM_UP_LEAD_NS
        begin_ns = deadline_ns - lead_ns
        if (
            runner.mode.runs_policy
            and runner.is_step_due
            and begin_ns - time.monotonic_ns() > _LONG_PAUSE * lead_ns
        ):
            self._sleep(begin_ns)
            active.policy.session.warm_up()

    def _follow_joint_states(self) -> None:
        """Tick at every n-th JointState; in silence, whenever the wait for one ends."""
        context = self._context
        wait_set = rclpy_implementation.WaitSet(1, 0, 0, 0, 0, 0, context.node.context.handle)
        handle = context.inputs.joint_states.subscription.handle
        timeout_ns = round(context.config.trigger_timeout * 1e9)
        now = self._now()
        heard_ns, heard_stamp_ns, count = now(), 0, 0
        while not self._stops.is_set():
            wait_set.clear_entities()
            wait_set.add_subscription(handle)
            wait_set.wait(_POLL_NS)
            start_ns = time.monotonic_ns()
            while not self._stops.is_set():
                stamp_ns = context.inputs.next_joint_states(count == 0)
                if stamp_ns is None:
                    break
                if count % context.config.decimation == 0:
                    self.tick(stamp_ns, start_ns, start_ns)
                    if self.timing.ticks % _COLLECT_EVERY == 0:
                        GarbagePause.collect_young()
                count += 1
                heard_ns, heard_stamp_ns = now(), stamp_ns
                start_ns = time.monotonic_ns()
            now_ns = now()
            if not 0 < heard_ns <= now_ns:
                heard_ns = now_ns  # simulated time has started, or was set back, since then
            silence_ns = now_ns - heard_ns
            if count and timeout_ns and silence_ns > timeout_ns:
                self.tick(heard_stamp_ns + silence_ns, start_ns, start_ns)

    def _send_stop(self) -> None:
        """Send the command of the fault action once, then the stop message."""
        context = self._context
        if self.step is None or not self.step.sends:
            return
        context.runner.request(Event.ESTOP)
        stamp_ns = self.stamp_ns
        context.output.send(context.runner.step(context.sensors, stamp_ns), stamp_ns)
        context.output.send_stop_message(stamp_ns)

    def _now(self) -> Callable[[], int]:
        """Return the clock that deadlines and silence are measured with, in [ns]."""
        return ros_now(self._clock) if self._clock.ros_time_is_active else time.monotonic_ns

    def _sleep(self, deadline_ns: int) -> None:
        sleep_until(deadline_ns, self._stops.is_set)

    def _wait_for_ros_time(self, deadline_ns: int) -> None:
        """Wait for a moment of the simulated clock; a clock that is set back ends the wait."""
        now = ros_now(self._clock)
        last_ns = self.stamp_ns
        while last_ns <= (now_ns := now()) < deadline_ns and not self._stops.is_set():
            last_ns = now_ns
            time.sleep(0.0005)
