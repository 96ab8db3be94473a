# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""A rig whose sensors move by themselves, policies that read all of them, and changes of these."""

from __future__ import annotations

from functools import cache

from distill_runtime.core.checks.registry import ANY_MOTION
from distill_runtime.core.instance.policy_instance import PolicyInstance
from distill_runtime.core.runner import PolicyRunner
from distill_runtime.core.swap.candidate import Candidate
from distill_runtime.core.swap.swap import Swap, SwapOptions, SwapState
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
"""Of so many policy steps of a walk the first one is told to stand."""


class Network(FakePolicy):
    """A layer with random weights; where it is recurrent, every run changes all that follow."""

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
        """Forget."""
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
    """Return a maker of policies that give a constant, or a function of the number of the run."""
    return lambda compiled: FakePolicy(compiled, output)


class Walk(Rig):
    """A rig whose sensors at a tick are a matter of its number, whatever is commanded."""

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

    def shadow(self, instance=None, max_divergence=0.0):
        """Return a policy that has seen what is remembered."""
        shadow = Candidate(instance or self.instance(), self.runner.config, max_divergence)
        shadow.prime(self.switcher.ring.copy())
        return shadow

    def swap(self, instance=None, **terms):
        """Return a change to another policy, ready to be offered."""
        terms = SwapOptions(**terms)
        shadow = Candidate(instance or self.instance(), self.runner.config, terms.max_divergence)
        swap = Swap(shadow, terms, 'a test wants it')
        swap.prime(self.switcher.ring.copy())
        return swap

    def offer(self, instance=None, **terms):
        """Offer a change that must be taken; return it."""
        swap = self.swap(instance, **terms)
        assert self.switcher.offer(swap)
        return swap


class Failing(FakePolicy):
    """A network that gives a constant, and fails at a run."""

    def __init__(self, compiled, run, output=0.0):
        super().__init__(compiled, output)
        self.fails_at = run

    def run(self):
        """Compute, or fail as a session does."""
        super().run()
        if self.num_runs == self.fails_at:
            raise RuntimeError('index is out\n of bounds')


def still(**options):
    """Return a walk whose policy wants its default pose."""
    return Walk(make=giving(0.0), **options)


def hips(walk, count):
    """Return how far the hip is commanded from its default pose in some ticks."""
    return (walk.ticks(count)[:, 0] - DEFAULT[0]).tolist()


def take_changes(walk):
    """Return the swaps that are news, and take them as read."""
    news = list(walk.switcher.news)
    walk.switcher.news.clear()
    return news


def changed(make, before=None, terms=AT_ONCE, steps=5, **options):
    """Return a walk, and the change by which another policy has taken over after some steps."""
    walk = Walk(LIMITED, before or giving(0.0), **options)
    walk.ticks(steps)
    swap = walk.offer(walk.instance(make=make), **terms)
    walk.tick()
    assert take_changes(walk) == [swap]
    assert swap.state is SwapState.ACTING
    return walk, swap


def until_rolled_back(walk, swap, most=60):
    """Step until a change is undone; return the commands of these ticks."""
    commands = []
    for _ in range(most):
        commands.append(walk.tick().command.copy())
        if swap.state is SwapState.ROLLED_BACK:
            return np.array(commands)
    raise AssertionError(f'{swap.state} after {most} ticks')
