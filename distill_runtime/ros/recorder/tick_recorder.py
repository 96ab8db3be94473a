# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""What a control loop leaves in a journal: samples it took, what it computed, what it sent.

The control thread calls this in its ticks: nothing here waits, and nothing grows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from struct import Struct
from typing import Any

from distill_runtime.core.modes import Mode
from distill_runtime.core.step import Step
from distill_runtime.data.flight_recorder.messages import change_data, Facts, Part, status_text
from distill_runtime.data.flight_recorder.ring_buffer import OVERHEAD, RingBufferWriter
from distill_runtime.errors import ConfigError
from distill_runtime.ros.loop.loop_context import LoopContext
from distill_runtime.ros.loop.qos_mismatch import type_name
from distill_runtime.ros.loop.raw_subscription import RawSubscription
from distill_runtime.ros.models.loader import LoadedModel

from .definitions import has_header

_TIMING = Struct('<qq')
_LARGEST = 1 << 30
_JOINT_BYTES = 56  # of a JointState: a name, and three numbers
_TYPICAL = {'Imu': 350, 'Odometry': 760, 'PoseStamped': 120}
_ORDINARY = 100


class TickRecorder:
    """Fills the journal of one configured node.

    Attributes:
        journal: The journal.
    """

    def __init__(self, context: LoopContext, seconds: float) -> None:
        """Make the journal, its memory all at once, and listen to inputs and output.

        Args:
            context: What the control loop connects.
            seconds: How much time the journal is to hold.

        Raises:
            ConfigError: If that takes too much memory.
        """
        self._mode: Mode | None = None
        self._reason = self._code = ''
        self._stops: list[bytes] = []
        self._tick = context.internals.tick
        inputs = context.inputs.channels
        channels: list[tuple[Part, ...]] = [
            _whole(channel.subscription.topic_name, channel.message_type) for channel in inputs
        ]
        self._estop = len(channels)
        channels.append(_whole(context.estop.subscription.topic_name, context.estop.message_type))
        command = len(channels)
        channels.append(_whole(context.output.topic, context.output.message_type))
        self._frames: dict[tuple[bool, bool], int] = {}
        model = context.registry.active
        for kind, frame in model.frames.items():
            self._frames[kind] = len(channels)
            channels.append(frame)
        self._status = len(channels)
        self._change = self._status + 1
        channels += [(), ()]
        facts = Facts(
            node=context.node.get_fully_qualified_name(),
            channels=tuple(channels),
            status=self._status,
            change=self._change,
            frames=tuple(self._frames.values()),
            model=model.facts,
        )
        self._definition = b''
        self._has_defined = False
        self._stamp_ns = 0
        self._countdown, self._repeat = 0, round(1e9 / context.runner.control_period_ns)
        rate = _bytes_per_second(context, channels[self._frames[True, True]])
        size = round(seconds * (rate + OVERHEAD + len(model.change)))
        if size > _LARGEST:
            raise ConfigError(
                f'blackbox_seconds is {seconds:g}, that takes {size >> 20} MB of memory, expected '
                f'at most {_LARGEST >> 20} MB'
            )
        self.ring = RingBufferWriter(size, facts.to_json())
        for place, channel in enumerate(inputs):
            channel.on_message = self._taker(place, channel)
        context.estop.on_message = self._stops.append
        context.output.on_message = self._sender(command)

    def begin(self) -> None:
        """Begin with a new control loop, before its thread is started."""
        self._countdown = 0  # its recording begins here
        self._mode = None
        self._reason = self._code = ''
        self.ring.set_active(True)

    def end(self) -> None:
        """Note that the control loop has ended, behind its thread."""
        self.ring.set_active(False)

    def on_tick(self, step: Step, stamp_ns: int, latency_ns: int, missed: int) -> None:
        """Keep what a tick did.

        Args:
            step: What the runner gave.
            stamp_ns: Time of the tick.
            latency_ns: From its start to its command handed over.
            missed: Deadlines without a tick since the start.
        """
        self._stamp_ns = stamp_ns
        if self._definition:
            self._define(stamp_ns)
        pieces: list[Any] = [self._tick, _TIMING.pack(latency_ns, missed)]
        if step.sends:
            pieces.append(step.command)
        if step.has_policy_step:
            pieces += (step.target, step.observation, step.action)
        channel = self._frames[step.has_policy_step, step.sends]
        self.ring.append(channel, stamp_ns, b''.join(pieces))
        if self._stops:
            self._keep_stops(stamp_ns)
        if step.mode is not self._mode or step.reason is not self._reason:
            self._reason = step.reason
            self._keep_status(step.mode, step.reason, stamp_ns)

    def on_swap(self, model: LoadedModel, swap: Mapping[str, str]) -> None:
        """Keep that from the next tick on another policy acts; between ticks only.

        Args:
            model: Who.
            swap: How that came, as values of ~/model.
        """
        if self._has_defined:  # what comes before can be read whatever is overwritten next
            self.ring.append(self._change, self._stamp_ns, self._definition)
        self._definition = change_data(self.ring.count, swap, model.change)
        self._has_defined = False
        self._countdown = 0

    def _define(self, stamp_ns: int) -> None:
        """Say now and then which policy acts, if it is not that of the facts."""
        if self._countdown <= 0:
            self._countdown = self._repeat
            self._has_defined = True
            self.ring.append(self._change, stamp_ns, self._definition)
        self._countdown -= 1

    def on_crash(self, reason: str, stamp_ns: int) -> None:
        """Keep why the control loop ended, and have it dumped.

        Args:
            reason: ``code: text``.
            stamp_ns: Time of the newest tick, or of the crash where there was none.
        """
        self._mode = None  # a new fault, whatever went before
        self._keep_status(Mode.FAULT, reason, stamp_ns)

    def close(self) -> None:
        """Let go of the memory, when no control loop runs any more."""
        self.ring.close()

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
        for message in self._stops:
            self.ring.append(self._estop, stamp_ns, message)
        self._stops.clear()

    def _taker(self, number: int, channel: RawSubscription) -> Callable[..., None]:
        """Return what keeps the messages that a channel takes over.

        A message without a header is kept under the time that identifies it, when it was sent.
        """
        append = self.ring.append
        if has_header(channel.message_type):
            return lambda taken, stamp_ns: append(number, stamp_ns, taken[0])
        return lambda taken, stamp_ns: append(number, taken[1]['source_timestamp'], taken[0])

    def _sender(self, number: int) -> Callable[[bytes, int], None]:
        append = self.ring.append
        return lambda message, stamp_ns: append(number, stamp_ns, message)


def _whole(topic: str, message_type: type) -> tuple[Part, ...]:
    return (Part(topic, type_name(message_type)),)


def _bytes_per_second(context: LoopContext, frame: tuple[Part, ...]) -> float:
    """Return about how much one second of ticks takes; larger messages shorten what is held."""
    joints = max(
        len(context.runner.compiled.layout.joints), len(context.runner.compiled.joints.names)
    )
    widths = {entry.topic: entry.width for entry in context.runner.compiled.layout.externals}
    size = OVERHEAD + sum(part.size for part in frame)
    size += OVERHEAD + _ORDINARY + _JOINT_BYTES * joints  # the command
    for channel in context.inputs.channels:
        size += OVERHEAD + _TYPICAL.get(channel.message_type.__name__, _ORDINARY)
        size += 4 * widths.get(channel.topic, 0)
    size += _JOINT_BYTES * joints
    triggers = context.config.decimation if context.config.trigger == 'joint_states' else 1
    return size * triggers * 1e9 / context.runner.control_period_ns
