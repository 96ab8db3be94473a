# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""A process of its own that publishes sensors at a rate, as the driver of a robot would."""

from __future__ import annotations

import argparse
import os
import signal
import threading
import time

from distill_runtime.ros.loop.deadlines import Grid
from feed import SensorFeed
import rclpy
from rclpy.signals import SignalHandlerOptions
from subjects import add_arguments, first_present


def main() -> None:
    """Publish until the time is over or the parent is gone."""
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    add_arguments(parser)
    parser.add_argument('--rate', type=int, required=True)
    parser.add_argument('--seconds', type=float, required=True)
    parser.add_argument('--namespace', required=True)
    args = parser.parse_args()
    parent = os.getppid()
    is_told = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: is_told.set())
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # of a terminal: the parent tells
    rclpy.init(signal_handler_options=SignalHandlerOptions.NO)
    node = rclpy.create_node('feeder', namespace=args.namespace)
    feed = SensorFeed(node, first_present(args).load().spec)
    if not is_told.is_set():  # else nobody reads it
        print('ready', flush=True)
    grid = Grid(time.monotonic_ns(), 1_000_000_000, args.rate)
    end_ns = time.monotonic_ns() + round(args.seconds * 1e9)
    while time.monotonic_ns() < end_ns and os.getppid() == parent and not is_told.is_set():
        time.sleep(max(0, grid.deadline_ns - time.monotonic_ns()) / 1e9)
        feed.publish()
        grid.advance(time.monotonic_ns())
    node.destroy_node()
    rclpy.shutdown()


if __name__ == '__main__':
    main()
