# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""The executable sim_node: a simulated robot in its process."""

from __future__ import annotations

import sys
import threading

from distill_runtime.ros.process import explain, note_signals, wait_for_signal
import rclpy
from rclpy.signals import SignalHandlerOptions


def main(args: list[str] | None = None) -> int:
    """Run the node until SIGINT, SIGTERM or the configured time; return the exit status."""
    note_signals()
    try:
        from .sim_robot_node import SimNode
    except ImportError as error:
        if error.name != 'mujoco':
            raise
        sys.stderr.write(
            'sim_node: mujoco is not installed, install it with: '
            'pip install "distill_runtime[sim]"\n'
        )
        return 2
    try:
        rclpy.init(args=args, signal_handler_options=SignalHandlerOptions.NO)
        node = SimNode()
    except Exception as error:  # noqa: BLE001  rclpy raises many types for a wrong argument
        sys.stderr.write(f'sim_node: {explain(error)}\n')
        return 2
    thread = threading.Thread(target=node.run, name='simulation', daemon=True)
    thread.start()
    wait_for_signal(lambda: not thread.is_alive())
    node.stop()
    thread.join()
    node.destroy()
    rclpy.shutdown()
    return 0


if __name__ == '__main__':
    sys.exit(main())
