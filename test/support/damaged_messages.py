# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Damaged messages on every topic of a robot that walks, by the thousand: the tick bears them.

No exception leaves the tick, the network reads only numbers that a sensor can give, and every
command is within the limits of its joint and of the step from the one before.
"""

from __future__ import annotations

from collections import Counter
import math
import random
import struct

from distill_runtime.core.checks.registry import checks_without
from distill_runtime.core.config import RunnerConfig
from distill_runtime.core.modes import Mode
from distill_runtime.core.runner import PolicyRunner
from distill_runtime.core.sensors import Sensors
from distill_runtime.ros.loop.tick_topics import observation_labels
from distill_runtime.spec.compile import compile_spec
from geometry_msgs.msg import PoseStamped, TwistStamped
from nav_msgs.msg import Odometry
import numpy as np
from rclpy.serialization import serialize_message
from std_msgs.msg import Bool, Float32MultiArray

from .rig import FakePolicy, TICK_NS
from .ros_messages import imu_message, joint_message, twist_message
from .specs import make_spec
from .wire import Driver, Wire, wired_loop

T0 = 10_000_000_000_000
STAMP_AT = 4
"""Of a header: behind the encapsulation."""
LARGEST = 1e15
"""Nothing beyond it is a number of a sensor, see docs/faults.md."""
FAULT_TICKS = 3
"""In fault, before all begins anew."""
STOP_EVERY = 100
"""One tick of so many has a damaged message on estop, which is a fault more often than not."""
COMMAND = {'lower': [-1.0, -0.5, -1.0], 'upper': [1.0, 0.5, 1.0]}
TERMS = (
    {'term': 'base_linear_velocity'},
    {'term': 'base_angular_velocity'},
    {'term': 'projected_gravity'},
    {'term': 'velocity_command'},
    {'term': 'joint_position', 'relative': True},
    {'term': 'joint_velocity'},
    {'term': 'external', 'topic': 'scan', 'width': 4},
    {'term': 'external', 'topic': 'goal', 'width': 7, 'message': 'PoseStamped'},
)
DOUBLES = (math.nan, math.inf, -math.inf, 0.0, -0.0, 5e-324, 1.0, 1e14, 1e16, -1e200, 1.8e308)
LENGTHS = (0, 1, 3, 255, 65535, 2**31 - 1, 2**31, 2**32 - 1)


def damaged(message, others, rng):
    """Return a message with something wrong in it, seldom with nothing.

    Args:
        message: Serialized.
        others: Further messages, of any type.
        rng: Chooses.
    """
    data = bytearray(message)
    for _ in range(rng.choice((1, 1, 1, 2, 4))):
        at = rng.randrange(len(data) + 1)
        kind = rng.randrange(9)
        if kind == 0 and at < len(data):
            data[at] ^= 1 << rng.randrange(8)
        elif kind == 1:
            del data[at:]
        elif kind == 2:
            del data[at : at + rng.randrange(1, 16)]
        elif kind == 3:
            data[at:at] = rng.randbytes(rng.randrange(1, 16))
        elif kind == 4:  # a number, where numbers are
            start = STAMP_AT + (at & ~7)
            data[start : start + 8] = struct.pack('<d', rng.choice(DOUBLES))
        elif kind == 5:  # a length, or half a stamp
            start = at & ~3
            data[start : start + 4] = struct.pack('<I', rng.choice(LENGTHS))
        elif kind == 6:
            data[at:] = rng.choice(others)[at:]
        elif kind == 7:
            data[: STAMP_AT + 8] = rng.randbytes(STAMP_AT + 8)
        else:
            data[at : at + 8] = rng.randbytes(8)
    return bytes(data)


class Bombardment:
    """A control loop whose robot speaks the truth, but for the messages that are damaged.

    Attributes:
        messages: Damaged ones so far.
        counts: Ticks by code of the reason; '' for those with none.
        policy_steps: So many times the network ran.
    """

    def __init__(self, seed, has_stamped_command=False):
        limits = {'position': [[-1.0, 1.0]] * 3, 'velocity': [5.0] * 3, 'effort': [4.0] * 3}
        gains = {'stiffness': [20.0] * 3, 'damping': [0.5] * 3}
        spec = make_spec(*TERMS, command=COMMAND, limits=limits, **gains)
        compiled = compile_spec(spec)
        self._rng = random.Random(seed)
        width = spec.input_dim(spec.inputs[0])
        weights = np.random.default_rng(0).normal(0.0, 0.3, (3, width)).astype(np.float32)
        network = FakePolicy(compiled, lambda run: weights @ network.observation)
        # what a tick takes is no matter of messages
        config = RunnerConfig(start_in='policy', checks=checks_without('inference_time'))
        self._wire = Wire()
        self._runner = PolicyRunner(compiled, network, config)
        self._driver = Driver(self._runner, config.max_joint_step)
        self._loop = wired_loop(
            self._wire,
            spec,
            self._runner,
            Sensors(compiled.layout),
            self._driver,
            has_stamped_command,
        )
        self._inputs = self._loop._context.inputs
        self._bounds = _bounds(observation_labels(spec))
        self._sound = _sound_messages(has_stamped_command)
        self._topics = [topic for topic in self._sound if topic != 'estop']
        self._unstamped = {'scan', 'estop', *(() if has_stamped_command else ('cmd_vel',))}
        self._now_ns = T0
        self._ticks_in_fault = 0
        self.messages = 0
        self.policy_steps = 0
        self.counts = Counter()

    def advance(self):
        """Give one tick with a few damaged messages; raise where it does what it must not.

        The first tick after a beginning has none: the policy is to run.
        """
        rng = self._rng
        if self._ticks_in_fault > FAULT_TICKS:
            self._begin_anew()
        has_begun = self._runner.mode is Mode.FAULT or self._loop.step is not None
        chosen = rng.sample(self._topics, rng.randrange(1, 4)) if has_begun else []
        if has_begun and rng.randrange(STOP_EVERY) == 0:
            chosen.append('estop')
        self._now_ns += TICK_NS
        self._wire.now_ns = self._now_ns
        for topic in self._sound:
            data = self._stamped(topic)
            if topic in chosen:
                data = damaged(data, list(self._sound.values()), rng)
                self.messages += 1
            self._wire.put(topic, data)
        self._inputs.refresh(self._now_ns)
        self._loop.tick(self._now_ns, 0, 0)
        self._look(self._loop.step)

    def _look(self, step):
        self.counts[step.reason.partition(':')[0]] += 1
        assert self._driver.excess <= 1e-9, f'a command is {self._driver.excess} beyond a limit'
        if step.has_policy_step:
            self.policy_steps += 1
            assert (np.abs(step.observation) <= self._bounds).all(), step.observation
        self._ticks_in_fault = self._ticks_in_fault + 1 if step.mode is Mode.FAULT else 0

    def _begin_anew(self):
        self._runner.reset()
        self._inputs.restart()
        self._driver.forget()
        self._loop.step = None

    def _stamped(self, topic):
        """Return the sound message of a topic with the time of now, where it has one."""
        data = self._sound[topic]
        if topic in self._unstamped:
            return data
        seconds, rest = divmod(self._now_ns, 10**9)
        return data[:STAMP_AT] + struct.pack('<iI', seconds, rest) + data[STAMP_AT + 8 :]


def _sound_messages(has_stamped_command):
    """Return a message for each topic."""
    command = twist_message(0.5)
    messages = {
        'joint_states': joint_message(0),
        'imu': imu_message(0),
        'odom': Odometry(),
        'cmd_vel': TwistStamped(twist=command) if has_stamped_command else command,
        'scan': Float32MultiArray(data=[0.1, 0.2, 0.3, 0.4]),
        'goal': PoseStamped(),
        'estop': Bool(),
    }
    return {topic: bytes(serialize_message(message)) for topic, message in messages.items()}


def _bounds(labels):
    """Return the greatest amount that each element of the observation may have."""
    bounds = []
    for kind, size in labels:
        if kind == 'projected_gravity':
            bounds += [1.0 + 1e-3] * size
        elif kind == 'velocity_command':
            bounds += COMMAND['upper']
        else:
            bounds += [LARGEST] * size
    return np.array(bounds, np.float32)
