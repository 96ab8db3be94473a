# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Faults, and ways to spoil what a walking robot sends: each returns an injection for a drill.

An injection gets the drill and the messages of a tick, and returns those that arrive.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
import math
from typing import NamedTuple

from distill_runtime.core.modes import Event
import numpy as np
from rclpy.serialization import serialize_message
from std_msgs.msg import Bool

from .ros_messages import nanoseconds, stamped

SENSORS = ('joint_states', 'imu')


class Fault(NamedTuple):
    """An injected fault."""

    name: str
    inject: Callable
    """Changes the messages of each tick."""
    code: str = ''
    """Code that is reported first; '' if none is expected."""
    within: float = 0.0
    """Time in [s] within which it is reported."""
    kind: str = 'fault'
    """fault: latched; warning: reported, and the policy goes on; tolerated: the policy goes on;
    undetected: so it does, though it should not.
    """
    lasts: float = 1.0
    """Duration in [s]."""
    heal: Callable | None = None
    """Changes the messages afterwards."""
    respec: Callable | None = None
    """Returns a changed spec of the policy."""


def tolerated(name, inject, lasts=2.0, **more):
    """Return a fault that must not be latched."""
    return Fault(name, inject, kind='tolerated', lasts=lasts, **more)


STALE = 0.14
"""Time in [s]: max_input_age, and the ticks around it."""
INVALID = 0.08
"""Time in [s]: debounce of input_sample, and the ticks around it."""
AT_ONCE = 0.02
"""Time in [s]: at the first tick, or the next one."""


def sudden(name, inject, code, **more):
    """Return a fault that is latched at once."""
    return Fault(name, inject, code, AT_ONCE, **more)


def invalid(name, inject, code, **more):
    """Return a fault that makes every sample invalid."""
    return Fault(name, inject, code, INVALID, **more)


def stale(name, inject, topic='joint_states', **more):
    """Return a fault after which the newest sample of a topic is too old."""
    return Fault(name, inject, f'{topic}.stale', STALE, **more)


def fall(name, inject, **more):
    """Return a fault after which the robot loses its balance."""
    return Fault(name, inject, 'tilt.limit', 1.5, lasts=3.0, **more)


def silence(*topics, seconds=math.inf):
    """Lose all messages of some topics for a time."""

    def inject(drill, messages):
        if drill.since >= seconds - 1e-9:
            return messages
        return [(topic, message) for topic, message in messages if topic not in topics]

    return inject


def loss(share, *topics):
    """Lose messages at random, the same in every run."""

    def inject(drill, messages):
        random = drill.kept.setdefault('random', np.random.default_rng(1))
        return [m for m in messages if m[0] not in topics or random.random() >= share]

    return inject


def every(count, *topics):
    """Let one of count messages through, the last one."""

    def inject(drill, messages):
        is_lucky = drill.tick % count == count - 1
        return [m for m in messages if is_lucky or m[0] not in topics]

    return inject


def late(ticks, *topics):
    """Deliver every message some ticks late."""

    def inject(drill, messages):
        waiting = drill.kept.setdefault('waiting', [])
        waiting.append([m for m in messages if m[0] in topics])
        arrived = waiting.pop(0) if len(waiting) > ticks else []
        return [*arrived, *(m for m in messages if m[0] not in topics)]

    return inject


def doubled(drill, messages):
    """Deliver everything twice."""
    return [*messages, *messages]


def bunched(ticks):
    """Deliver everything in bursts, the newest first."""

    def inject(drill, messages):
        waiting = drill.kept.setdefault('waiting', [])
        waiting += messages
        if drill.tick % ticks != ticks - 1:
            return []
        drill.kept['waiting'] = []
        return waiting[::-1]

    return inject


def overtaken(topic):
    """Let every third message be overtaken by the next, and come instead of a later one."""

    def inject(drill, messages):
        phase = drill.tick % 3
        own = next(m for m in messages if m[0] == topic)
        others = [m for m in messages if m[0] != topic]
        if phase == 0:
            drill.kept['held'] = own
            return others
        return [*others, own if phase == 1 else drill.kept['held']]

    return inject


def repeated(topic, stamps_move):
    """Send the first message of the fault again and again.

    Args:
        topic: Of the message.
        stamps_move: Whether it gets the stamp of now.
    """

    def inject(drill, messages):
        arrived = []
        for name, message in messages:
            if name == topic:
                first = drill.kept.setdefault('first', message)
                now_ns = nanoseconds(message)
                message = stamped(first, now_ns) if stamps_move else first
            arrived.append((name, message))
        return arrived

    return inject


def restamped(topic, change):
    """Change stamps in [ns]; change gets the stamp and the drill."""

    def spoil(message, drill):
        stamped(message, change(nanoseconds(message), drill))

    return spoilt(topic, spoil)


def spoilt(topic, spoil, ticks=math.inf):
    """Change the messages of a topic for some ticks; spoil gets message and drill."""

    def inject(drill, messages):
        if drill.tick < ticks:
            for name, message in messages:
                if name == topic:
                    spoil(message, drill)
        return messages

    return inject


def joints(change, field='position', ticks=math.inf):
    """Change an array of JointState; change gets and returns an array."""

    def spoil(message, drill):
        setattr(message, field, np.asarray(change(np.array(getattr(message, field)))).tolist())

    return spoilt('joint_states', spoil, ticks)


def element(value, index=4):
    """Return a change that puts a value into an array."""

    def change(values):
        values[index] = value
        return values

    return change


def gyro(change):
    """Change the angular velocity; change gets and returns three numbers."""

    def spoil(message, drill):
        speed = message.angular_velocity
        speed.x, speed.y, speed.z = (float(v) for v in change([speed.x, speed.y, speed.z]))

    return spoilt('imu', spoil)


def seen_in_training(kind, least, greatest):
    """Return what adds the range of a term to a spec."""

    def respec(spec):
        (entry,) = spec.inputs
        terms = tuple(
            replace(term, trained_range=(least, greatest)) if term.kind == kind else term
            for term in entry.terms
        )
        return replace(spec, inputs=(replace(entry, terms=terms),))

    return respec


def turn(change, ticks=math.inf):
    """Change the orientation; change gets and returns x, y, z, w."""

    def spoil(message, drill):
        q = message.orientation
        q.x, q.y, q.z, q.w = (float(v) for v in change(q.x, q.y, q.z, q.w))

    return spoilt('imu', spoil, ticks)


def rolled(angle):
    """Say that the base is rolled by an angle in [rad], whatever it is."""
    half = 0.5 * angle
    return turn(lambda x, y, z, w: (math.sin(half), 0.0, 0.0, math.cos(half)))


def cut(topic, size):
    """Truncate messages after some bytes."""

    def inject(drill, messages):
        return [
            (name, serialize_message(message)[:size] if name == topic else message)
            for name, message in messages
        ]

    return inject


def clock(seconds, is_shared):
    """Set the clock of the ticks.

    Args:
        seconds: By how much.
        is_shared: Whether the sensors are stamped by the same clock.
    """
    ahead_ns = round(seconds * 1e9)

    def inject(drill, messages):
        drill.clock_ns = ahead_ns
        for name, message in messages:
            if is_shared and name in SENSORS:
                stamped(message, nanoseconds(message) + ahead_ns)
        return messages

    return inject


def output(change, ticks=math.inf):
    """Change what the network gives; change gets the action and the number of the tick."""

    def inject(drill, messages):
        is_on = drill.tick < ticks
        drill.network.change = (lambda action: change(action, drill.tick)) if is_on else None
        return messages

    return inject


def filled(value):
    """Return a change that fills the action with a value."""
    return lambda action, tick: action.fill(value)


def pushed(speed, every_ticks=1_000_000):
    """Push the base sideways, in [m]/[s]."""

    def inject(drill, messages):
        if drill.tick % every_ticks == 0:
            drill.robot.push(np.array([0.0, speed]))
        return messages

    return inject


def at_once(act):
    """Do something at the first tick; act gets the drill."""

    def inject(drill, messages):
        if drill.tick == 0:
            act(drill)
        return messages

    return inject


def estop_service(drill):
    """Call ~/estop."""
    assert drill.runner.request(Event.ESTOP)[0]


def estop_topic(data):
    """Publish on estop once; data: a bool, or bytes."""
    message = data if isinstance(data, bytes) else Bool(data=data)
    return at_once(lambda drill: drill.wire.put('estop', message))


def estop_freed(drill, messages):
    """Publish false on estop."""
    return [*messages, ('estop', Bool(data=False))]


def missed(count):
    """Say that deadlines passed before the first tick."""

    def inject(drill, messages):
        drill.loop.monitor.missed = count if drill.tick == 0 else 0
        return messages

    return inject


def other_publisher(drill):
    """Say that somebody else publishes commands."""
    drill.loop.monitor.other_publisher = 'teleop'
