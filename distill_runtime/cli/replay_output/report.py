# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Machine-readable results of `replay`: JSON, JUnit and a file of ticks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, BinaryIO
import zipfile

from distill_runtime.cli.terminal.junit import Suite
from distill_runtime.core.modes import Mode
from distill_runtime.data.recording.commands import Commands
from distill_runtime.data.recording.row_store import RowStore
from distill_runtime.data.recording.series import JointStream, Stream
from distill_runtime.data.replay.assessment import Assessment, times
from distill_runtime.data.replay.compare import ColumnDifference, Difference, PERCENTILES
from distill_runtime.data.replay.motion import Motion
from distill_runtime.data.replay.replay import Replay
from distill_runtime.policy.model import LoadedPolicy
from distill_runtime.policy.model_file.model_files import write_file
from distill_runtime.policy.versions import versions
import numpy as np
import numpy.typing as npt

_ROWS = 4096  # per write
_KEYS = {'commands': 'joints', 'observation': 'terms', 'action': 'actions'}


def replay_report(
    replay: Replay, policy: LoadedPolicy, found: Assessment, rules_name: str
) -> dict[str, object]:
    """Return the report."""
    playback = replay.playback
    return {
        'verdict': found.verdict,
        'passed': found.verdict == 'within',
        'breaches': [vars(breach) for breach in found.breaches],
        'against': found.against,
        'rules': rules_name,
        'ticks': len(playback.mode),
        'invalid': int(np.count_nonzero(~playback.is_valid)),
        'invalid_reasons': {
            code: {'count': entry.count, 'first_tick': entry.first_tick, 'text': entry.text}
            for code, entry in playback.reasons.items()
        },
        'ticks_from': tick_source(replay),
        'is_same_model': replay.run.is_same_model,
        'is_approximate': replay.is_approximate,
        'modes': {
            mode.name.lower(): int(np.count_nonzero(playback.mode == mode)) for mode in Mode
        },
        'recording': _recording(replay),
        'model': model_facts(policy),
        'versions': replay_versions(),
        **_differences(found, replay),
        'motion': _motion(found.motion, policy.spec.joints),
        'findings': [
            asdict(finding) for finding in (found.inspection.findings if found.inspection else ())
        ],
    }


def _recording(replay: Replay) -> dict[str, object]:
    return {
        'path': str(replay.source.recording.path),
        'damage': replay.source.damage,
        'troubles': [vars(anomaly) for anomaly in replay.anomalies],
        'topics': {
            name: {
                'name': stream.topic.name,
                'type': stream.topic.type,
                'messages': stream.topic.num_messages,
                'left_out': stream.num_skipped,
            }
            for name, stream in streams(replay)
        },
    }


def _differences(found: Assessment, replay: Replay) -> dict[str, object]:
    """Return the differences per joint, term and action, empty where nothing is compared."""
    report: dict[str, object] = {'joints': {}, 'terms': {}, 'actions': {}}
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


def streams(replay: Replay) -> Iterator[tuple[str, Stream | JointStream | Commands]]:
    """Yield the recorded inputs and commands by their names in student_node."""
    yield from replay.source.recording.inputs()
    if replay.source.commands is not None:
        yield 'joint_command', replay.source.commands


def tick_source(replay: Replay) -> str:
    """Return the topic that the ticks come from."""
    log = replay.source.log
    return replay.source.recording.joints.topic.name if log is None else log.topic.name


def replay_versions() -> dict[str, str]:
    """Return the library versions that numbers may depend on."""
    return versions('distill_runtime', 'numpy', 'onnxruntime', 'rosbags')


def model_facts(policy: LoadedPolicy) -> dict[str, object]:
    """Return path, name and hash of a model."""
    return {'path': str(policy.path), 'name': policy.spec.name, 'sha256': policy.sha256}


def write_ticks(path: Path, replay: Replay) -> None:
    """Write one row per tick as .npz, block by block.

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

    write_file(path, write, '--ticks')


def replay_suite(
    policy: LoadedPolicy, recording: str, cases: Sequence[tuple[str, str, str]], name: str = ''
) -> Suite:
    """Return the results over one recording for JUnit."""
    title = f'replay of {policy.spec.name}' + (f' over {name}' if name else '')
    facts = {'recording': recording, 'model sha256': policy.sha256, **replay_versions()}
    return Suite(title, cases, facts)


def junit_cases(found: Assessment) -> Iterator[tuple[str, str, str]]:
    """Yield one case per joint, term and action, and one per other broken threshold."""
    reported = set()
    for difference in found.differences:
        for column in difference.columns:
            problems = [
                breach.text
                for breach in found.breaches
                if (breach.what, breach.name) == (difference.what, column.name)
            ]
            reported.add((difference.what, column.name))
            yield f'replay.{difference.what}', column.name, '; '.join(problems)
    for breach in found.breaches:
        if (breach.what, breach.name) not in reported:
            yield f'replay.{breach.what}', breach.name or breach.metric, breach.text
    if found.verdict == 'not_compared':
        yield 'replay', 'compared', 'the recording has nothing to compare with'


def _column(
    column: ColumnDifference, difference: Difference, replay: Replay, moments: Sequence[float]
) -> dict[str, object]:
    first = column.first_exceeded
    return {
        'max': column.max,
        'rms': column.rms,
        **{
            f'p{name:.0f}': value
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
            'own': first.value,
            'reference': first.reference,
        },
    }


def _motion(motion: Motion, joints: Sequence[str]) -> dict[str, object]:
    return {
        name: {key: float(values[joint]) for key, values in vars(motion).items()}
        for joint, name in enumerate(joints)
    }
