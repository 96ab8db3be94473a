# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""The results of `replay` as JSON, JUnit and .npz."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
import math
from pathlib import Path
from typing import Any, BinaryIO
import zipfile

from distill_runtime.cli.terminal.junit import Suite
from distill_runtime.cli.terminal.output import write_file
from distill_runtime.data.recording.row_store import RowStore
from distill_runtime.data.replay.assessment import Assessment, times
from distill_runtime.data.replay.compare import ColumnDifference, Difference, PERCENTILES
from distill_runtime.data.replay.motion import Motion
from distill_runtime.data.replay.replay import Replay
from distill_runtime.data.replay.verdict import Breach
from distill_runtime.policy.model import LoadedPolicy
from distill_runtime.policy.versions import versions
import numpy as np
import numpy.typing as npt

_ROWS = 4096  # that are written at once
_KEYS = {'commands': 'joints', 'observation': 'terms', 'action': 'actions'}


def replay_report(
    replay: Replay, policy: LoadedPolicy, found: Assessment, rules_name: str
) -> dict[str, object]:
    """Return the report."""
    playback, source = replay.playback, replay.source
    recording = source.recording
    streams = {
        'joint_states': recording.joints,
        'imu': recording.imu,
        'odom': recording.odometry,
        'cmd_vel': recording.command,
        'joint_command': source.commands,
    }
    report: dict[str, object] = {
        'verdict': found.verdict,
        'passed': found.verdict == 'within',
        'breaches': [_breach(breach) for breach in found.breaches],
        'against': found.against,
        'rules': rules_name,
        'ticks': len(playback.mode),
        'invalid': int(np.count_nonzero(~playback.is_valid)),
        'invalid_reasons': {
            code: {'count': entry.count, 'first_tick': entry.first_tick, 'text': entry.text}
            for code, entry in playback.reasons.items()
        },
        'ticks_from': tick_source(replay),
        'is_same_model': replay.is_same_model,
        'is_approximate': replay.is_approximate,
        'modes': {
            name: int(np.count_nonzero(playback.mode == mode))
            for mode, name in ((1, 'standby'), (2, 'policy'), (3, 'fault'), (4, 'stopping'))
        },
        'recording': {
            'path': str(recording.path),
            'damage': list(source.damage),
            'troubles': [asdict(anomaly) for anomaly in replay.anomalies],
            'topics': {
                name: {
                    'name': stream.topic.name,
                    'type': stream.topic.type,
                    'messages': stream.topic.num_messages,
                    'left_out': stream.num_skipped,
                }
                for name, stream in streams.items()
                if stream is not None
            },
        },
        'model': model_facts(policy),
        'versions': replay_versions(),
        'joints': {},
        'terms': {},
        'actions': {},
        'motion': _motion(found.motion, policy.spec.joints),
        'findings': [
            {
                'code': finding.code,
                'severity': finding.severity,
                'message': finding.message,
                'hint': finding.hint,
            }
            for finding in (found.inspection.findings if found.inspection else ())
        ],
    }
    moments = times(replay)
    for difference in found.differences:
        report[_KEYS[difference.what]] = {
            column.name: _column(column, difference, replay, moments)
            for column in difference.columns
        }
        report[f'{difference.what}_compared'] = {
            'ticks': difference.num_ticks,
            'equal': difference.num_equal,
        }
    return report


def tick_source(replay: Replay) -> str:
    """Return the topic that defines the ticks."""
    log = replay.source.log
    return replay.source.recording.joints.topic.name if log is None else log.topic.name


def replay_versions() -> dict[str, str]:
    """Return the versions that numbers may depend on."""
    return versions('distill_runtime', 'numpy', 'onnxruntime', 'rosbags')


def model_facts(policy: LoadedPolicy) -> dict[str, object]:
    """Return path, name and hash of the model."""
    return {'path': str(policy.path), 'name': policy.spec.name, 'sha256': policy.sha256}


def write_ticks(path: Path, replay: Replay) -> None:
    """Write one row per tick as .npz, chunk by chunk.

    Raises:
        ConfigError: If the file cannot be written.
    """
    playback = replay.playback
    arrays: dict[str, npt.NDArray[Any] | RowStore] = {
        'stamp_ns': playback.stamp_ns,
        'observation': playback.observation,
        'action': playback.action,
        'target': playback.target,
        'command': playback.command,
        'mode': playback.mode,
        'valid': playback.is_valid,
    }

    def write(file: BinaryIO) -> None:
        with zipfile.ZipFile(file, 'w') as archive:
            for name, rows in arrays.items():
                with archive.open(f'{name}.npy', 'w', force_zip64=True) as out:
                    kind = np.lib.format.dtype_to_descr(rows[:0].dtype)
                    header = {'descr': kind, 'fortran_order': False, 'shape': rows.shape}
                    np.lib.format.write_array_header_2_0(out, header)
                    for begin in range(0, rows.shape[0], _ROWS):
                        out.write(rows[begin : begin + _ROWS].tobytes())

    write_file(path, '--ticks', write)


def recording_suite(
    policy: LoadedPolicy, recording: str, found: Assessment, name: str = ''
) -> Suite:
    """Return the results over one recording for JUnit.

    Args:
        policy: The replayed policy.
        recording: Path of the recording.
        found: Its assessment.
        name: Of the recording, where there are several.
    """
    return Suite(
        suite_name(policy, name), list(_junit_cases(found)), suite_facts(policy, recording)
    )


def suite_name(policy: LoadedPolicy, name: str = '') -> str:
    """Return the name of the results over a recording."""
    return f'replay of {policy.spec.name}' + (f' over {name}' if name else '')


def suite_facts(policy: LoadedPolicy, recording: str) -> dict[str, str]:
    """Return where the results over a recording come from."""
    return {'recording': recording, 'model sha256': policy.sha256, **replay_versions()}


def _junit_cases(found: Assessment) -> Iterator[tuple[str, str, str]]:
    """Yield one case per joint, term and action, and one for each other breach."""
    compared = set()
    for difference in found.differences:
        for column in difference.columns:
            problems = [
                breach.text
                for breach in found.breaches
                if (breach.what, breach.name) == (difference.what, column.name)
            ]
            compared.add((difference.what, column.name))
            yield f'replay.{difference.what}', column.name, '; '.join(problems)
    for breach in found.breaches:
        if (breach.what, breach.name) not in compared:
            yield f'replay.{breach.what}', breach.name or breach.metric, breach.text
    if found.verdict == 'not_compared':
        yield 'replay', 'compared', 'the recording holds nothing to compare with'


def _column(
    column: ColumnDifference, difference: Difference, replay: Replay, moments: Sequence[float]
) -> dict[str, object]:
    first = column.first_exceeded
    return {
        'max': _number(column.max),
        'rms': _number(column.rms),
        **{
            f'p{name:.0f}': _number(value)
            for name, value in zip(PERCENTILES, column.percentiles, strict=True)
        },
        'exceeded': column.num_exceeded,
        'tolerance': difference.tolerance,
        'first_exceeded': None
        if first is None
        else {
            'tick': first.tick,
            'stamp_ns': int(replay.playback.stamp_ns[first.tick]),
            'seconds': moments[first.tick],
            'element': first.column,
            'own': _number(first.value),
            'reference': _number(first.reference),
        },
    }


def _breach(breach: Breach) -> dict[str, object]:
    return {
        'what': breach.what,
        'name': breach.name,
        'metric': breach.metric,
        'value': _number(breach.value),
        'limit': breach.limit,
        'text': breach.text,
    }


def _motion(motion: Motion, joints: Sequence[str]) -> dict[str, object]:
    return {
        name: {key: _number(float(values[joint])) for key, values in vars(motion).items()}
        for joint, name in enumerate(joints)
    }


def _number(value: float) -> float | str | None:
    """Return a number as JSON has it: NaN is null, infinity is text."""
    if math.isnan(value):
        return None
    return value if math.isfinite(value) else str(value)
