# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""A simulated robot walks, something goes wrong, and what the control loop does is written down.

The loop, its decoders and the runner are those of student_node. Queues of serialized
messages replace DDS, and the simulation's time the clock: a run is the same on any machine.
"""

from __future__ import annotations

from types import SimpleNamespace

from distill_runtime.core.config import RunnerConfig
from distill_runtime.core.modes import Event, Mode
from distill_runtime.core.runner import PolicyRunner
from distill_runtime.core.sensors import Sensors
from distill_runtime.policy.model import load_policy
from distill_runtime.share import share_path
from distill_runtime.sim.disturb import DisturbConfig, NoiseConfig
from distill_runtime.sim.plant import Plant
from distill_runtime.sim.robot import SimRobot
from distill_runtime.sim.scene import load_scene, SceneConfig
from distill_runtime.spec.compile import compile_spec, sensor_layout

from .ros_messages import imu_message, joint_message, twist_message
from .wire import Driver, Wire, wired_loop

T0 = 10_000_000_000_000
WALK_TIME = 1.0
"""Time in [s] that the robot walks before anything is wrong."""
HEAL_TIME = 1.2
"""Time in [s] from the end of what is wrong to reset_fault."""
COMMAND = (0.5, 0.0, 0.0)
NOISE = DisturbConfig(noise=NoiseConfig.playground(0.3))


class Network:
    """The policy's network; what it gives may be changed.

    Attributes:
        change: Changes the action after each run; None: nothing does.
    """

    def __init__(self, session):
        self._session = session
        self.observation, self.inputs, self.action = (
            session.observation,
            session.inputs,
            session.action,
        )
        self.change = None

    def run(self):
        """Compute the action, then change it."""
        self._session.run()
        if self.change is not None:
            self.change(self.action)

    def reset(self):
        """Forget what a recurrent network remembers."""
        self._session.reset()


class Drill:
    """One run.

    Attributes:
        since: Time in [s] since the fault began; negative before.
        tick: Number of the tick since then.
        kept: What an injection remembers.
        clock_ns: Added to the time of the ticks.
        plant, robot, network, loop, runner: What a fault is injected into.
    """

    def __init__(self, setup, respec=None):
        policy, scene = setup
        spec = respec(policy.spec) if respec else policy.spec
        config = RunnerConfig(start_in='policy')
        layout = sensor_layout(spec, scene.joint_names)
        self.network = Network(policy.session)
        self.runner = PolicyRunner(compile_spec(spec, layout), self.network, config)
        self.robot = SimRobot(scene, layout)
        self.period_ns = self.runner.control_period_ns
        self.plant = Plant(self.robot, NOISE, self.period_ns / 1e9)
        self.wire = Wire()
        self.driver = Driver(self.runner, config.max_joint_step)
        self.loop = wired_loop(self.wire, spec, self.runner, Sensors(layout), self.driver)
        self._inputs = self.loop._context.inputs
        self._fresh = Sensors(layout)
        self._joints = list(layout.joints)
        self.kept = {}
        self.clock_ns = 0
        self._epoch_ns = T0
        self.tick = -round(WALK_TIME * 1e9 / self.period_ns)

    @property
    def since(self):
        """Time in [s] since the fault began; negative before."""
        return self.tick * self.period_ns / 1e9

    @property
    def robot_ns(self):
        """Time by the clock of the sensors."""
        return self._epoch_ns + self.robot.stamp_ns

    def set_upright(self):
        """Put the robot on its feet at once, in its default pose."""
        self._epoch_ns = self.robot_ns
        self.robot.reset()

    def messages(self):
        """Return what the robot sends at this tick, in order."""
        fresh = self._fresh
        self.plant.sense(fresh)
        w, x, y, z = fresh.quat_base_to_world.tolist()
        stamp_ns = self.robot_ns
        joints = joint_message(
            stamp_ns, fresh.joint_position.tolist(), fresh.joint_velocity.tolist(), self._joints
        )
        return [
            ('joint_states', joints),
            ('imu', imu_message(stamp_ns, (x, y, z, w), fresh.angular_velocity.tolist())),
            ('cmd_vel', twist_message(*COMMAND)),
        ]

    def advance(self, inject=None):
        """Run one tick and let one period pass; return the step.

        Args:
            inject: Called with the drill and the messages; returns those that arrive.
        """
        messages = self.messages()
        if inject is not None:
            messages = inject(self, messages)
        now_ns = self.wire.now_ns = self.robot_ns + self.clock_ns
        for topic, message in messages:
            self.wire.put(topic, message)
        self._inputs.refresh(now_ns)
        self.loop.tick(now_ns, 0, 0)
        self.plant.act(self.driver.command)
        self.tick += 1
        return self.loop.step


class Outcome(SimpleNamespace):
    """The outcome of a fault.

    Attributes:
        reported: Time in [s] of the first tick with each code, from the start of the fault.
        fault: Code of the fault; '' if there was none.
        detected: When it was latched, in [s]; None if it was not.
        action: Fault action at that tick.
        has_fallen: Whether the robot lay on the ground at the end.
        excess: How far any command was beyond limits or step, in [rad].
        modes: When the cause had gone and the robot was set upright; after reset_fault; after
            start.
        answers: Of reset_fault and start.
    """


def prepare():
    """Return the shipped student and the scene."""
    policy = load_policy(share_path() / 'models' / 'quadruped_student.onnx')
    return policy, load_scene(SceneConfig(), policy.spec)


def run(setup, fault):
    """Return the outcome of one fault."""
    drill = Drill(setup, fault.respec)
    while drill.tick < 0:
        step = drill.advance()
        assert step.mode is Mode.POLICY, step.reason
    outcome = Outcome(reported={}, fault='', detected=None, action='', excess=0.0)
    while drill.since < fault.lasts:
        since = drill.since
        step = drill.advance(fault.inject)
        for reason in filter(None, step.reason.split('; ')):
            outcome.reported.setdefault(reason.partition(':')[0], since)
        if step.mode is Mode.FAULT and not outcome.fault:
            outcome.fault, _, _ = step.reason.partition(':')
            outcome.detected, outcome.action = since, drill.runner.fault_action
    drill.network.change = None
    drill.loop.monitor.other_publisher = ''
    outcome.has_fallen = drill.robot.has_fallen
    healed = drill.since + HEAL_TIME
    while drill.since < healed:
        drill.advance(fault.heal)
    drill.set_upright()
    mode = drill.advance(fault.heal).mode
    outcome.modes, outcome.answers = [mode], []
    for event in (Event.RESET_FAULT, Event.START):
        outcome.answers.append(drill.runner.request(event)[1])
        outcome.modes.append(drill.advance(fault.heal).mode)
    outcome.excess = drill.driver.excess
    return outcome
