# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""The topic estop: an emergency stop that the control thread reads itself."""

from __future__ import annotations

from collections.abc import Callable

from rclpy.node import Node
from rclpy.qos import QoSProfile
from std_msgs.msg import Bool

from .raw_subscription import subscribe_raw

_VALUE_AT = 4  # after the encapsulation header
_QOS = QoSProfile(depth=10)  # reliable: one message may be all that comes


class Estop:
    """Subscription to std_msgs/Bool.

    Attributes:
        is_set: Whether the newest message is true; it holds until one is false, also while the
            node is not active.
        on_message: Gets every message.
    """

    message_type = Bool

    def __init__(self, node: Node) -> None:
        """Subscribe."""
        self._node = node
        self.is_set = False
        self.on_message: Callable[[bytes], None] | None = None
        self.subscription = subscribe_raw(node, Bool, 'estop', _QOS)
        self._take = self.subscription.handle.take_message

    def refresh(self) -> bool:
        """Read what waits; return whether a stop is requested, or was since the last call.

        A truncated message counts as true: nobody sends one by accident.
        """
        taken = self._take(Bool, True)
        if taken is None:
            return self.is_set
        was_set = False
        while taken is not None:
            data = taken[0]
            self.is_set = len(data) <= _VALUE_AT or data[_VALUE_AT] != 0
            was_set = was_set or self.is_set
            if self.on_message is not None:
                self.on_message(data)
            taken = self._take(Bool, True)
        return was_set

    def destroy(self) -> None:
        """Unsubscribe."""
        self._node.destroy_subscription(self.subscription)
