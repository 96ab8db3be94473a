# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Ring buffers as student_node writes them."""

from __future__ import annotations

import struct

from distill_runtime.data.flight_recorder.records import (
    change_body,
    change_data,
    Facts,
    status_text,
    TopicFrame,
)
from distill_runtime.data.flight_recorder.ring_buffer import RingBuffer
import numpy as np

from .bags import joint_state, MS, STORE, twist

JOINTS = ('a', 'b')
STAMP = 1_700_000_000_000_000_000
TICK, TWIST, STATES, STATUS, CHANGE = range(5)
ARRAY = 'std_msgs/msg/Float64MultiArray'


def facts(node='/robot/student_node'):
    """Return the facts of a ring buffer of three topics; each tick has one number."""
    types = STORE.types
    array = types[ARRAY](
        layout=types['std_msgs/msg/MultiArrayLayout'](dim=[], data_offset=0), data=np.zeros(1)
    )
    prefix = bytes(STORE.serialize_cdr(array, ARRAY))[:-8]
    return Facts(
        node=node,
        channels=(
            (
                TopicFrame(f'{node}/tick', ARRAY, prefix, 8),
                TopicFrame(f'{node}/half', ARRAY, prefix, 8),
            ),
            (TopicFrame('/cmd_vel', 'geometry_msgs/msg/Twist'),),
            (TopicFrame('/joint_states', 'sensor_msgs/msg/JointState'),),
            (),
            (),
        ),
        status=STATUS,
        change=CHANGE,
        frames=(TICK,),
        model={'model': 'walk.onnx', 'policy': 'walk', 'model_sha256': 'ab' * 32, 'spec': '{}'},
    )


def _serialized(message):
    return bytes(STORE.serialize_cdr(message.message, message.type))


class FilledRingBuffer:
    """A ring buffer with its writer and a reader."""

    def __init__(self, ring=1 << 20, node='/robot/student_node', pause=lambda seconds: None):
        self.facts = facts(node)
        self.writer = RingBuffer.create(ring, self.facts.to_bytes())
        self.reader = RingBuffer(self.writer.descriptor, pause)
        self.num_ticks = 0
        self.change = b''

    def tick(self, count=1):
        """Write ticks 20 ms apart, each with the samples that it used."""
        for _ in range(count):
            number = self.num_ticks
            stamp = STAMP + number * 20 * MS
            message = joint_state(stamp - MS, JOINTS, [number, -number])
            self.writer.append(
                STATES, stamp, bytes(STORE.serialize_cdr(message.message, message.type))
            )
            if number % 5 == 0:
                message = twist(0, (number, 0, 0))
                self.writer.append(TWIST, stamp - 30 * MS, _serialized(message))
            numbers = (number, number / 2, number / 4)[: 3 if self.change else 2]
            self.writer.append(TICK, stamp, struct.pack(f'<{len(numbers)}d', *numbers))
            self.num_ticks += 1

    def change_to(self, model):
        """Write a change to a policy whose ticks have one more number."""
        both = self.facts.channels[TICK]
        frame = (*both, both[0]._replace(topic=f'{self.facts.node}/quarter'))
        body = change_body([frame], {**self.facts.model, 'model': model})
        self.change = change_data(self.writer.count, {'why': 'test'}, body)
        self.repeat_change()

    def repeat_change(self):
        """Repeat the last change."""
        self.writer.append(CHANGE, STAMP + self.num_ticks * 20 * MS, self.change)

    def status(self, mode, reason=''):
        """Write a change of mode."""
        stamp = STAMP + self.num_ticks * 20 * MS
        self.writer.append(STATUS, stamp, status_text(mode, reason))
        if mode == 'fault':
            self.writer.raise_alarm()
