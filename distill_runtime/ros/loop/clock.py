# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""The clock of a node, read without rclpy where no simulated time is followed."""

from __future__ import annotations

from collections.abc import Callable
import time

from rclpy.clock import Clock


def ros_now(clock: Clock) -> Callable[[], int]:
    """Return what reads a ROS clock, in [ns].

    Without simulated time that clock is the system's: to ask it directly costs a tenth.
    """
    return (lambda: int(clock.now().nanoseconds)) if clock.ros_time_is_active else time.time_ns
