# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Compare the speed of replay with a straightforward script, on one core.

The recording: 10 minutes of a quadruped at 500 Hz, JointState (12 joints with velocities and
efforts) and Imu, a Twist at 20 Hz, written as MCAP by rosbags; the policy runs at 50 Hz. The
script reads every message with rosbags, takes the newest one of each topic per tick, and calls
session.run. Both must give the same observations, actions and targets, bit for bit.

    taskset -c 0 python -m benchmarks.replay
    python -m benchmarks.replay --memory --minutes 30
"""

from __future__ import annotations

import argparse
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
import json
from pathlib import Path
import resource
import tempfile
import time
from typing import NamedTuple, TypeVar

from distill_runtime.core.arrays import Float32Array, FloatArray
from distill_runtime.core.config import RunnerConfig
from distill_runtime.data.recording.policy_recording import read_policy_recording
from distill_runtime.data.replay.config import ReplayConfig
from distill_runtime.data.replay.replay import replay
from distill_runtime.policy.model import load_policy, LoadedPolicy
from distill_runtime.share import share_path
import numpy as np
import onnxruntime
from rosbags.highlevel import AnyReader
from rosbags.rosbag2 import StoragePlugin, Writer
from rosbags.typesys import get_typestore, Stores

Figures = TypeVar('Figures')
RATE = 500
TICK_NS = 20_000_000
CONFIG = ReplayConfig(runner=RunnerConfig(start_in='policy', tilt_limit=0.0))


def write_recording(
    path: Path, joints: list[str], default: Sequence[float], minutes: float
) -> None:
    """Write a synthetic recording of joints that swing about their default positions."""
    store = get_typestore(Stores.ROS2_HUMBLE)
    types = store.types
    rng = np.random.default_rng(0)
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
                    position=np.array(default) + swing,
                    velocity=rng.normal(0.0, 0.5, len(joints)),
                    effort=zeros[:1].repeat(len(joints)),
                ),
            )


def straightforward(
    path: Path, policy: LoadedPolicy
) -> tuple[Float32Array, Float32Array, FloatArray]:
    """Replay as a plain script: deserialize every message, call session.run every tick."""
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
                terms = [
                    rate, gravity, command, message.position[order] - default,
                    message.velocity[order], action,
                ]  # fmt: skip
                if not frames:
                    frames = [deque([term] * length, length) for term in terms]
                else:
                    for frame, term in zip(frames, terms, strict=True):
                        frame.append(term)
                observation = np.concatenate([term for frame in frames for term in frame])
                observation = observation.astype(np.float32)
                raw = session.run(None, {name: observation[None]})[0][0]
                action = raw.astype(np.float64)
                observations.append(observation)
                actions.append(raw)
                targets.append(action * scale + default)
    return np.array(observations), np.array(actions), np.array(targets)


class Run(NamedTuple):
    """CPU time of both ways, in [s]."""

    reading: float
    running: float
    straightforward: float


def measure(path: Path, policy: LoadedPolicy) -> Run:
    """Replay both ways, once each, and compare.

    CPU time is measured, since other processes on the machine do not add to it.
    """
    begin = time.process_time()
    source = read_policy_recording(path, policy)
    read = time.process_time()
    playback = replay(source, policy, CONFIG).playback
    end = time.process_time()
    expected = straightforward(path, policy)
    other = time.process_time()
    for rows, reference in zip(
        (playback.observation, playback.action, playback.target), expected, strict=True
    ):
        np.testing.assert_array_equal(rows, reference)
    return Run(read - begin, end - read, other - end)


def read_once(path: Path, policy: LoadedPolicy) -> None:
    """Replay once."""
    replay(read_policy_recording(path, policy), policy, CONFIG)


def measured(
    description: str | None,
    measure: Callable[[Path, LoadedPolicy], Figures],
    read_once: Callable[[Path, LoadedPolicy], None],
) -> tuple[float, list[Figures]]:
    """Measure as the arguments of the command say; return minutes and runs.

    With --memory print only the peak of memory in [MiB] of reading the recording once, and exit.

    Args:
        description: Text of --help.
        measure: Measures once with the recording and the shipped student.
        read_once: Reads the recording once.
    """
    parser = argparse.ArgumentParser(description=description, allow_abbrev=False)
    parser.add_argument('--minutes', type=float, default=10.0, help='length of the recording')
    parser.add_argument('--runs', type=int, default=3, help='number of measurements')
    parser.add_argument('--memory', action='store_true', help='measure the peak of memory only')
    parser.add_argument('--keep', type=Path, help='recording to use, made where it is absent')
    args = parser.parse_args()
    policy = load_policy(share_path() / 'models' / 'quadruped_student.onnx')
    with tempfile.TemporaryDirectory() as folder:
        path = args.keep or Path(folder) / 'recording'
        if not path.exists():
            # in a separate process, whose memory does not count
            with ProcessPoolExecutor(1) as pool:
                spec = policy.spec
                joints, default = list(spec.joints), spec.default_position
                pool.submit(write_recording, path, joints, default, args.minutes).result()
        if not args.memory:
            return args.minutes, [measure(path, policy) for _ in range(args.runs)]
        read_once(path, policy)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({'peak_mib': peak}))
    raise SystemExit


def main() -> None:
    """Measure and print."""
    minutes, runs = measured(__doc__, measure, read_once)
    figures = {
        'reading_s': [run.reading for run in runs],
        'running_s': [run.running for run in runs],
        'straightforward_s': [run.straightforward for run in runs],
        'times_real_time': [60 * minutes / (run.reading + run.running) for run in runs],
        'times_faster': [run.straightforward / (run.reading + run.running) for run in runs],
    }
    print(json.dumps({name: [round(v, 3) for v in values] for name, values in figures.items()}))


if __name__ == '__main__':
    main()
