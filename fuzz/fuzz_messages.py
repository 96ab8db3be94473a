# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Fuzz the decoders of all message types of a tick, a million inputs."""

from __future__ import annotations

import atheris

with atheris.instrument_imports(include=['distill_runtime.ros']):
    from distill_runtime.wire import cdr
    from distill_runtime.wire.joint_state import JointStateDecoder
    from distill_runtime.wire.prepared_message import PreparedMessage
import numpy as np
from target import A_MILLION, fuzz

JOINTS = JointStateDecoder(('a', 'b'), np.zeros(4), needs_velocity=False)
READERS = (
    JOINTS.decode,
    cdr.IMU.read,
    cdr.ODOMETRY_TWIST.read,
    cdr.TWIST.read,
    cdr.TWIST_STAMPED.read,
    cdr.POSE_STAMPED.read,
    cdr.read_floats,
    cdr.read_stamp_ns,
)


def read(data: bytes) -> None:
    """Decode with the reader that the first byte selects."""
    READERS[sum(data[:1]) % len(READERS)](data[1:])


def seeds() -> list[bytes]:
    """Return a valid message of each kind for each reader."""
    joints = PreparedMessage().header().strings(('b', 'x', 'a')).array('<f8', 3).array('<f8', 3)
    vector = PreparedMessage().header().array('<f8', 37)
    floats = PreparedMessage().segments(('terms', 4)).array('<f4', 4)
    messages = (joints, vector, floats)
    return [
        bytes([reader]) + message.message()
        for reader in range(len(READERS))
        for message in messages
    ]


if __name__ == '__main__':
    fuzz(read, (cdr.DecodeError,), seeds(), A_MILLION)
