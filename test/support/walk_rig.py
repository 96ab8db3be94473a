# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""A rig with moving sensors, policies that read all of them, and swaps of these."""

from __future__ import annotations

from functools import cache

from distill_runtime.core.checks.registry import ANY_MOTION
from distill_runtime.core.instance.policy_instance import PolicyInstance
from distill_runtime.core.runner import PolicyRunner
from distill_runtime.core.swap.swap import Candidate, Swap, SwapOptions, SwapState
from distill_runtime.spec.compile import compile_spec, sensor_layout
import numpy as np

from .rig import COMMAND_TERM, FakePolicy, IMU_TERM, Rig
from .specs import DEFAULT, make_spec

ROBOT_JOINTS = ('other', 'ankle', 'hip', 'knee')
SENSOR_TERMS = (
    {'term': 'base_angular_velocity', 'scale': 0.25},
    IMU_TERM,
    COMMAND_TERM,
    {'term': 'joint_position', 'relative': True},
    {'term': 'joint_velocity', 'scale': 0.05},
)
LAST_ACTION = {'term': 'last_action'}
OPTIONS = {
    'start_in': 'policy',
    'start_tilt_limit': 0.0,
    'start_pose_limit': 0.0,
    'max_joint_step': 0.0,
    'checks': ANY_MOTION,
}
LIMITED = make_spec(*SENSOR_TERMS, limits={'position': [[-2.0, 2.0]] * 3})
AT_ONCE = {'blend_time': 0.0}
STANDING = 7
"""The first of so many policy steps is commanded to stand."""


class Network(FakePolicy):
    """A layer with random weights; a recurrent one carries its state from run to run."""

    def __init__(self, compiled, is_recurrent=False, seed=0):
        super().__init__(compiled, 0.0)
        rng = np.random.default_rng(seed)
        shape = (len(self.action), len(self.observation))
        self.weights = rng.normal(0.0, 1.0 / np.sqrt(shape[1]), shape).astype(np.float32)
        self.memory = np.float32(0.75 if is_recurrent else 0.0)
        self.state = np.zeros(len(self.action), np.float32)

    def run(self):
        """Compute the action and the state."""
        self.num_runs += 1
        self.state[:] = np.tanh(self.weights @ self.observation + self.memory * self.state)
        self.action[:] = self.state

    def reset(self):
        """Reset the state."""
        super().reset()
        self.state.fill(0.0)


@cache
def measured(number):
    """Return pose, command, orientation, angular velocity and joint velocities of a tick."""
    rng = np.random.default_rng(number)
    quat = rng.normal(0.0, 0.1, 4) + np.array([1.0, 0.0, 0.0, 0.0])
    return (
        np.array(DEFAULT) + rng.normal(0.0, 0.1, 3),
        rng.uniform(0.2, 1.0, 3),
        quat / np.linalg.norm(quat),
        rng.normal(0.0, 0.5, 3),
        rng.normal(0.0, 1.0, len(ROBOT_JOINTS)),
    )


def giving(output):
    """Return a factory of policies that output a constant, or a function of the run."""
    return lambda compiled: FakePolicy(compiled, output)


class Walk(Rig):
    """A rig whose samples depend on the number of the tick alone."""

    def __init__(self, spec=None, make=Network, **config):
        spec = spec or make_spec(*SENSOR_TERMS, LAST_ACTION)
        super().__init__(spec, 0.0, ROBOT_JOINTS, **{**OPTIONS, **config})
        self.make = make
        self.policy = make(self.compiled)
        self.runner = PolicyRunner(self.compiled, self.policy, self.runner.config)
        self.switcher = self.runner.switcher
        self.number = 0

    def tick(self, dt_ns=None, but=()):
        """Move the sensors, and step."""
        self.move(self.number)
        self.number += 1
        return super().tick(self.runner.control_period_ns if dt_ns is None else dt_ns, but)

    def ticks(self, count):
        """Return the commands of some ticks, shape (count, num_joints)."""
        commands = np.zeros((count, len(self.spec.joints)))
        for row in commands:
            row[:] = self.tick().command
        return commands

    def move(self, number):
        """Write what the sensors measure at a tick."""
        pose, command, quat, self.sensors.angular_velocity[:], velocity = measured(number)
        self.place(pose)
        self.sensors.quat_base_to_world[:] = quat
        self.sensors.joint_velocity[:] = velocity
        is_standing = number // self.runner.config.ticks_per_step % STANDING == 0
        self.sensors.velocity_command[:] = 0.0 if is_standing else command

    def instance(self, spec=None, make=None):
        """Return another policy for the same robot; without a spec, of the same spec."""
        spec = spec or self.spec
        compiled = compile_spec(
            spec, sensor_layout(spec, ROBOT_JOINTS), self.compiled.joints.names
        )
        return PolicyInstance(compiled, (make or self.make)(compiled), self.runner.config.checks)

    def candidate(self, instance=None, max_divergence=0.0):
        """Return a candidate that has followed the history."""
        candidate = Candidate(instance or self.instance(), self.runner.config, max_divergence)
        candidate.prime(self.switcher.history.copy())
        return candidate

    def swap(self, instance=None, **options):
        """Return a primed swap to another policy."""
        options = SwapOptions(**options)
        candidate = Candidate(
            instance or self.instance(), self.runner.config, options.max_divergence
        )
        swap = Swap(candidate, options, 'requested by a test')
        swap.prime(self.switcher.history.copy())
        return swap

    def offer(self, instance=None, **options):
        """Offer a swap that must be accepted; return it."""
        swap = self.swap(instance, **options)
        assert self.switcher.offer(swap)
        return swap


class Failing(FakePolicy):
    """A network whose output is a constant, and that fails at one run."""

    def __init__(self, compiled, run, output=0.0):
        super().__init__(compiled, output)
        self.fails_at = run

    def run(self):
        """Write the output, or fail as a session does."""
        super().run()
        if self.num_runs == self.fails_at:
            raise RuntimeError('index is out\n of bounds')


def still(**options):
    """Return a walk whose policy targets its default pose."""
    return Walk(make=giving(0.0), **options)


def hips(walk, count):
    """Return how far the hip is commanded from its default pose in some ticks."""
    return (walk.ticks(count)[:, 0] - DEFAULT[0]).tolist()


def take_changes(walk):
    """Remove and return the swaps whose state has changed."""
    changed_swaps = list(walk.switcher.changed_swaps)
    walk.switcher.changed_swaps.clear()
    return changed_swaps


def swapped(make, before=None, options=AT_ONCE, steps=5, **config):
    """Return a walk, and a swap that has taken over after some steps."""
    walk = Walk(LIMITED, before or giving(0.0), **config)
    walk.ticks(steps)
    swap = walk.offer(walk.instance(make=make), **options)
    walk.tick()
    assert take_changes(walk) == [swap]
    assert swap.state is SwapState.ACTING
    return walk, swap


def until_rolled_back(walk, swap, most=60):
    """Tick until a swap is rolled back; return the commands."""
    commands = []
    for _ in range(most):
        commands.append(walk.tick().command.copy())
        if swap.state is SwapState.ROLLED_BACK:
            return np.array(commands)
    raise AssertionError(f'{swap.state} after {most} ticks')
