# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""The three things that tick.py measures: bare inference, our tick, a textbook node."""

from __future__ import annotations

from itertools import pairwise
import time
from typing import NamedTuple, Protocol

from distill_runtime.policy.session import PolicySession
from distill_runtime.ros.loop.clock import ros_now
from distill_runtime.ros.student_node import StudentNode
from feed import SensorFeed
import numpy as np
from rclpy.executors import SingleThreadedExecutor
from student import parts_of
from textbook_node import TextbookNode

PARTS = ('clock', 'inputs', 'step', 'output')
"""What our tick consists of."""
_DELIVERY_NS = 100_000
_TIMEOUT = 1.0


def _let_arrive() -> None:
    """Wait awake: a core that slept runs slowly at first, and none of the three is to pay."""
    end_ns = time.perf_counter_ns() + _DELIVERY_NS
    while time.perf_counter_ns() < end_ns:
        pass


class Result(NamedTuple):
    """What a tick computed."""

    observation: np.ndarray
    action: np.ndarray
    command: np.ndarray


class Contestant(Protocol):
    """Something that can be timed once per sample."""

    def prepare(self) -> None:
        """Make everything wait that run takes; not timed."""

    def run(self) -> int:
        """Do the work once; return how long it took, in [ns]."""


class BareInference:
    """A: the network alone, its buffers bound."""

    def __init__(self, session: PolicySession, feed: SensorFeed) -> None:
        """Take the session that our tick uses too."""
        self._session = session
        self._feed = feed

    def prepare(self) -> None:
        """Do what the others' samples need; the last observation is in the buffer."""
        self._feed.publish()
        _let_arrive()

    def run(self) -> int:
        """Run the network."""
        start_ns = time.perf_counter_ns()
        self._session.run()
        return time.perf_counter_ns() - start_ns


class OurTick:
    """B: the objects of a configured StudentNode, called as its control loop calls them.

    Attributes:
        laps: How long each of PARTS took in the last run, in [ns].
        result: What the last run computed.
    """

    def __init__(self, node: StudentNode, feed: SensorFeed) -> None:
        """Take the node's objects."""
        self._feed = feed
        self._parts = parts_of(node)
        self._now = ros_now(node.get_clock())
        self._stamp_ns = 0
        self.laps: tuple[int, ...] = ()
        self.result: Result | None = None

    def prepare(self) -> None:
        """Publish one sample, and let it arrive."""
        self._stamp_ns = self._feed.publish()
        _let_arrive()

    def run(self) -> int:
        """Tick, from bytes waiting in DDS to command bytes handed to DDS."""
        parts, clock = self._parts, time.perf_counter_ns
        inputs, runner, sensors, output = parts.inputs, parts.runner, parts.sensors, parts.output
        start_ns = clock()
        stamp_ns = self._now()
        stamped_ns = clock()
        inputs.refresh(stamp_ns)
        refreshed_ns = clock()
        step = runner.step(sensors, stamp_ns)
        stepped_ns = clock()
        output.send(step, stamp_ns)
        end_ns = clock()
        if (sensors.joint_stamp_ns, sensors.imu_stamp_ns) != (self._stamp_ns, self._stamp_ns):
            raise RuntimeError('the sample of this tick had not arrived')
        if not step.has_policy_step or step.reason:
            raise RuntimeError(f'the tick was not an ordinary one: {step.reason or step.mode}')
        times = (start_ns, stamped_ns, refreshed_ns, stepped_ns, end_ns)
        self.laps = tuple(b - a for a, b in pairwise(times))
        self.result = Result(step.observation, step.action, step.command)
        return end_ns - start_ns


class TextbookTick:
    """C: the textbook node in its executor.

    Timed are the calls of spin_once that handle the three waiting messages, and the one in which
    the timer's callback computes and publishes. Waiting until the timer is due is left out.
    """

    def __init__(self, node: TextbookNode, feed: SensorFeed) -> None:
        """Put the node alone into an executor."""
        self._node = node
        self._feed = feed
        self._executor = SingleThreadedExecutor(context=node.context)
        self._executor.add_node(node)
        self.result: Result | None = None

    def prepare(self) -> None:
        """Publish one sample, and let it arrive; the timer starts when it has been read."""
        node = self._node
        node.timer.cancel()
        node.joint_state = node.imu = node.twist = node.observation = None
        self._feed.publish()
        _let_arrive()

    def run(self) -> int:
        """Receive the sample, compute and publish."""
        node, executor, clock = self._node, self._executor, time.perf_counter_ns
        start_ns = clock()
        while node.joint_state is None or node.imu is None or node.twist is None:
            executor.spin_once(timeout_sec=_TIMEOUT)
        received_ns = clock()
        node.timer.reset()
        while not node.timer.is_ready():
            pass
        due_ns = clock()
        while node.observation is None:
            executor.spin_once(timeout_sec=_TIMEOUT)
        end_ns = clock()
        self.result = Result(node.observation, node.action, node.command)
        return end_ns - due_ns + received_ns - start_ns

    def close(self) -> None:
        """Let go of the node."""
        self._executor.shutdown()
