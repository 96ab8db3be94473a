# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""A student walks in simulation, is recorded with odometry, and relabeled by a public teacher."""

from __future__ import annotations

from pathlib import Path

from distill_runtime.core.config import RunnerConfig
from distill_runtime.core.sensors import Sensors
from distill_runtime.data.relabel.config import make_config
from distill_runtime.data.relabel.options import RelabelOptions
from distill_runtime.data.relabel.run import relabel
from distill_runtime.policy.model import load_policy
from distill_runtime.sim.disturb import DisturbConfig, NoiseConfig
from distill_runtime.sim.plant import Plant
from distill_runtime.sim.robot import SimRobot
from distill_runtime.sim.scene import load_scene, SceneConfig
import numpy as np
import pyarrow.parquet as pq
import pytest
from support.bags import imu, joint_state, MS, multi_array, odometry, tick, twist, write_bag

pytestmark = pytest.mark.needs('data', 'policy')
ROOT = Path(__file__).resolve().parents[2]
STUDENT = ROOT / 'models' / 'quadruped_student.onnx'
SPEC = ROOT / 'test' / 'policies' / 'playground_go1.yaml'
NODE = '/student_node'
START_NS = 1_000_000_000
COMMANDS = ((0.5, 0.0, 0.0), (0.0, 0.3, 0.0), (0.3, 0.0, 0.8))
TICKS = 300


class RecordedWalk:
    """The shipped student walks; a teacher reads the same samples and the executed actions.

    Attributes:
        messages: What the robot and student_node would have published.
        labels: Outputs of the teacher, a row per tick.
    """

    def __init__(self, teacher):
        self._student, self._teacher = load_policy(STUDENT), load_policy(teacher, SPEC)
        scene = load_scene(SceneConfig(), self._student.spec)
        options = RunnerConfig(start_in='policy')
        self._runner = self._student.runner(options, scene.joint_names)
        self._beside = self._teacher.runner(options, scene.joint_names)
        self._robot = SimRobot(scene, self._runner.compiled.layout)
        noise = DisturbConfig(noise=NoiseConfig.playground(1.0), push_speed=0.3, seed=3)
        self._plant = Plant(self._robot, noise, 0.02)
        self._sensors = Sensors(self._robot.layout)
        self.messages = []
        self.labels = np.empty((TICKS, 12), np.float32)

    def run(self):
        """Walk; the commands change."""
        for number in range(TICKS):
            self._tick(number, COMMANDS[number * len(COMMANDS) // TICKS])
        assert not self._robot.has_fallen
        assert self._robot.position[0] > 0.5

    def _tick(self, number, velocity):
        sensors, now_ns = self._sensors, START_NS + self._robot.stamp_ns
        self._plant.sense(sensors)
        sensors.velocity_command[:] = velocity
        for name in ('joint', 'imu', 'odometry', 'command'):
            setattr(sensors, f'{name}_stamp_ns', now_ns)
        names = self._robot.layout.joints
        self.messages += [
            twist(now_ns, velocity),
            imu(now_ns, sensors.quat_base_to_world, sensors.angular_velocity),
            odometry(now_ns, sensors.base_linear_velocity),
            joint_state(now_ns, names, sensors.joint_position, sensors.joint_velocity),
        ]
        step = self._runner.step(sensors, now_ns)
        assert step.has_policy_step, step.reason
        self._publish(number, now_ns, step)
        assert self._beside.step(sensors, now_ns).has_policy_step
        self.labels[number] = self._teacher.session.action
        active = self._runner.switcher.active
        self._beside.switcher.active.action_map.translate(
            active.compiled.action, active.last_action, active.action_map.target
        )
        self._plant.act(step.command)

    def _publish(self, number, now_ns, step):
        sent_ns = now_ns + MS
        joints = self._student.spec.joints
        stamps = {f'{name}_ns': now_ns for name in ('joint_states', 'imu', 'odom', 'cmd_vel')}
        self.messages += [
            joint_state(now_ns, joints, step.command, topic='/joint_command', receive_ns=sent_ns),
            tick(
                number,
                now_ns,
                mode=step.mode,
                model=int(self._student.sha256[:15], 16),
                receive_ns=sent_ns,
                **stamps,
            ),
        ]
        for name, values in (('observation', step.observation), ('action', step.action)):
            segments = [('all', len(values))]
            self.messages.append(multi_array(sent_ns, segments, values, f'{NODE}/{name}'))


def test_labels_of_a_recorded_walk_are_those_of_the_teacher_in_simulation(shared_data, tmp_path):
    teacher = shared_data / 'policies' / 'playground_go1' / 'policy.onnx'
    walk = RecordedWalk(teacher)
    walk.run()
    bag = write_bag(tmp_path / 'walk', walk.messages)
    options = RelabelOptions(
        bags=(str(bag),),
        output=str(tmp_path / 'labels'),
        student=str(STUDENT),
        teachers=(f'go1={teacher}',),
        teacher_specs=(str(SPEC),),
    )
    relabel(options.bags, make_config(options), options.output)
    (part,) = (tmp_path / 'labels').glob('part-*.parquet')
    found = pq.read_table(part).to_pydict()
    assert found['step'] == list(range(TICKS))
    assert all(found['valid']), set(found['reason'])
    assert all(found['student_ran'])
    np.testing.assert_allclose(found['label'], walk.labels, rtol=0, atol=1e-5)
    assert np.ptp(walk.labels, axis=0).min() > 0.1
