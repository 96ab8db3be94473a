# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Measure relabeling of many recordings: killed and resumed, in two processes, compressed.

The recordings of one length share their bytes: they are hard links in folders of other names.
"""

from __future__ import annotations

from collections.abc import Sequence
import os
from pathlib import Path
import random
import shutil
import signal
import subprocess
import sys
import time

from distill_runtime.data.dataset.dataset import Dataset, Selection
from distill_runtime.policy.model import LoadedPolicy
import numpy as np
from rosbags.highlevel import AnyReader
from rosbags.rosbag2 import CompressionFormat, CompressionMode, StoragePlugin, Writer

from .relabel import label, write_run, write_teacher
from .replay import write_recording

_ROUNDS = 3


def measure_kills(folder: Path, student: LoadedPolicy, count: int) -> dict[str, float]:
    """Kill the command at random moments, resume it, and compare with an undisturbed run.

    A dataset that is complete is compared and removed, so that every kill meets work.

    Raises:
        RuntimeError: If a dataset differs in a byte.
    """
    write_teacher(folder / 'teacher.onnx', student)
    bags = write_recordings(folder, student, (0.25, 0.5, 1.0), copies=4)
    expected = folder / 'undisturbed'
    begin = time.monotonic()
    _run(_command(folder, bags, expected, student))
    seconds = time.monotonic() - begin
    rng = random.Random(0)
    output = folder / 'killed'
    killed = compared = unfinished = 0
    while killed < count:
        command = _command(folder, bags, output, student)
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(rng.uniform(0.0, seconds))
        process.send_signal(signal.SIGKILL)
        if process.wait() == 0:
            _compare(output, expected)
            shutil.rmtree(output)
            compared += 1
        else:
            killed += 1
            unfinished += any(output.glob('.part-*.tmp'))
    _run(_command(folder, bags, output, student))
    _compare(output, expected)
    return {
        'recordings': len(list(bags.iterdir())),
        's, undisturbed': seconds,
        'kills while it ran': killed,
        'kills in the middle of a part': unfinished,
        'datasets equal byte for byte': compared + 1,
    }


def measure_workers(folder: Path, student: LoadedPolicy) -> dict[str, float]:
    """Return the wall time of one and two processes, in turns; the best of each, in [s]."""
    write_teacher(folder / 'teacher.onnx', student)
    bags = write_recordings(folder, student, (1.0, 2.0, 4.0, 6.0), copies=14)
    seconds: dict[int, list[float]] = {1: [], 2: []}
    for number in range(_ROUNDS):
        for workers, found in seconds.items():
            output = folder / f'labels{number}{workers}'
            begin = time.monotonic()
            label(bags, folder / 'teacher.onnx', output, workers)
            found.append(time.monotonic() - begin)
    _compare(folder / 'labels02', folder / 'labels01')
    ratios = [one / two for one, two in zip(seconds[1], seconds[2], strict=True)]
    return {
        'recordings': len(list(bags.iterdir())),
        's, one worker': min(seconds[1]),
        's, two workers': min(seconds[2]),
        'two workers: times faster': min(seconds[1]) / min(seconds[2]),
        'slowest round: times faster': min(ratios),
        'fastest round: times faster': max(ratios),
    }


def measure_zstd(folder: Path) -> dict[str, float]:
    """Return the CPU time of a recording with and without compressed chunks, in turns, in [s].

    Args:
        folder: With the recording and the teacher.

    Raises:
        RuntimeError: If a label differs.
    """
    compress(folder / 'full', folder / 'zstd')
    seconds: dict[str, list[float]] = {'full': [], 'zstd': []}
    for number in range(_ROUNDS + 1):
        for name, found in seconds.items():
            begin = time.process_time()
            label(folder / name, folder / 'teacher.onnx', folder / f'labels_{name}{number}')
            if number:  # the first round warms up
                found.append(time.process_time() - begin)
    plain, packed = (
        Dataset(folder / f'labels_{name}1').load(['label'], Selection())['label']
        for name in seconds
    )
    if not np.array_equal(plain, packed):
        raise RuntimeError('the labels of the compressed recording differ')
    sizes = [sum(path.stat().st_size for path in (folder / name).iterdir()) for name in seconds]
    return {
        's, plain': min(seconds['full']),
        's, zstd': min(seconds['zstd']),
        'zstd: times slower': min(seconds['zstd']) / min(seconds['full']),
        'zstd: share of the bytes': sizes[1] / sizes[0],
    }


def write_recordings(
    folder: Path, student: LoadedPolicy, minutes: Sequence[float], copies: int
) -> Path:
    """Write recordings of some lengths, each under several names; return their folder."""
    bags = folder / 'bags'
    for length in minutes:
        name = f'{length:g}min'
        spec = student.spec
        write_recording(folder / 'inputs', list(spec.joints), spec.default_position, length)
        write_run(folder / name, folder / 'inputs', student, False)
        shutil.rmtree(folder / 'inputs')
        for copy in range(copies):
            (bags / f'{name}_{copy}').mkdir(parents=True)
            for path in (folder / name).iterdir():
                os.link(path, bags / f'{name}_{copy}' / path.name)
    return bags


def compress(plain: Path, output: Path) -> None:
    """Copy a recording into one with chunks that are compressed by zstd."""
    writer = Writer(output, version=8, storage_plugin=StoragePlugin.MCAP)
    writer.set_compression(CompressionMode.STORAGE, CompressionFormat.ZSTD)
    with AnyReader([plain]) as reader, writer:
        connections = {
            entry.id: writer.add_connection(entry.topic, entry.msgtype, typestore=reader.typestore)
            for entry in reader.connections
        }
        for connection, receive_ns, content in reader.messages():
            writer.write(connections[connection.id], receive_ns, content)


def _command(folder: Path, bags: Path, output: Path, student: LoadedPolicy) -> list[str]:
    return [
        sys.executable, '-m', 'distill_runtime.cli.main', 'relabel', str(bags),
        '--student', str(student.path), '--teacher', str(folder / 'teacher.onnx'),
        '-o', str(output), '-p', 'tilt_limit:=0.0', '--json', str(folder / 'result.json'),
    ]  # fmt: skip


def _run(command: list[str]) -> None:
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def _compare(output: Path, expected: Path) -> None:
    """Refuse a dataset that is not that of another folder, byte for byte."""
    found, wanted = (
        {path.name: path.read_bytes() for path in folder.iterdir()}
        for folder in (output, expected)
    )
    if found != wanted:
        names = [name for name in {*found, *wanted} if found.get(name) != wanted.get(name)]
        raise RuntimeError(f'{names} of {output} differ from those of {expected}')
