# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""The job of student_node as a competent user of rclpy would write it from the tutorials.

Message callbacks store the newest samples, a timer computes and publishes, one executor calls
both. Uses nothing of distill_runtime. Joint names are looked up once per order, parameters are
read at the start, and the session has one thread; there are no input ages and no modes.
"""

from __future__ import annotations

from collections import deque
from typing import Any

from geometry_msgs.msg import Twist
import numpy as np
import onnxruntime
from rclpy.node import Node
from rclpy.qos import qos_profile_sensor_data
from sensor_msgs.msg import Imu, JointState

SUPPORTED_TERMS = (
    'base_angular_velocity',
    'projected_gravity',
    'velocity_command',
    'joint_position',
    'joint_velocity',
    'last_action',
)


class TextbookNode(Node):
    """Sensors in, joint commands out."""

    def __init__(self, **options: Any) -> None:  # noqa: ANN401
        """Read the parameters, load the model, and subscribe."""
        super().__init__(
            'textbook_node', automatically_declare_parameters_from_overrides=True, **options
        )
        self._joints = self._parameter('joint_names')
        self._default_position = np.array(self._parameter('default_position'))
        self._terms = self._parameter('terms')
        self._scales = [
            np.array(self._parameter(f'scale.{name}'), np.float32) for name in self._terms
        ]
        self._is_frame_major = self._parameter('history_major') == 'frame'
        self._length = self._parameter('history_length')
        self._fills_with_first = self._parameter('history_fill') == 'first'
        self._action_scale = np.array(self._parameter('action_scale'))
        self._action_offset = np.array(self._parameter('action_offset'))
        self._action_clip = self._parameter('action_clip')
        self._clips_action = bool(np.isfinite(self._action_clip).any())
        self._lower = np.array(self._parameter('lower'))
        self._upper = np.array(self._parameter('upper'))
        self._max_step = self._parameter('max_joint_step')
        session_options = onnxruntime.SessionOptions()
        session_options.intra_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(
            self._parameter('model'), session_options, providers=['CPUExecutionProvider']
        )
        self._input = self._session.get_inputs()[0]
        self._output = self._parameter('output')

        self._names: list[str] = []
        self._order = np.zeros(0, dtype=np.intp)
        self._histories: list[deque[np.ndarray]] = []
        self._last_action = np.zeros(len(self._action_scale), dtype=np.float32)
        self.command: np.ndarray | None = None
        self.joint_state: JointState | None = None
        self.imu: Imu | None = None
        self.twist: Twist | None = None
        self.observation: np.ndarray | None = None
        self.action: np.ndarray | None = None
        self._publisher = self.create_publisher(JointState, 'joint_command', 10)
        for message_type, topic, callback in (
            (JointState, 'joint_states', self._on_joint_state),
            (Imu, 'imu', self._on_imu),
            (Twist, 'cmd_vel', self._on_twist),
        ):
            self.create_subscription(message_type, topic, callback, qos_profile_sensor_data)
        self.timer = self.create_timer(self._parameter('period'), self._on_timer)

    def _parameter(self, name: str) -> Any:  # noqa: ANN401
        return self.get_parameter(name).value

    def _on_joint_state(self, message: JointState) -> None:
        self.joint_state = message

    def _on_imu(self, message: Imu) -> None:
        self.imu = message

    def _on_twist(self, message: Twist) -> None:
        self.twist = message

    def _on_timer(self) -> None:
        if self.joint_state is None or self.imu is None:
            return
        observation = self._observe(self.joint_state, self.imu, self.twist or Twist())
        if len(self._input.shape) == 2:
            observation = observation[np.newaxis]
        (action,) = self._session.run([self._output], {self._input.name: observation})
        self.observation, self.action = observation.ravel(), action.ravel()
        self._last_action = self.action
        if self._clips_action:
            self._last_action = np.clip(self.action, *self._action_clip)
        command = self._last_action * self._action_scale + self._action_offset
        if self.command is not None and self._max_step > 0.0:
            steps = (self.command - self._max_step, self.command + self._max_step)
            command = np.clip(command, *steps)
        self.command = np.clip(command, self._lower, self._upper)
        message = JointState()
        message.header.stamp = self.get_clock().now().to_msg()
        message.name = self._joints
        message.position = self.command.tolist()
        self._publisher.publish(message)

    def _observe(self, joint_state: JointState, imu: Imu, twist: Twist) -> np.ndarray:
        """Return the observation of this tick, with its history, as float32."""
        if joint_state.name != self._names:
            self._names = joint_state.name
            self._order = np.array([self._names.index(name) for name in self._joints])
        values = {
            'base_angular_velocity': _vector(imu.angular_velocity),
            'projected_gravity': _gravity_in_base(imu.orientation),
            'velocity_command': [twist.linear.x, twist.linear.y, twist.angular.z],
            'joint_position': np.array(joint_state.position)[self._order] - self._default_position,
            'joint_velocity': np.array(joint_state.velocity)[self._order],
            'last_action': self._last_action,
        }
        rows = [
            np.asarray(values[name], np.float32) * scale
            for name, scale in zip(self._terms, self._scales, strict=True)
        ]
        if self._is_frame_major:
            rows = [np.concatenate(rows)]
        if not self._histories:
            for row in rows:
                first = row if self._fills_with_first else np.zeros_like(row)
                self._histories.append(deque([first] * self._length, maxlen=self._length))
        for history, row in zip(self._histories, rows, strict=True):
            history.append(row)
        return np.concatenate([row for history in self._histories for row in history])


def _vector(message: Any) -> list[float]:  # noqa: ANN401  Vector3
    return [message.x, message.y, message.z]


def _gravity_in_base(orientation: Any) -> list[float]:  # noqa: ANN401  Quaternion
    """Return R(q)^T (0, 0, -1)."""
    x, y, z, w = orientation.x, orientation.y, orientation.z, orientation.w
    return [2.0 * (w * y - x * z), -2.0 * (y * z + w * x), -(w * w - x * x - y * y + z * z)]
