# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Publish the state of a control loop on /diagnostics."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from distill_runtime.core.modes import Mode
from distill_runtime.core.sensors import NEVER
from distill_runtime.core.step import Step
from distill_runtime.core.swap.swap import Candidate
from distill_runtime.ros.loop.control_loop import ControlLoop
from distill_runtime.ros.loop.inputs import Inputs
from distill_runtime.ros.loop.loop_context import LoopContext
from distill_runtime.ros.loop.raw_subscription import mismatches, RawSubscription
from distill_runtime.ros.loop.timing import TimingSummary
from distill_runtime.ros.models.loader import LoadedModel
from distill_runtime.ros.recorder.flight_recorder import FlightRecorder
from rclpy.node import Node

_QUIET_CALLS = 3
"""Calls without a cause until the level falls."""
_UNITS = {'position': 'rad', 'velocity': 'rad/s', 'effort': 'N m'}
_CLOCK_PAUSE = 10.0  # s between two lines of the log that /clock is missing


class Diagnostics:
    """Publishes one status per call; a fault or missing input is an error, a miss a warning.

    The level rises at once, and falls only after some calls without a cause, so that an
    occasional look still shows what happened in between.
    """

    def __init__(self, node: Node) -> None:
        """Advertise the topic."""
        self._node = node
        self._publisher = node.create_publisher(DiagnosticArray, '/diagnostics', 10)
        self.reset()

    def reset(self) -> None:
        """Forget the previous control loop."""
        self._missed = 0
        self._logged_code = ''
        self._quiet_calls = _QUIET_CALLS
        self._last_reason = ''

    def publish(self, loop: ControlLoop, context: LoopContext, recorder: FlightRecorder) -> None:
        """Publish the state of an active node."""
        timing = loop.timing.summary()
        step, stamp_ns = loop.step, loop.stamp_ns
        missed, self._missed = timing.missed - self._missed, timing.missed
        notable, loop.notable = loop.notable, ''
        reason = self._reason(loop, step, notable, context.inputs)
        if loop.crash or (step and (step.mode is Mode.FAULT or not step.sends)):
            level, message = DiagnosticStatus.ERROR, reason
        elif reason or missed:
            level, message = DiagnosticStatus.WARN, reason or f'{missed} deadlines missed'
        else:
            assert step is not None
            level, message = DiagnosticStatus.OK, step.mode.name.lower()
        if not (loop.fault and reason.startswith(loop.fault)):  # that is logged with its mode
            self._log(level, reason)
        level, message = self._settled(level, message)
        values = {
            'mode': step.mode.name.lower() if step else 'none',
            'reason': reason,
            **_loop_values(loop, timing, stamp_ns, context),
            'blackbox': recorder.summary(),
        }
        self._send(self._status('control', level, message, values), *self._candidate(context))

    def _candidate(self, context: LoopContext) -> Iterator[DiagnosticStatus]:
        """Yield the status of the model that waits to take over, if there is one."""
        switcher = context.runner.switcher
        swap = switcher.swap
        loaded = context.registry.find(swap.candidate.instance) if swap is not None else None
        if swap is None or loaded is None or not switcher.is_swapping:
            return
        values = _candidate_values(swap.candidate, loaded)
        problem = values['problem']
        level = DiagnosticStatus.WARN if problem else DiagnosticStatus.OK
        yield self._status('shadow', level, problem or values['largest_divergence'], values)

    def _settled(self, level: bytes, message: str) -> tuple[bytes, str]:
        """Keep a warning up for some calls after its cause has gone."""
        if level != DiagnosticStatus.OK:
            self._quiet_calls, self._last_reason = 0, message
        elif self._quiet_calls < _QUIET_CALLS:
            self._quiet_calls += 1
            return DiagnosticStatus.WARN, f'{message}, was: {self._last_reason}'
        return level, message

    def _reason(self, loop: ControlLoop, step: Step | None, notable: str, inputs: Inputs) -> str:
        """Return what is wrong now, or was since the last call; '' if nothing is."""
        if loop.crash:
            return loop.crash
        problem = inputs.problem
        refused = problem.reason if problem is not None else ''
        if step is None:
            reason = (
                loop.clock_problem
                or refused
                or 'joint_states.missing: no tick yet, is its publisher running?'
            )
        else:
            reason = step.reason or notable or refused or loop.clock_problem
        return '; '.join(
            part for part in (reason, mismatches(self._node, inputs.subscriptions)) if part
        )

    def _log(self, level: bytes, reason: str) -> None:
        """Log a reason when it comes up; its figures may change from then on."""
        code = reason.partition(':')[0]
        log = self._node.get_logger()
        if code == 'clock.missing':
            self._logged_code = code
            log.warning(reason, throttle_duration_sec=_CLOCK_PAUSE)
            return
        if code == self._logged_code:
            return
        self._logged_code = code
        if level == DiagnosticStatus.ERROR:
            log.error(reason)
        elif reason:
            log.warning(reason)

    def publish_problem(self, message: str) -> None:
        """Publish an error that ended the control loop or kept it from starting."""
        values = {'reason': message}
        self._send(self._status('control', DiagnosticStatus.ERROR, message, values))

    def _status(
        self, what: str, level: bytes, message: str, values: Mapping[str, object]
    ) -> DiagnosticStatus:
        name = self._node.get_fully_qualified_name()
        return DiagnosticStatus(
            level=level,
            name=f'{name}: {what}',
            message=message,
            hardware_id=name,
            values=[KeyValue(key=key, value=str(value)) for key, value in values.items()],
        )

    def _send(self, *statuses: DiagnosticStatus) -> None:
        array = DiagnosticArray(status=list(statuses))
        array.header.stamp = self._node.get_clock().now().to_msg()
        self._publisher.publish(array)


def _loop_values(
    loop: ControlLoop, timing: TimingSummary, stamp_ns: int, context: LoopContext
) -> dict[str, object]:
    """Return the state of loop, inputs and model."""
    inputs, policy = context.inputs, context.registry.active.policy
    return {
        'fault_action': context.runner.fault_action,
        'estop': str(context.estop.is_set).lower(),
        'other_publishers': loop.monitor.other_publisher,
        'reasons': ', '.join(f'{code} x{n}' for code, n in loop.reasons.copy().most_common(8)),
        'ticks': timing.ticks,
        'missed_deadlines': timing.missed,
        'rate_hz': f'{timing.rate:.3f}',
        'latency_p50_us': f'{timing.latency_p50 * 1e6:.0f}',
        'latency_p99_us': f'{timing.latency_p99 * 1e6:.0f}',
        'jitter_p99_us': f'{timing.jitter_p99 * 1e6:.0f}',
        'joint_states_age_s': _age(inputs.joint_states, stamp_ns),
        'imu_age_s': _age(inputs.imu, stamp_ns),
        'odom_age_s': _age(inputs.odom, stamp_ns),
        'cmd_vel_age_s': _age(inputs.cmd_vel, stamp_ns),
        'model': policy.path.name,
        'policy': policy.spec.name,
        'model_sha256': policy.sha256,
        'previous_model': _previous(context),
        'is_on_probation': str(context.runner.switcher.is_on_probation(stamp_ns)).lower(),
    }


def _previous(context: LoopContext) -> str:
    """Return the file name of the previous model; '' if there was none."""
    previous = context.runner.switcher.previous
    model = context.registry.find(previous.instance) if previous is not None else None
    return model.policy.path.name if model is not None else ''


def _candidate_values(candidate: Candidate, loaded: LoadedModel) -> dict[str, str]:
    """Return how far the targets of a candidate are from those of the active policy."""
    joints = loaded.instance.compiled.joints
    worst, now = candidate.worst.tolist(), candidate.divergence.tolist()
    units = [_UNITS[mode] for mode in joints.modes]
    largest = worst.index(max(worst))
    return {
        'model': loaded.policy.path.name,
        'policy': loaded.policy.spec.name,
        'model_sha256': loaded.policy.sha256,
        'problem': candidate.problem,
        'steps_compared': str(candidate.compared),
        'steps_shed': str(candidate.shed),
        'inference_us': f'{loaded.timed.mean_ns / 1e3:.0f}',
        'largest_divergence': f'{worst[largest]:.4f} {units[largest]}, {joints.names[largest]}',
        **{
            f'{what} {name} ({unit})': f'{value:.4f}'
            for what, values in (('largest', worst), ('now', now))
            for name, value, unit in zip(joints.names, values, units, strict=True)
        },
    }


def _age(raw: RawSubscription | None, stamp_ns: int) -> str:
    """Return the age of the sample in use at the last tick, in [s]."""
    if raw is None:
        return 'not used'
    if raw.sample_ns == NEVER:
        return 'never received'
    return f'{(stamp_ns - raw.sample_ns) / 1e9:.4f}'
