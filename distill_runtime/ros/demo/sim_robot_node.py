# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""The node of the simulated robot: publishes its sensors and follows joint_command.

In real time the sensors of tick k are published at a fixed time, and the newest command holds up
to tick k + 1; until the first one the robot hangs still. In lock-step time stands still until the
command with the stamp of the tick has come: with a policy's node that ticks on joint_states, a run
is the same whatever the machine does, and the same as that of ``sim.loop``.
"""

from __future__ import annotations

import dataclasses
import hashlib
import threading
import time

from distill_runtime.core.arrays import FloatArray
from distill_runtime.core.sensors import SensorLayout, Sensors
from distill_runtime.policy.model import load_policy
from distill_runtime.ros.parameters import declarations, declare_parameters, read_parameters
from distill_runtime.ros.robot_description import read_description
from distill_runtime.sim.plant import Plant
from distill_runtime.sim.robot import SimRobot
from distill_runtime.sim.scene import load_scene
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node

from .messages import CommandReader, MESSAGE_TYPES, QOS, SensorPublishers
from .sim_config import SimNodeConfig

_SECOND = 1_000_000_000
_MAX_DEFAULT_RATE = 250.0  # Hz
_SETTLE = 0.3  # s in which the other node discovers us, too
_REPORT_AFTER = 5.0  # s


class SimNode:
    """A robot in MuJoCo that looks like a real one from outside."""

    def __init__(self, **options: object) -> None:
        """Load policy spec and scene, and create publishers and subscription.

        Args:
            options: Of rclpy.node.Node: context, parameter_overrides and the like.

        Raises:
            DistillError: If a parameter, the model, its spec or the scene cannot be used.
        """
        self.node = Node('sim_node', **options)
        self._logger = self.node.get_logger()
        declare_parameters(self.node, declarations(SimNodeConfig))
        config = self.config = read_parameters(self.node, SimNodeConfig)
        robot = config.robot or read_description(self.node, config.robot_description)
        spec = load_policy(config.model, config.spec or None, robot).spec
        if config.command_type == 'effort':
            outputs = dataclasses.replace(spec.outputs, mode='effort')
            spec = dataclasses.replace(spec, outputs=outputs)
        scene = load_scene(config.scene_config(), spec)
        for note in scene.notes:
            self._logger.info(note)
        self.robot = SimRobot(scene, SensorLayout(joints=scene.joint_names))
        self.period_ns = self._choose_period(spec.period)
        disturb = config.disturb_config()
        self._plant = Plant(self.robot, disturb, self.period_ns / _SECOND)
        self._sensors = Sensors(self.robot.layout)
        self._publishers = SensorPublishers(
            self.node, disturb.noise, config.velocity_command, config.publish_clock
        )
        self._reader = CommandReader(spec, config.command_type)
        self._command: FloatArray | None = None
        self._subscription = self.node.create_subscription(
            MESSAGE_TYPES[config.command_type], 'joint_command', self._take_command, QOS
        )
        self._executor = SingleThreadedExecutor(context=self.node.context)
        self._executor.add_node(self.node)
        self._start_ns = _SECOND
        self._hash = hashlib.sha256()
        self._stops = threading.Event()
        self._has_fallen = False
        self.ticks = 0
        """Ticks so far."""
        self.misses = 0
        """Deadlines missed in real time."""

    @property
    def commands_sha256(self) -> str:
        """Hash of the applied commands: float64, policy joint order, one row per command."""
        return self._hash.hexdigest()

    def has_subscriber(self) -> bool:
        """Return whether someone has subscribed to the joint states."""
        return bool(self._publishers.joint_states.get_subscription_count())

    def run(self) -> None:
        """Simulate until the configured time is over, or the context ends."""
        try:
            if self.config.lockstep:
                self._wait_for_policy_node()
            self._loop()
        finally:
            self._report()

    def stop(self) -> None:
        """Make run return soon; from any thread."""
        self._stops.set()

    def destroy(self) -> None:
        """Destroy the node."""
        self._executor.shutdown()
        self.node.destroy_node()

    def _loop(self) -> None:
        config = self.config
        num_ticks = round(config.seconds * _SECOND / self.period_ns) if config.seconds else -1
        pace = self.period_ns / config.real_time_factor if config.real_time_factor else 0.0
        start_ns, grid = time.monotonic_ns(), 0
        if not config.publish_clock:  # not before: on a busy machine the thread starts late
            self._start_ns = self.node.get_clock().now().nanoseconds
        while self.ticks != num_ticks and not self._stops.is_set():
            command = self._tick()
            if command is None and not config.lockstep:
                # it hangs still until its first command, as a robot on a gantry does
                self._start_ns += self.period_ns
            else:
                self._plant.act(command)
            self._note(command)
            grid += 1
            if not pace:
                continue
            late_ns = time.monotonic_ns() - start_ns - round(grid * pace)
            if late_ns > pace:
                skipped = int(late_ns // pace)
                grid += skipped
                self.misses += skipped
                if not config.publish_clock and not config.lockstep:
                    # the clock of the other nodes went on, so the stamps must
                    self._start_ns += round(skipped * self.period_ns)
            self._spin_until(start_ns + round(grid * pace))

    def _tick(self) -> FloatArray | None:
        """Publish the sensors of this tick, and return the command to apply."""
        lost = self._plant.sense(self._sensors)
        stamp_ns = self._start_ns + self.robot.stamp_ns
        self._publishers.publish(self.robot, self._sensors, stamp_ns, lost)
        if not self.config.lockstep:
            return self._command
        if self.ticks % self.config.decimation:
            return None
        self._await_command(stamp_ns)
        return self._command

    def _wait_for_policy_node(self) -> None:
        """Wait until the policy's node has discovered us, so that no message is lost."""
        topic = self._subscription.topic_name
        start = time.monotonic()
        while not self._stops.is_set() and not (
            self.has_subscriber() and self.node.count_publishers(topic)
        ):
            self._executor.spin_once(timeout_sec=0.02)
            if time.monotonic() - start > _REPORT_AFTER:
                self._logger.warning('waiting for a node that takes joint_states', once=True)
        self._spin_until(time.monotonic_ns() + round(_SETTLE * _SECOND))

    def _await_command(self, stamp_ns: int) -> None:
        """Wait for the command of a tick; until the first one has come, send the sensors again."""
        is_first = self._command is None
        last_sent = last_report = time.monotonic()
        while self._reader.stamp_ns != stamp_ns and not self._stops.is_set():
            self._executor.spin_once(timeout_sec=0.1)
            now = time.monotonic()
            if is_first and now - last_sent > self.config.resend_after:
                last_sent = now
                self._publishers.publish(self.robot, self._sensors, stamp_ns, (False,) * 3)
            if now - last_report > _REPORT_AFTER:
                last_report = now
                self._logger.warning(
                    f'no joint_command for tick {self.ticks} within {_REPORT_AFTER:.0f} s, '
                    f'expected one stamped {stamp_ns / _SECOND:.6f} s: is the policy active?'
                )

    def _take_command(self, message: object) -> None:
        problem = self._reader.read(message)
        if problem:
            self._logger.warning(
                f'joint_command is not used: {problem}', throttle_duration_sec=1.0
            )
            return
        self._command = self._reader.command

    def _spin_until(self, deadline_ns: int) -> None:
        """Serve subscriptions until a time of the monotonic clock."""
        while True:
            remaining = (deadline_ns - time.monotonic_ns()) / _SECOND
            if remaining > 0.001:
                self._executor.spin_once(timeout_sec=remaining - 0.0005)
                continue
            self._executor.spin_once(timeout_sec=0.0)
            time.sleep(max(0.0, (deadline_ns - time.monotonic_ns()) / _SECOND))
            return

    def _note(self, command: FloatArray | None) -> None:
        self.ticks += 1
        if command is not None:
            self._hash.update(command.tobytes())
        if self.robot.has_fallen and not self._has_fallen:
            self._has_fallen = True
            self._logger.warning(f'the robot fell at {self.robot.stamp_ns / _SECOND:.2f} s')

    def _report(self) -> None:
        dx, dy, _ = self.robot.position.tolist()
        self._logger.info(
            f'{self.robot.stamp_ns / _SECOND:.2f} s simulated in {self.ticks} ticks, '
            f'{self.misses} missed; displacement {dx:.2f} m, {dy:.2f} m; '
            f'{"fell" if self._has_fallen else "did not fall"}; '
            f'commands sha256 {self.commands_sha256}'
        )

    def _choose_period(self, policy_period: float) -> int:
        """Return the time between sensor messages in [ns]."""
        rate = self.config.sensor_rate
        if rate:
            return round(_SECOND / rate)
        policy_ns = round(policy_period * _SECOND)
        if self.config.lockstep:
            return policy_ns
        num_steps = self.robot.scene.steps_in(policy_period)
        shares = [
            share
            for share in range(1, num_steps + 1)
            if num_steps % share == 0 and share / policy_period <= _MAX_DEFAULT_RATE
        ]
        return policy_ns // max(shares, default=1)
