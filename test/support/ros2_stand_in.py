# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""A `ros2` that understands what the launch files say to `ros2 bag`, for machines without one.

`play` publishes the chosen topics under the given names, with a clock; `record`
writes its topics into a file and waits.
"""

from __future__ import annotations

import argparse
from importlib import import_module
import json
from pathlib import Path
import signal
import sys
import time

from distill_runtime.data.bags.bag import Bag
import rclpy
from rosgraph_msgs.msg import Clock

ENDS = {signal.SIGINT, signal.SIGTERM}
PATIENCE = 20.0
"""Time in [s] for the publishers to be found, however busy the machine is."""


def install(folder):
    """Make an executable and a module of that name; return what the environment needs."""
    command = folder / 'ros2'
    script = f'exec {sys.executable} -m support.ros2_stand_in "$@"'
    command.write_text(f'#!/bin/sh\n{script}\n')
    command.chmod(0o755)
    (folder / 'ros2bag').mkdir()
    (folder / 'ros2bag' / '__init__.py').touch()
    return {'PATH': str(folder), 'PYTHONPATH': f'{folder}:{Path(__file__).parents[1]}'}


def main():
    """Carry out one command."""
    parser = argparse.ArgumentParser()
    verbs = parser.add_subparsers(dest='verb', required=True)
    bag = verbs.add_parser('bag').add_subparsers(dest='verb', required=True)
    record = bag.add_parser('record')
    record.add_argument('--storage', required=True)
    record.add_argument('--output', required=True)
    record.add_argument('topics', nargs='+')
    play = bag.add_parser('play')
    play.add_argument('bag')
    play.add_argument('--rate', type=float, required=True)
    play.add_argument('--clock', type=float, required=True)
    play.add_argument('--delay', type=float, required=True)
    play.add_argument('--disable-keyboard-controls', action='store_true', required=True)
    play.add_argument('--topics', nargs='+', required=True)
    play.add_argument('--remap', nargs='+', required=True)
    args = parser.parse_args()
    if args.verb == 'record':
        signal.pthread_sigmask(signal.SIG_BLOCK, ENDS)
        Path(args.output).write_text(json.dumps({'storage': args.storage, 'topics': args.topics}))
        signal.sigwait(ENDS)
        return
    play_bag(args)


def play_bag(args):
    """Publish the messages of a bag at their times."""
    names = dict(rule.split(':=') for rule in args.remap)
    rclpy.init(args=[])
    node = rclpy.create_node('rosbag2_player')
    clock = node.create_publisher(Clock, names['/clock'], 10)
    with Bag(args.bag) as bag:
        messages, publishers = [], []
        for topic in bag.topics:
            if topic.name in args.topics:
                package, _, name = topic.type.split('/')
                kind = getattr(import_module(f'{package}.msg'), name)
                publisher = node.create_publisher(kind, names[topic.name], 100)
                publishers.append(publisher)
                for chunk in bag.chunks(topic):
                    for index, receive_ns in enumerate(chunk.receive_ns.tolist()):
                        messages.append((receive_ns, publisher, chunk.content(index)))
    messages.sort(key=lambda entry: entry[0])
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end and not all(
        publisher.get_subscription_count() for publisher in (clock, *publishers)
    ):
        time.sleep(0.05)
    begin_ns, begin = messages[0][0], time.monotonic()
    now_ns = 0
    for receive_ns, publisher, content in messages:
        while now_ns < receive_ns:
            now_ns = begin_ns + int((time.monotonic() - begin) * args.rate * 1e9)
            seconds, nanoseconds = divmod(now_ns, 1_000_000_000)
            message = Clock()
            message.clock.sec, message.clock.nanosec = seconds, nanoseconds
            clock.publish(message)
            time.sleep(1.0 / args.clock)
        publisher.publish(content)
    node.destroy_node()
    rclpy.shutdown()


if __name__ == '__main__':
    main()
