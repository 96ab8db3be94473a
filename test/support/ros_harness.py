# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""student_node and a robot around it, in a separate context, over real DDS."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
import itertools
import threading
import time

from diagnostic_msgs.msg import DiagnosticArray
from distill_runtime.core.checks.registry import checks_without
from distill_runtime.policy.model import load_policy
from distill_runtime.ros.student_node import StudentNode
from geometry_msgs.msg import Twist
from nav_msgs.msg import Odometry
import rclpy
from rclpy.event_handler import PublisherEventCallbacks
from rclpy.exceptions import InvalidHandle
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.lifecycle import TransitionCallbackReturn
from rclpy.node import Node
from rclpy.parameter import Parameter
from rclpy.qos import QoSProfile
from sensor_msgs.msg import Imu, JointState
from std_msgs.msg import Float32MultiArray, Int64MultiArray
from std_srvs.srv import Trigger

from .ros_messages import imu_message, joint_message, nanoseconds

LOCKSTEP = {
    'trigger': 'joint_states',
    'start_in': 'policy',
    'trigger_timeout': 0.0,
    'cmd_vel_timeout': 0.0,
}
T0 = 1_000_000_000_000
TICK = 20_000_000
PATIENCE = 20.0
SILENT = PublisherEventCallbacks(use_default_callbacks=False)
"""rclpy's own callback for a QoS that does not match uses what rclpy itself deprecates."""
_NUMBERS = itertools.count()


def wait_for(condition, what='the condition', patience=PATIENCE):
    """Return what the condition gives once it is true."""
    end = time.monotonic() + patience
    while not (result := condition()):
        assert time.monotonic() < end, f'{what} did not come within {patience} s'
        time.sleep(0.001)
    return result


class Ros:
    """A context, and a thread that spins its nodes."""

    def __init__(self):
        self.context = rclpy.Context()
        rclpy.init(args=[], context=self.context)
        self.executor = SingleThreadedExecutor(context=self.context)
        self._thread = threading.Thread(target=self._spin, daemon=True)
        self._thread.start()

    def _spin(self):
        is_on = True
        while is_on:
            is_on = False
            try:
                self.executor.spin()
            except ExternalShutdownException:
                pass
            except InvalidHandle:
                is_on = True  # a test destroyed what rclpy was about to ask

    def close(self):
        """End the thread and the context."""
        self.executor.shutdown()
        self._thread.join()
        rclpy.shutdown(context=self.context)

    @contextmanager
    def node(self, cls, *args, **options):
        """Make a node that is spun until the end of the block."""
        node = cls(*args, context=self.context, **options)
        self.executor.add_node(node)
        try:
            yield node
        finally:
            self.executor.remove_node(node)
            node.destroy_node()


class Inbox:
    """All messages of a topic, taken when asked for; no executor is in between."""

    def __init__(self, node, message_type, topic, qos=None):
        self.messages = []  # first: a latched one comes at once
        subscription = node.create_subscription(
            message_type, topic, self.add, qos or QoSProfile(depth=1000)
        )
        self.subscription = subscription

    def add(self, message):
        """Keep a message."""
        self.messages.append(message)


class Robot:
    """The other end of student_node's topics.

    Attributes:
        commands, ticks, observations, actions, diagnostics: Inboxes.
    """

    def __init__(self, node, student, message_type=JointState, qos=10):
        self.node = node
        self.student = student
        for name, kind in (
            ('joint_states', JointState), ('imu', Imu), ('cmd_vel', Twist), ('odom', Odometry),
        ):  # fmt: skip
            setattr(self, name, node.create_publisher(kind, name, qos, event_callbacks=SILENT))
        self.commands = Inbox(node, message_type, 'joint_command')
        self.ticks = Inbox(node, Int64MultiArray, f'{student}/tick')
        self.observations = Inbox(node, Float32MultiArray, f'{student}/observation')
        self.actions = Inbox(node, Float32MultiArray, f'{student}/action')
        self.diagnostics = Inbox(node, DiagnosticArray, '/diagnostics')

    def publish(self, stamp_ns, **fields):
        """Publish an Imu and a JointState of one moment."""
        imu = {name: fields.pop(name) for name in ('quaternion', 'rate') if name in fields}
        self.imu.publish(imu_message(stamp_ns, **imu))
        self.joint_states.publish(joint_message(stamp_ns, **fields))

    @contextmanager
    def feeding(self, period=0.01, **fields):
        """Publish the same again and again, stamped with the time of now."""
        clock = self.node.get_clock()

        def publish():
            self.publish(clock.now().nanoseconds, **fields)

        timer = self.node.create_timer(period, publish)
        try:
            yield
        finally:
            self.node.destroy_timer(timer)

    def command_at(self, stamp_ns):
        """Return the first command with a stamp, when the tick that sent it is over."""

        def find():
            found = [m for m in self.commands.messages if nanoseconds(m) == stamp_ns]
            is_over = any(message.data[1] == stamp_ns for message in self.ticks.messages)
            return found and is_over and found[0]

        return wait_for(find, f'a command stamped {stamp_ns}')

    def tick(self, stamp_ns, **fields):
        """Publish an Imu and a JointState; return the command they give."""
        self.publish(stamp_ns, **fields)
        return self.command_at(stamp_ns)

    def call(self, service):
        """Call a service of student_node; return success and message."""
        client = self.node.create_client(Trigger, f'{self.student}/{service}')
        assert client.wait_for_service(PATIENCE)
        future = client.call_async(Trigger.Request())
        wait_for(future.done, f'the answer of {service}')
        self.node.destroy_client(client)
        return future.result().success, future.result().message


class Rig:
    """A student_node and its robot, in their namespace."""

    def __init__(self, ros, node, robot):
        self.ros = ros
        self.node = node
        self.robot = robot

    def configure(self):
        """Configure, which must succeed."""
        assert self.node.trigger_configure() == TransitionCallbackReturn.SUCCESS, self.node.refusal

    def activate(self):
        """Activate, which must succeed."""
        assert self.node.trigger_activate() == TransitionCallbackReturn.SUCCESS, self.node.refusal

    def state(self):
        """Return the name of the lifecycle state."""
        return self.node._state_machine.current_state[1]

    def diagnose(self):
        """Return the status that the node gives now, without waiting for its timer."""
        inbox = self.robot.diagnostics
        inbox.messages.clear()
        self.node._publish_diagnostics()
        name = f'{self.node.get_fully_qualified_name()}: control'

        def find():
            statuses = [status for array in inbox.messages for status in array.status]
            return next((status for status in statuses if status.name == name), None)

        return wait_for(find, 'a status')

    def diagnose_settled(self):
        """Return the status after some calls: a level falls only when all is well for a while."""
        for _ in range(3):
            self.diagnose()
        return self.diagnose()

    def until_reason(self, code):
        """Return the first status whose message has some text."""
        return wait_for(
            lambda: (status := self.diagnose()) and code in status.message and status, code
        )


def values(status):
    """Return the values of a status."""
    return {entry.key: entry.value for entry in status.values}


_DEFAULTS = {
    'blackbox_dir': '',
    # the robot of these tests stands still whatever it is commanded
    'checks.input_frozen.action': 'ignore',
    'torque_limit': 0.0,
    'position_limits': 'clip',
}


@contextmanager
def student(ros, model, message_type=JointState, *, qos=10, is_active=True, **options):
    """Run student_node with a robot.

    Args:
        ros: The context.
        model: Model file; '' for none.
        message_type: Of joint_command.
        qos: Of the robot's publishers.
        is_active: Whether to configure and activate.
        options: Parameters.
    """
    namespace = options.pop('namespace', f'/r{next(_NUMBERS)}')
    extra = options.pop('node_options', {})
    name = options.pop('node_name', 'student_node')
    options = {**_DEFAULTS, **options}
    overrides = [Parameter(key, value=value) for key, value in options.items()]
    overrides.append(Parameter('model', value=str(model)))
    with (
        ros.node(Node, 'robot', namespace=namespace) as robot_node,
        ros.node(
            StudentNode, name, namespace=namespace, parameter_overrides=overrides, **extra
        ) as node,
    ):
        rig = Rig(ros, node, Robot(robot_node, name, message_type, qos))
        node._timer.cancel()  # tests call for a status when they want one
        if is_active:
            rig.configure()
            rig.activate()
        yield rig


def direct_runner(model, config):
    """Return the runner of the same model, without ROS."""
    same = replace(
        config, torque_limit=0.0, position_limits='clip', checks=checks_without('input_frozen')
    )
    return load_policy(model).runner(same)
