# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Goals of the benchmark suite, and their evaluation."""

from __future__ import annotations

from typing import Any

OURS_TO_BARE = {'unitree_rl_lab_g1': 2.6, 'quadruped_student': 4.0}
TEXTBOOK_TO_OURS = 4.0
RATE_HZ = 200
P999_TO_BARE = 2.0
RESIDENT_MB = 150.0
FIRST_COMMAND_S = 2.0


def judge(report: dict[str, Any]) -> list[dict[str, object]]:
    """Return every goal with its measured value; ``met`` is None where nothing was measured."""
    goals = []
    if 'tick' in report:
        goals += _tick_goals(report['tick'])
    if 'timing' in report:
        goals += _timing_goals(report['timing'])
    if 'startup' in report:
        startup = report['startup']
        goals += [
            at_most('resident memory of student_node in MB', RESIDENT_MB, startup['resident_mb']),
            at_most(
                'process start to first command in s',
                FIRST_COMMAND_S,
                startup['ours']['median_s'],
            ),
        ]
    return goals


def _tick_goals(tick: dict[str, Any]) -> list[dict[str, object]]:
    goals = []
    for subject in tick['subjects']:
        name, warm = subject['name'], subject.get('warm', {})
        if name in OURS_TO_BARE:
            ratio = warm.get('ours_to_bare', {}).get('median')
            goals.append(at_most(f'B/A of {name}', OURS_TO_BARE[name], ratio))
        ratio = warm.get('textbook_to_ours', {}).get('median')
        met = None if ratio is None else ratio >= TEXTBOOK_TO_OURS
        goals.append(
            {
                'name': f'C/B of {name}',
                'goal': f'>= {TEXTBOOK_TO_OURS}',
                'value': ratio,
                'met': met,
            }
        )
    return goals


def _timing_goals(timing: dict[str, Any]) -> list[dict[str, object]]:
    cell = next(
        (
            cell
            for cell in timing['cells']
            if cell['rate_hz'] == RATE_HZ and cell['fifo'] and cell['hogs']
        ),
        None,
    )
    where = f'at {RATE_HZ} Hz with SCHED_FIFO and CPU load'
    return [
        at_most(
            f'p99.9 of the period error {where}, to the timer baseline',
            P999_TO_BARE,
            cell and cell['p999_to_bare'],
        ),
        at_most(f'missed deadlines {where}', 0, cell and cell['ours']['missed']),
    ]


def at_most(name: str, bound: float, value: float | None) -> dict[str, object]:
    """Return an upper-bound goal with its measured value, None where nothing was measured."""
    met = None if value is None else value <= bound
    return {'name': name, 'goal': f'<= {bound}', 'value': value, 'met': met}
