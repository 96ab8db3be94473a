# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Record what a control loop reads, computes and sends in the ring buffer.

The control thread calls this in its ticks: nothing here waits, and nothing grows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from struct import Struct
from typing import Any

from distill_runtime.core.modes import Mode
from distill_runtime.core.step import Step
from distill_runtime.data.flight_recorder.records import (
    change_data,
    Facts,
    status_text,
    TopicFrame,
)
from distill_runtime.data.flight_recorder.ring_buffer import OVERHEAD, RingBuffer
from distill_runtime.errors import ConfigError
from distill_runtime.ros.loop.loop_context import LoopContext
from distill_runtime.ros.loop.raw_subscription import RawSubscription, type_name
from distill_runtime.ros.models.loader import LoadedModel
from distill_runtime.wire.layouts import has_header

_TIMING = Struct('<qq')
_LARGEST = 1 << 30
_JOINT_BYTES = 56  # of a JointState: a name, and three numbers
_TYPICAL = {'Imu': 350, 'Odometry': 760, 'PoseStamped': 120}
_ORDINARY = 100


class TickRecorder:
    """Writes the ring buffer of one configured node.

    Attributes:
        ring: The ring buffer.
    """

    def __init__(self, context: LoopContext, seconds: float) -> None:
        """Allocate a ring buffer that holds a time in [s], and observe inputs and output.

        Raises:
            ConfigError: If that takes too much memory.
        """
        self._mode: Mode | None = None
        self._reason = self._code = ''
        self._estop_messages: list[bytes] = []
        self._tick = context.internals.tick
        inputs, output, model = (
            context.inputs.subscriptions,
            context.output,
            context.registry.active,
        )
        estop = context.estop
        whole = [
            *((raw.subscription.topic_name, raw.message_type) for raw in inputs),
            (estop.subscription.topic_name, estop.message_type),
            (output.topic, output.message_type),
        ]
        self._estop, command = len(inputs), len(inputs) + 1
        self._frames = {kind: len(whole) + index for index, kind in enumerate(model.frames)}
        self._status = len(whole) + len(model.frames)
        self._change = self._status + 1
        facts = Facts(
            node=context.node.get_fully_qualified_name(),
            channels=(
                *((TopicFrame(topic, type_name(kind)),) for topic, kind in whole),
                *model.frames.values(),
                (),
                (),
            ),
            status=self._status,
            change=self._change,
            frames=tuple(self._frames.values()),
            model=model.facts,
        )
        self._definition = b''
        self._has_defined = False
        self._stamp_ns = 0
        self._countdown, self._repeat = 0, round(1e9 / context.runner.control_period_ns)
        size = _ring_size(context, seconds)
        self.ring = RingBuffer.create(size, facts.to_bytes())
        for index, raw in enumerate(inputs):
            raw.on_message = self._input_callback(index, raw)
        context.estop.on_message = self._estop_messages.append
        append = self.ring.append
        context.output.on_message = lambda message, stamp_ns: append(command, stamp_ns, message)

    def begin(self) -> None:
        """Prepare for a new control loop, before its thread starts."""
        self._countdown = 0  # its recording starts here
        self._mode = None
        self._reason = self._code = ''
        self.ring.set_active(True)

    def end(self) -> None:
        """Note that the control loop has ended, after its thread."""
        self.ring.set_active(False)

    def on_tick(self, step: Step, stamp_ns: int, latency_ns: int, missed: int) -> None:
        """Record a tick.

        Args:
            step: Result of the runner.
            stamp_ns: Time of the tick.
            latency_ns: From its start to its command handed over.
            missed: Deadlines without a tick since the start.
        """
        self._stamp_ns = stamp_ns
        if self._definition:
            self._define(stamp_ns)
        columns: list[Any] = [self._tick, _TIMING.pack(latency_ns, missed)]
        if step.sends:
            columns.append(step.command)
        if step.has_policy_step:
            columns += (step.target, step.observation, step.action)
        channel = self._frames[step.has_policy_step, step.sends]
        self.ring.append(channel, stamp_ns, b''.join(columns))
        if self._estop_messages:
            self._keep_stops(stamp_ns)
        if step.mode is not self._mode or step.reason is not self._reason:
            self._reason = step.reason
            self._keep_status(step.mode, step.reason, stamp_ns)

    def on_swap(self, model: LoadedModel, swap: Mapping[str, str]) -> None:
        """Record that another model is active from the next tick on; between ticks only."""
        if self._has_defined:  # what comes before can be read whatever is overwritten next
            self.ring.append(self._change, self._stamp_ns, self._definition)
        self._definition = change_data(self.ring.count, swap, model.change)
        self._has_defined = False
        self._countdown = 0

    def _define(self, stamp_ns: int) -> None:
        """Record now and then which model is active, if it is not the first."""
        if self._countdown <= 0:
            self._countdown = self._repeat
            self._has_defined = True
            self.ring.append(self._change, stamp_ns, self._definition)
        self._countdown -= 1

    def on_crash(self, reason: str, stamp_ns: int) -> None:
        """Record why the control loop ended, as ``code: text``, and have it dumped."""
        self._mode = None  # a new fault, whatever went before
        self._keep_status(Mode.FAULT, reason, stamp_ns)

    def _keep_status(self, mode: Mode, reason: str, stamp_ns: int) -> None:
        """Keep a change of mode or code; figures in a reason change all the time."""
        code = reason.partition(':')[0]
        if mode is self._mode and code == self._code:
            return
        self.ring.append(self._status, stamp_ns, status_text(mode.name.lower(), reason))
        if mode is Mode.FAULT and self._mode is not Mode.FAULT:
            self.ring.raise_alarm()
        self._mode, self._code = mode, code

    def _keep_stops(self, stamp_ns: int) -> None:
        for message in self._estop_messages:
            self.ring.append(self._estop, stamp_ns, message)
        self._estop_messages.clear()

    def _input_callback(self, number: int, raw: RawSubscription) -> Callable[..., None]:
        """Return the callback that records the messages of a subscription.

        A message without a header is recorded under the time when it was sent.
        """
        append = self.ring.append
        if has_header(type_name(raw.message_type)):
            return lambda taken, stamp_ns: append(number, stamp_ns, taken[0])
        return lambda taken, stamp_ns: append(number, taken[1]['source_timestamp'], taken[0])


def _ring_size(context: LoopContext, seconds: float) -> int:
    """Return about how many bytes some seconds take; larger messages shorten what is held.

    Raises:
        ConfigError: If that is too much.
    """
    compiled, model = context.runner.compiled, context.registry.active
    joints = max(len(compiled.layout.joints), len(compiled.joints.names))
    widths = {entry.topic: entry.width for entry in compiled.layout.externals}
    size = OVERHEAD + sum(part.size for part in model.frames[True, True])
    size += OVERHEAD + _ORDINARY + _JOINT_BYTES * joints  # the command
    for raw in context.inputs.subscriptions:
        size += OVERHEAD + _TYPICAL.get(raw.message_type.__name__, _ORDINARY)
        size += 4 * widths.get(raw.topic, 0)
    size += _JOINT_BYTES * joints
    triggers = context.config.decimation if context.config.trigger == 'joint_states' else 1
    rate = size * triggers * 1e9 / context.runner.control_period_ns
    size = round(seconds * (rate + OVERHEAD + len(model.change)))
    if size > _LARGEST:
        raise ConfigError(
            f'blackbox_seconds is {seconds:g}, that takes {size >> 20} MB of memory, expected '
            f'at most {_LARGEST >> 20} MB'
        )
    return size
