# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Write small recordings with rosbags, in every storage and compression, and read a topic."""

from __future__ import annotations

from typing import NamedTuple

from distill_runtime.data.bags.bag import Bag
import numpy as np
from rosbags.rosbag1 import Writer as Writer1
from rosbags.rosbag2 import CompressionFormat, CompressionMode, StoragePlugin, Writer
from rosbags.typesys import get_typestore, Stores

STORE = get_typestore(Stores.ROS2_HUMBLE)
STORE1 = get_typestore(Stores.ROS1_NOETIC)
MS = 1_000_000


class RecordedMessage(NamedTuple):
    """One recorded message."""

    topic: str
    type: str
    receive_ns: int
    message: object


def stamp(stamp_ns, store=STORE):
    """Return a builtin_interfaces/Time."""
    seconds, nanoseconds = divmod(stamp_ns, 1_000_000_000)
    return store.types['builtin_interfaces/msg/Time'](sec=seconds, nanosec=nanoseconds)


def header(stamp_ns, store=STORE):
    """Return a std_msgs/Header."""
    more = {'seq': 0} if store is STORE1 else {}
    return store.types['std_msgs/msg/Header'](stamp=stamp(stamp_ns, store), frame_id='', **more)


def vector(x, y, z, store=STORE):
    """Return a geometry_msgs/Vector3."""
    return store.types['geometry_msgs/msg/Vector3'](x=float(x), y=float(y), z=float(z))


def joint_state(
    stamp_ns,
    names,
    position,
    velocity=(),
    effort=(),
    receive_ns=None,
    topic='/joint_states',
    store=STORE,
):
    """Return a JointState."""
    kind = 'sensor_msgs/msg/JointState'
    message = store.types[kind](
        header=header(stamp_ns, store),
        name=list(names),
        position=np.array(position, np.float64),
        velocity=np.array(velocity, np.float64),
        effort=np.array(effort, np.float64),
    )
    return RecordedMessage(topic, kind, stamp_ns if receive_ns is None else receive_ns, message)


def imu(
    stamp_ns, quat_wxyz=(1, 0, 0, 0), rate=(0, 0, 0), covariance=0.0, topic='/imu', store=STORE
):
    """Return an Imu."""
    kind = 'sensor_msgs/msg/Imu'
    w, x, y, z = map(float, quat_wxyz)
    zeros = np.zeros(9)
    message = store.types[kind](
        header=header(stamp_ns, store),
        orientation=store.types['geometry_msgs/msg/Quaternion'](x=x, y=y, z=z, w=w),
        orientation_covariance=np.array([covariance, *zeros[1:]]),
        angular_velocity=vector(*rate, store=store),
        angular_velocity_covariance=zeros,
        linear_acceleration=vector(0, 0, 9.81, store=store),
        linear_acceleration_covariance=zeros,
    )
    return RecordedMessage(topic, kind, stamp_ns, message)


def twist(receive_ns, command, stamp_ns=None, topic='/cmd_vel'):
    """Return a Twist, or with a stamp a TwistStamped."""
    vx, vy, yaw = command
    message = STORE.types['geometry_msgs/msg/Twist'](
        linear=vector(vx, vy, 0), angular=vector(0, 0, yaw)
    )
    if stamp_ns is None:
        return RecordedMessage(topic, 'geometry_msgs/msg/Twist', receive_ns, message)
    kind = 'geometry_msgs/msg/TwistStamped'
    return RecordedMessage(
        topic, kind, receive_ns, STORE.types[kind](header=header(stamp_ns), twist=message)
    )


def odometry(stamp_ns, velocity, topic='/odom'):
    """Return an Odometry."""
    types = STORE.types
    kind = 'nav_msgs/msg/Odometry'
    pose = types['geometry_msgs/msg/Pose'](
        position=types['geometry_msgs/msg/Point'](x=0.0, y=0.0, z=0.0),
        orientation=types['geometry_msgs/msg/Quaternion'](x=0.0, y=0.0, z=0.0, w=1.0),
    )
    message = types[kind](
        header=header(stamp_ns),
        child_frame_id='base',
        pose=types['geometry_msgs/msg/PoseWithCovariance'](pose=pose, covariance=np.zeros(36)),
        twist=types['geometry_msgs/msg/TwistWithCovariance'](
            twist=types['geometry_msgs/msg/Twist'](
                linear=vector(*velocity), angular=vector(0, 0, 0)
            ),
            covariance=np.zeros(36),
        ),
    )
    return RecordedMessage(topic, kind, stamp_ns, message)


def wrench(stamp_ns, force, torque=(0.0, 0.0, 0.0), topic='/wrench'):
    """Return a WrenchStamped."""
    kind = 'geometry_msgs/msg/WrenchStamped'
    value = STORE.types['geometry_msgs/msg/Wrench'](force=vector(*force), torque=vector(*torque))
    message = STORE.types[kind](header=header(stamp_ns), wrench=value)
    return RecordedMessage(topic, kind, stamp_ns, message)


def pose(stamp_ns, values, topic='/goal', receive_ns=None):
    """Return a PoseStamped; its values are position x, y, z, orientation x, y, z, w."""
    types, kind = STORE.types, 'geometry_msgs/msg/PoseStamped'
    position, turn = [float(v) for v in values[:3]], [float(v) for v in values[3:]]
    message = types[kind](
        header=header(stamp_ns),
        pose=types['geometry_msgs/msg/Pose'](
            position=types['geometry_msgs/msg/Point'](*position),
            orientation=types['geometry_msgs/msg/Quaternion'](*turn),
        ),
    )
    return RecordedMessage(topic, kind, stamp_ns if receive_ns is None else receive_ns, message)


def undecodable(entry):
    """Return a message cut off after its first bytes."""
    return entry._replace(message=b'\x00\x01\x00\x00')


def float64_array(receive_ns, values, topic='/joint_command'):
    """Return a Float64MultiArray."""
    kind = 'std_msgs/msg/Float64MultiArray'
    layout = STORE.types['std_msgs/msg/MultiArrayLayout'](dim=[], data_offset=0)
    message = STORE.types[kind](layout=layout, data=np.array(values, np.float64))
    return RecordedMessage(topic, kind, receive_ns, message)


def multi_array(receive_ns, segments, values, topic, kind='Float32MultiArray'):
    """Return an array with one dimension for each segment, a pair of label and size."""
    full = f'std_msgs/msg/{kind}'
    dimension = STORE.types['std_msgs/msg/MultiArrayDimension']
    dim = [dimension(label=label, size=size, stride=size) for label, size in segments]
    layout = STORE.types['std_msgs/msg/MultiArrayLayout'](dim=dim, data_offset=0)
    dtype = np.float32 if kind.startswith('Float32') else np.int64
    return RecordedMessage(
        topic, full, receive_ns, STORE.types[full](layout=layout, data=np.array(values, dtype))
    )


TICK_LABELS = (
    'tick', 'stamp_ns', 'joint_states_ns', 'imu_ns', 'cmd_vel_ns', 'odom_ns', 'mode', 'model',
    'lateness_ns',
)  # fmt: skip


def tick(number, stamp_ns, topic='/student_node/tick', labels=TICK_LABELS, more=None, **fields):
    """Return a message of ~/tick; an input that is not given has no sample.

    Args:
        number, stamp_ns, fields: Of the tick.
        topic: Of the message.
        labels: Of the first nine elements.
        more: Further elements by label.
    """
    receive_ns = fields.pop('receive_ns', stamp_ns)
    known = {'mode': 2, 'model': 0, 'lateness_ns': 0, **fields, 'tick': number}
    known['stamp_ns'] = stamp_ns
    values = [known.get(name, -1) for name in TICK_LABELS]
    more = more or {}
    segments = [(label, 1) for label in (*labels, *more)]
    return multi_array(receive_ns, segments, [*values, *more.values()], topic, 'Int64MultiArray')


def trajectory(stamp_ns, names, points, topic='/joint_command'):
    """Return a JointTrajectory of points that hold positions only."""
    kind = 'trajectory_msgs/msg/JointTrajectory'
    none = np.zeros(0)
    point = STORE.types['trajectory_msgs/msg/JointTrajectoryPoint']
    duration = STORE.types['builtin_interfaces/msg/Duration'](sec=0, nanosec=0)
    message = STORE.types[kind](
        header=header(stamp_ns),
        joint_names=list(names),
        points=[
            point(
                positions=np.array(positions, np.float64),
                velocities=none,
                accelerations=none,
                effort=none,
                time_from_start=duration,
            )
            for positions in points
        ],
    )
    return RecordedMessage(topic, kind, stamp_ns, message)


def write_bag(path, messages, storage='mcap', compression=None):
    """Write a rosbag2.

    Args:
        path: Folder to make.
        messages: In order of receipt.
        storage: mcap or sqlite3.
        compression: file, message or None.
    """
    plugin = {'mcap': StoragePlugin.MCAP, 'sqlite3': StoragePlugin.SQLITE3}[storage]
    writer = Writer(path, version=8, storage_plugin=plugin)
    if compression:
        writer.set_compression(CompressionMode[compression.upper()], CompressionFormat.ZSTD)
    with writer:
        connections = {}
        for entry in messages:
            key = (entry.topic, entry.type)
            if key not in connections:
                connections[key] = writer.add_connection(*key, typestore=STORE)
            content = entry.message
            if not isinstance(content, bytes):
                content = STORE.serialize_cdr(content, entry.type)
            writer.write(connections[key], entry.receive_ns, content)
    return path


def write_bag1(path, messages):
    """Write a rosbag1 of messages made with STORE1."""
    with Writer1(path) as writer:
        connections = {}
        for entry in messages:
            key = (entry.topic, entry.type)
            if key not in connections:
                connections[key] = writer.add_connection(*key, typestore=STORE1)
            content = STORE1.serialize_ros1(entry.message, entry.type)
            writer.write(connections[key], entry.receive_ns, content)
    return path


def read_topic(path, ending):
    """Return time and message of every message of the first topic whose name ends like this."""
    with Bag(path) as bag:
        topic = next(topic for topic in bag.topics if topic.name.endswith(ending))
        return list(bag.messages(topic))
