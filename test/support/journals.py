# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Journals as student_node writes them, filled by hand."""

from __future__ import annotations

import struct

from distill_runtime.data.journal import JournalReader, JournalWriter
from distill_runtime.data.journal_messages import Facts, Part, status_text
import numpy as np

from .bags import joint_state, MS, STORE, twist

JOINTS = ('a', 'b')
STAMP = 1_700_000_000_000_000_000
TICK, TWIST, STATES, STATUS, CHANGE = range(5)
ARRAY = 'std_msgs/msg/Float64MultiArray'


def facts(node='/robot/student_node'):
    """Return what a journal of three topics says of itself; each tick tells one number."""
    types = STORE.types
    array = types[ARRAY](
        layout=types['std_msgs/msg/MultiArrayLayout'](dim=[], data_offset=0), data=np.zeros(1)
    )
    head = bytes(STORE.serialize_cdr(array, ARRAY))[:-8]
    return Facts(
        node=node,
        channels=(
            (Part(f'{node}/tick', ARRAY, head, 8), Part(f'{node}/half', ARRAY, head, 8)),
            (Part('/cmd_vel', 'geometry_msgs/msg/Twist'),),
            (Part('/joint_states', 'sensor_msgs/msg/JointState'),),
            (),
            (),
        ),
        status=STATUS,
        change=CHANGE,
        frames=(TICK,),
        model={'model': 'walk.onnx', 'policy': 'walk', 'model_sha256': 'ab' * 32, 'spec': '{}'},
    )


class Filled:
    """A journal with both of its ends."""

    def __init__(self, ring=1 << 20, node='/robot/student_node', pause=lambda seconds: None):
        self.facts = facts(node)
        self.writer = JournalWriter(ring, self.facts.to_json())
        self.reader = JournalReader(self.writer.descriptor, pause)
        self.num_ticks = 0

    def tick(self, count=1):
        """Write ticks 20 ms apart, each with the samples that it took."""
        for _ in range(count):
            number = self.num_ticks
            stamp = STAMP + number * 20 * MS
            said = joint_state(stamp - MS, JOINTS, [number, -number])
            self.writer.append(STATES, stamp, bytes(STORE.serialize_cdr(said.message, said.type)))
            if number % 5 == 0:
                said = twist(0, (number, 0, 0))
                content = bytes(STORE.serialize_cdr(said.message, said.type))
                self.writer.append(TWIST, stamp - 30 * MS, content)
            self.writer.append(TICK, stamp, struct.pack('<2d', number, number / 2))
            self.num_ticks += 1

    def status(self, mode, reason=''):
        """Write a change of mode."""
        stamp = STAMP + self.num_ticks * 20 * MS
        self.writer.append(STATUS, stamp, status_text(mode, reason))
        if mode == 'fault':
            self.writer.raise_alarm()
