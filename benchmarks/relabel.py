# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Compare the speed of relabeling with a straightforward script, on one core.

The full recording is that of benchmarks.replay, a quadruped at 500 Hz and the shipped student at
50 Hz, with the joint commands. The other one is what student_node records of the same run: the
messages that it used, and its ticks, observations, actions and commands. The teacher is a network
of 225-512-256-128-12 with the spec of the student. The script reads every message of the full
recording with rosbags, takes the newest one of each topic per tick, and calls session.run for
student and teacher.

    taskset -c 0 python -m benchmarks.relabel
    python -m benchmarks.relabel --memory --minutes 120
    taskset -c 0 python -m benchmarks.relabel --zstd
    python -m benchmarks.relabel --workers
    python -m benchmarks.relabel --kills 50
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
import itertools
import json
from multiprocessing import get_context
from pathlib import Path
import tempfile
import time

from distill_runtime.core.arrays import Float32Array
from distill_runtime.data.dataset.dataset import Dataset, Selection
from distill_runtime.data.recording.policy_recording import read_policy_recording
from distill_runtime.data.relabel.config import PolicyFile, RelabelConfig
from distill_runtime.data.relabel.run import relabel
from distill_runtime.data.replay.replay import replay
from distill_runtime.policy.model import load_policy, LoadedPolicy
from distill_runtime.share import share_path
from distill_runtime.wire.tick_fields import FAULT_ACTION, model_number, TICK_FIELDS
import numpy as np
import onnx
from onnx import helper, numpy_helper
import onnxruntime
from rosbags.highlevel import AnyReader
from rosbags.rosbag2 import StoragePlugin, Writer
from rosbags.typesys import get_typestore, Stores

from .replay import CONFIG, straightforward, write_recording

_STUDENT = share_path() / 'models' / 'quadruped_student.onnx'
_HIDDEN = (512, 256, 128)


def write_teacher(path: Path, student: LoadedPolicy) -> None:
    """Write a network with random weights and the spec of the student."""
    rng = np.random.default_rng(1)
    widths = [student.session.observation.size, *_HIDDEN, student.session.action.size]
    nodes, weights, name = [], [], 'obs'
    for layer, (wide, narrow) in enumerate(itertools.pairwise(widths)):
        matrix = rng.normal(0.0, 1.0 / np.sqrt(wide), (wide, narrow)).astype(np.float32)
        weights += [
            numpy_helper.from_array(matrix, f'w{layer}'),
            numpy_helper.from_array(np.zeros(narrow, np.float32), f'b{layer}'),
        ]
        nodes.append(helper.make_node('Gemm', [name, f'w{layer}', f'b{layer}'], [f'h{layer}']))
        is_last = layer == len(_HIDDEN)
        name = 'actions' if is_last else f'a{layer}'
        nodes.append(helper.make_node('Tanh' if is_last else 'Elu', [f'h{layer}'], [name]))
    graph = helper.make_graph(
        nodes,
        'teacher',
        [helper.make_tensor_value_info('obs', onnx.TensorProto.FLOAT, ['N', widths[0]])],
        [helper.make_tensor_value_info('actions', onnx.TensorProto.FLOAT, ['N', widths[-1]])],
        weights,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid('', 17)], ir_version=8)
    spec = student.graph.metadata['distill_runtime.spec']
    helper.set_model_props(model, {'distill_runtime.spec': spec})
    onnx.save(model, str(path))


def write_run(path: Path, inputs: Path, student: LoadedPolicy, is_own: bool) -> None:
    """Write a recording of a run.

    Args:
        path: Folder of the recording.
        inputs: Recording of its inputs.
        student: The policy that acts.
        is_own: Write what student_node records; else all inputs and the commands.
    """
    source = read_policy_recording(inputs, student)
    done = replay(source, student, CONFIG).playback
    store = get_typestore(Stores.ROS2_HUMBLE)
    types = store.types
    node = '/student_node'
    dim = types['std_msgs/msg/MultiArrayDimension']
    layout = types['std_msgs/msg/MultiArrayLayout']
    floats = 'std_msgs/msg/Float32MultiArray'
    labels = (*TICK_FIELDS, FAULT_ACTION)
    tick_layout = layout(dim=[dim(label=x, size=1, stride=1) for x in labels], data_offset=0)
    model = model_number(student.sha256)
    used = {
        '/joint_states': set(done.ticks.stamps.joints.tolist()),
        '/imu': set(done.ticks.stamps.imu.tolist()),
    }
    with (
        AnyReader([inputs]) as reader,
        Writer(path, version=8, storage_plugin=StoragePlugin.MCAP) as writer,
    ):
        connections = {
            entry.topic: writer.add_connection(entry.topic, entry.msgtype, typestore=store)
            for entry in reader.connections
        }
        for topic, kind in (
            ('tick', 'std_msgs/msg/Int64MultiArray'),
            ('observation', floats),
            ('action', floats),
            ('joint_command', 'sensor_msgs/msg/JointState'),
        ):
            name = '/joint_command' if topic == 'joint_command' else f'{node}/{topic}'
            connections[topic] = writer.add_connection(name, kind, typestore=store)
        observation = done.observation[:]
        number = 0
        stamps = done.stamp_ns.tolist()
        command_ns = done.ticks.stamps.command.tolist()
        for connection, receive_ns, content in reader.messages():
            topic = connection.topic
            is_used = topic not in used or receive_ns in used[topic]
            if is_used or not is_own:
                writer.write(connections[topic], receive_ns, content)
            if topic != '/joint_states' or not is_used:
                continue
            stamp_ns = stamps[number]
            sent_ns = command_ns[number]
            values = [
                number, stamp_ns, stamp_ns, int(done.ticks.stamps.imu[number]),
                sent_ns if sent_ns > 0 else -1, -1, 2, model, 0, 0,
            ]  # fmt: skip
            header = types['std_msgs/msg/Header'](
                stamp=types['builtin_interfaces/msg/Time'](
                    sec=stamp_ns // 1_000_000_000, nanosec=stamp_ns % 1_000_000_000
                ),
                frame_id='',
            )
            none = np.zeros(0)
            for name, message in (
                ('joint_command', types['sensor_msgs/msg/JointState'](
                    header=header, name=list(student.spec.joints),
                    position=done.command[number], velocity=none, effort=none)),
                ('observation', types[floats](layout=layout(
                    dim=[dim(label='all', size=observation.shape[1], stride=1)], data_offset=0),
                    data=observation[number])),
                ('action', types[floats](layout=layout(
                    dim=[dim(label='all', size=done.action.shape[1], stride=1)], data_offset=0),
                    data=done.action[number])),
                ('tick', types['std_msgs/msg/Int64MultiArray'](
                    layout=tick_layout, data=np.array(values, np.int64))),
            ):  # fmt: skip
                if not is_own and name != 'joint_command':
                    continue
                kind = connections[name].msgtype
                writer.write(
                    connections[name], receive_ns + 100_000, store.serialize_cdr(message, kind)
                )
            number += 1


def script(path: Path, student: LoadedPolicy, teacher: LoadedPolicy) -> Float32Array:
    """Label as a plain script; the teacher reads the student's observation."""
    observations, _, _ = straightforward(path, student)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(teacher.path), options)
    name = session.get_inputs()[0].name
    return np.array([session.run(None, {name: row[None]})[0][0] for row in observations])


def label(path: Path, teacher: Path, output: Path, workers: int = 1) -> None:
    """Relabel as the command does."""
    config = RelabelConfig(
        student=PolicyFile(model=_STUDENT),
        teachers=(PolicyFile(model=teacher, name='teacher'),),
        parameters=(('tilt_limit', 0.0),),
    )
    for result in relabel([path], config, output, workers=workers):
        if result.problem:
            raise RuntimeError(result.problem)


@contextmanager
def recordings(minutes: float) -> Iterator[tuple[Path, LoadedPolicy]]:
    """Write the full recording and the teacher into a folder."""
    student = load_policy(_STUDENT)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_teacher(folder / 'teacher.onnx', student)
        spec = student.spec
        write_recording(folder / 'inputs', list(spec.joints), spec.default_position, minutes)
        write_run(folder / 'full', folder / 'inputs', student, False)
        yield folder, student


def measure(minutes: float) -> dict[str, float]:
    """Return the CPU time of all ways, in [s], and their ratios."""
    with recordings(minutes) as (folder, student):
        teacher = load_policy(folder / 'teacher.onnx')
        write_run(folder / 'own', folder / 'inputs', student, True)
        seconds: dict[str, float] = {}
        begin = time.process_time()
        expected = script(folder / 'full', student, teacher)
        seconds['script'] = time.process_time() - begin
        for name in ('full', 'own'):
            begin = time.process_time()
            label(folder / name, folder / 'teacher.onnx', folder / f'labels_{name}')
            seconds[name] = time.process_time() - begin
            found = Dataset(folder / f'labels_{name}').load(['step', 'label'], Selection())
            difference = np.abs(found['label'] - expected[found['step']]).max()
            seconds[f'{name}: valid labels'] = len(found['step']) / len(expected)
            seconds[f'{name}: largest difference'] = float(difference)
    for name in ('full', 'own'):
        seconds[f'{name}: times faster than the script'] = seconds['script'] / seconds[name]
        seconds[f'{name}: times real time'] = minutes * 60.0 / seconds[name]
    return seconds


def _peak(folder: Path) -> float:
    """Return the peak memory of relabeling in this process, in [MiB]."""
    label(folder / 'full', folder / 'teacher.onnx', folder / 'labels')
    # not ru_maxrss: that of the process which wrote the recording would be included
    status = Path('/proc/self/status').read_text()
    return int(status.partition('VmHWM:')[2].split()[0]) / 1024.0


def measure_runs(minutes: float, kills: int | None, is_compressed: bool) -> dict[str, float]:
    """Measure many or compressed recordings, see relabel_runs."""
    from .relabel_runs import measure_kills, measure_workers, measure_zstd

    if is_compressed:
        with recordings(minutes) as (folder, _):
            return measure_zstd(folder)
    student = load_policy(_STUDENT)
    with tempfile.TemporaryDirectory() as name:
        if kills:
            return measure_kills(Path(name), student, kills)
        return measure_workers(Path(name), student)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument('--minutes', type=float, default=10.0)
    what = parser.add_mutually_exclusive_group()
    what.add_argument('--memory', action='store_true', help='measure the peak memory')
    what.add_argument('--zstd', action='store_true', help='measure compressed recordings')
    what.add_argument('--workers', action='store_true', help='compare one and two processes')
    what.add_argument('--kills', type=int, metavar='N', help='kill and resume the command')
    parser.add_argument('--json', help='write the result to a file')
    args = parser.parse_args()
    if args.memory:
        with (
            recordings(args.minutes) as (folder, _),
            ProcessPoolExecutor(1, mp_context=get_context('spawn')) as pool,
        ):
            result = {'peak MiB': pool.submit(_peak, folder).result()}
    elif args.zstd or args.workers or args.kills:
        result = measure_runs(args.minutes, args.kills, args.zstd)
    else:
        result = measure(args.minutes)
    for name, value in result.items():
        print(f'{name:36s} {value:12.4g}')
    if args.json:
        Path(args.json).write_text(json.dumps(result, indent=1))


if __name__ == '__main__':
    main()
