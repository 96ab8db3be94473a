# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""The three candidates that tick.py measures: bare inference, our tick, a textbook node."""

from __future__ import annotations

from itertools import pairwise
import time
from typing import NamedTuple, Protocol

from distill_runtime.policy.session import PolicySession
from distill_runtime.ros.loop.timing import ros_now
from distill_runtime.ros.student_node import StudentNode
from feed import SensorFeed
import numpy as np
from rclpy.executors import SingleThreadedExecutor
from student import loop_context
from textbook_node import TextbookNode

STAGES = ('clock', 'inputs', 'step', 'output')
"""Stages of our tick."""
_DELIVERY_NS = 100_000
_TIMEOUT = 1.0


def _let_arrive() -> None:
    """Spin until the messages are delivered: a core that slept would run slowly at first."""
    end_ns = time.perf_counter_ns() + _DELIVERY_NS
    while time.perf_counter_ns() < end_ns:
        pass


class Result(NamedTuple):
    """Arrays computed by one tick."""

    observation: np.ndarray
    action: np.ndarray
    command: np.ndarray


class Candidate(Protocol):
    """Something that can be timed once per sample."""

    def prepare(self) -> None:
        """Publish the input of one run; not timed."""

    def run(self) -> int:
        """Do the work once; return its duration in [ns]."""


class BareInference:
    """A: the network alone, with bound buffers."""

    def __init__(self, session: PolicySession, feed: SensorFeed) -> None:
        """Share the session of our tick."""
        self._session = session
        self._feed = feed

    def prepare(self) -> None:
        """Publish a sample, as for the others; the network reads the last observation."""
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
        laps: Duration of each of STAGES in the last run, in [ns].
        result: Arrays of the last run.
    """

    def __init__(self, node: StudentNode, feed: SensorFeed) -> None:
        """Take the node's loop objects."""
        self._feed = feed
        self._loop = loop_context(node)
        self._now = ros_now(node.get_clock())
        self._stamp_ns = 0
        self.laps: tuple[int, ...] = ()
        self.result: Result | None = None

    def prepare(self) -> None:
        """Publish one sample and wait for delivery."""
        self._stamp_ns = self._feed.publish()
        _let_arrive()

    def run(self) -> int:
        """Run one tick, from bytes waiting in DDS to command bytes handed to DDS."""
        loop, clock = self._loop, time.perf_counter_ns
        inputs, runner, sensors, output = loop.inputs, loop.runner, loop.sensors, loop.output
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
            raise RuntimeError(f'the tick ran no policy step: {step.reason or step.mode}')
        times = (start_ns, stamped_ns, refreshed_ns, stepped_ns, end_ns)
        self.laps = tuple(b - a for a, b in pairwise(times))
        self.result = Result(step.observation, step.action, step.command)
        return end_ns - start_ns


class TextbookTick:
    """C: the textbook node in its executor.

    Timed are the calls of spin_once that handle the three waiting messages, and the one in which
    the timer's callback computes and publishes. The wait for the timer is not timed.
    """

    def __init__(self, node: TextbookNode, feed: SensorFeed) -> None:
        """Add the node to a dedicated executor."""
        self._node = node
        self._feed = feed
        self._executor = SingleThreadedExecutor(context=node.context)
        self._executor.add_node(node)
        self.result: Result | None = None

    def prepare(self) -> None:
        """Publish one sample and wait for delivery; the timer starts once it has been read."""
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
        """Shut the executor down."""
        self._executor.shutdown()
