# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""How fast a recording is replayed, against the straightforward way, on one core.

The recording: 10 minutes of a quadruped at 500 Hz, JointState (12 joints with velocities and
efforts) and Imu, a Twist at 20 Hz, written as MCAP by rosbags; the policy runs at 50 Hz. The
straightforward way reads every message with rosbags, takes for each tick what is newest, and calls
session.run. Both must give the same observations, actions and targets, bit for bit.

    taskset -c 0 python -m benchmarks.replay
"""

from __future__ import annotations

import argparse
from collections import deque
import json
from pathlib import Path
import resource
import tempfile
import time

from distill_runtime.core.arrays import Float32Array, FloatArray
from distill_runtime.core.config import RunnerConfig
from distill_runtime.data.replay import replay
from distill_runtime.data.replay_config import ReplayConfig
from distill_runtime.data.source import read_source
from distill_runtime.policy.model import load_policy, LoadedPolicy
from distill_runtime.share import share_path
import numpy as np
import onnxruntime
from rosbags.highlevel import AnyReader
from rosbags.rosbag2 import StoragePlugin, Writer
from rosbags.typesys import get_typestore, Stores

RATE = 500
TICK_NS = 20_000_000
CONFIG = ReplayConfig(runner=RunnerConfig(start_in='policy', tilt_limit=0.0))


def write_recording(path: Path, policy: LoadedPolicy, minutes: float) -> None:
    """Write a made-up recording of the policy's robot."""
    store = get_typestore(Stores.ROS2_HUMBLE)
    types = store.types
    rng = np.random.default_rng(0)
    joints = list(policy.spec.joints)
    default = np.array(policy.spec.default_position)
    zeros = np.zeros(9)
    vector, quaternion = types['geometry_msgs/msg/Vector3'], types['geometry_msgs/msg/Quaternion']
    with Writer(path, version=8, storage_plugin=StoragePlugin.MCAP) as writer:
        connections = {
            kind: writer.add_connection(topic, kind, typestore=store)
            for topic, kind in (
                ('/joint_states', 'sensor_msgs/msg/JointState'),
                ('/imu', 'sensor_msgs/msg/Imu'),
                ('/cmd_vel', 'geometry_msgs/msg/Twist'),
            )
        }

        def write(kind: str, stamp_ns: int, message: object) -> None:
            writer.write(connections[kind], stamp_ns, store.serialize_cdr(message, kind))

        for sample in range(round(minutes * 60 * RATE)):
            stamp_ns = 1_000_000_000 + sample * (1_000_000_000 // RATE)
            header = types['std_msgs/msg/Header'](
                stamp=types['builtin_interfaces/msg/Time'](
                    sec=stamp_ns // 1_000_000_000, nanosec=stamp_ns % 1_000_000_000
                ),
                frame_id='imu_link',
            )
            swing = 0.2 * np.sin(0.02 * sample + np.arange(len(joints)))
            roll = 0.05 * np.sin(0.01 * sample)
            if sample % (RATE // 20) == 0:
                write(
                    'geometry_msgs/msg/Twist',
                    stamp_ns,
                    types['geometry_msgs/msg/Twist'](
                        linear=vector(x=0.5, y=0.0, z=0.0),
                        angular=vector(x=0.0, y=0.0, z=float(0.3 * np.sin(sample))),
                    ),
                )
            write(
                'sensor_msgs/msg/Imu',
                stamp_ns,
                types['sensor_msgs/msg/Imu'](
                    header=header,
                    orientation=quaternion(
                        x=float(np.sin(roll)), y=0.0, z=0.0, w=float(np.cos(roll))
                    ),
                    orientation_covariance=zeros,
                    angular_velocity=vector(*rng.normal(0.0, 0.1, 3).tolist()),
                    angular_velocity_covariance=zeros,
                    linear_acceleration=vector(x=0.0, y=0.0, z=9.81),
                    linear_acceleration_covariance=zeros,
                ),
            )
            write(
                'sensor_msgs/msg/JointState',
                stamp_ns,
                types['sensor_msgs/msg/JointState'](
                    header=header,
                    name=joints,
                    position=default + swing,
                    velocity=rng.normal(0.0, 0.5, len(joints)),
                    effort=zeros[:1].repeat(len(joints)),
                ),
            )


def straightforward(
    path: Path, policy: LoadedPolicy
) -> tuple[Float32Array, Float32Array, FloatArray]:
    """Replay as most scripts do: every message an object, every tick a session.run."""
    spec = policy.spec
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(policy.path), options)
    name = session.get_inputs()[0].name
    default = np.array(spec.default_position)
    scale, length = spec.outputs.action.scale, spec.inputs[0].history.length
    frames: list[deque[FloatArray]] = []
    action = np.zeros(len(spec.joints))
    gravity, rate, command = np.zeros(3), np.zeros(3), np.zeros(3)
    observations, actions, targets = [], [], []
    last_ns = -TICK_NS
    with AnyReader([path]) as reader:
        for connection, _, content in reader.messages():
            message = reader.deserialize(content, connection.msgtype)
            if connection.topic == '/imu':
                q, w = message.orientation, message.angular_velocity
                norm = q.w * q.w + q.x * q.x + q.y * q.y + q.z * q.z
                gravity = np.array(
                    [
                        2.0 * (q.w * q.y - q.x * q.z) / norm,
                        -2.0 * (q.y * q.z + q.w * q.x) / norm,
                        -(q.w * q.w - q.x * q.x - q.y * q.y + q.z * q.z) / norm,
                    ]
                )
                rate = np.array([w.x, w.y, w.z])
            elif connection.topic == '/cmd_vel':
                command = np.array([message.linear.x, message.linear.y, message.angular.z])
            else:
                stamp = message.header.stamp
                stamp_ns = stamp.sec * 1_000_000_000 + stamp.nanosec
                if stamp_ns - last_ns < TICK_NS - 1_000_000:
                    continue
                last_ns = stamp_ns
                order = [message.name.index(joint) for joint in spec.joints]
                parts = [
                    rate, gravity, command, message.position[order] - default,
                    message.velocity[order], action,
                ]  # fmt: skip
                if not frames:
                    frames = [deque([part] * length, length) for part in parts]
                else:
                    for frame, part in zip(frames, parts, strict=True):
                        frame.append(part)
                observation = np.concatenate([part for frame in frames for part in frame])
                observation = observation.astype(np.float32)
                raw = session.run(None, {name: observation[None]})[0][0]
                action = raw.astype(np.float64)
                observations.append(observation)
                actions.append(raw)
                targets.append(action * scale + default)
    return np.array(observations), np.array(actions), np.array(targets)


def measure(path: Path, policy: LoadedPolicy) -> dict[str, float]:
    """Replay in both ways, once each, and compare."""
    begin = time.perf_counter()
    source = read_source(path, policy)
    read = time.perf_counter()
    playback = replay(source, policy, CONFIG).playback
    end = time.perf_counter()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    expected = straightforward(path, policy)
    other = time.perf_counter()
    for own, reference in zip(
        (playback.observation, playback.action, playback.target), expected, strict=True
    ):
        np.testing.assert_array_equal(own, reference)
    seconds = float(playback.stamp_ns[-1] - playback.stamp_ns[0]) / 1e9
    return {
        'recording_s': seconds,
        'messages': sum(
            stream.topic.num_messages
            for stream in (
                source.recording.joints,
                source.recording.imu,
                source.recording.command,
            )
            if stream is not None
        ),
        'ticks': len(playback.mode),
        'read_s': read - begin,
        'run_s': end - read,
        'times_real_time': seconds / (end - begin),
        'peak_mib': peak,
        'straightforward_s': other - end,
        'times_faster': (other - end) / (end - begin),
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--minutes', type=float, default=10.0)
    parser.add_argument('--keep', type=Path, help='recording to use, made where it is absent')
    args = parser.parse_args()
    policy = load_policy(share_path() / 'models' / 'quadruped_student.onnx')
    with tempfile.TemporaryDirectory() as folder:
        path = args.keep or Path(folder) / 'recording'
        if not path.exists():
            write_recording(path, policy, args.minutes)
        print(json.dumps(measure(path, policy), indent=2))


if __name__ == '__main__':
    main()
