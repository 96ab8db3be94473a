# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Print the results as tables."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

Row = Sequence[str]


def print_report(report: dict[str, Any]) -> None:
    """Print every measured part, and the goals."""
    machine = report['machine']
    load = machine['load_average'][0]
    print(f'{machine["cpu"]}, {machine["cores"]} cores, load average at the start {load}')
    if 'tick' in report:
        _print_tick(report['tick'])
    if 'timing' in report:
        _print_timing(report['timing'])
    if 'startup' in report:
        startup = report['startup']
        rows = [
            (words, _seconds(startup['ours'][key]), _seconds(startup['plain'][key]))
            for words, key in (
                ('process start to first command, median', 'median_s'),
                ('all starts', 'first_command_s'),
            )
        ]
        rows.append(
            (f'resident after {startup["ticking_s"]:g} s', f'{startup["resident_mb"]} MB', '')
        )
        print_table(
            f'student_node process, {startup["subject"]}', ('', 'ours', 'plain node'), rows
        )
    print_goals(report['goals'])


def print_goals(goals: Sequence[dict[str, Any]]) -> None:
    """Print each goal with its measured value and verdict."""
    words = {True: 'met', False: 'missed', None: 'not measured'}
    rows = [
        (goal['name'], goal['goal'], _shown(goal['value']), words[goal['met']]) for goal in goals
    ]
    print_table('Goals', ('', 'goal', 'measured', ''), rows)


def _print_tick(tick: dict[str, Any]) -> None:
    rows, stages = [], []
    scheduling = {s['scheduling'] for s in tick['subjects'] if 'scheduling' in s}
    for subject in tick['subjects']:
        for pace in ('warm', 'paced'):
            if 'skipped' in subject:
                continue
            result = subject[pace]
            candidates = (result['bare'], result['ours'], result.get('textbook'))
            rows.append(
                (
                    subject['name'],
                    pace,
                    *(f'{c["p50_us"]:.1f} / {c["p99_us"]:.1f}' if c else '-' for c in candidates),
                    _ratio(result['ours_to_bare']),
                    _ratio(result.get('textbook_to_ours')),
                )
            )
            times = [f'{value:.1f}' for value in result['ours_parts'].values()]
            stages.append((subject['name'], pace, *times, f'{result["bare"]["p50_us"]:.1f}'))
    print_table(
        f'One tick in us, p50 / p99, {", ".join(sorted(scheduling))}',
        ('policy', 'pace', 'A bare inference', 'B ours', 'C textbook node', 'B/A', 'C/B'),
        rows,
    )
    heads = ('policy', 'pace', 'clock', 'inputs', 'step', 'output', 'A, within step')
    print_table('Stages of our tick, p50 in us', heads, stages)
    for subject in tick['subjects']:
        reason = subject.get('skipped') or subject.get('textbook_skipped')
        if reason:
            print(f'{subject["name"]} skipped: {reason}')


def _print_timing(timing: dict[str, Any]) -> None:
    rows = [
        (
            f'{cell["rate_hz"]} Hz',
            'FIFO' if cell['fifo'] else 'OTHER',
            f'{cell["hogs"]} cores busy' if cell['hogs'] else 'idle',
            _errors(cell['ours']),
            str(cell['ours']['missed']),
            _errors(cell['bare']),
            str(cell['bare']['missed']),
            f'{cell["p999_to_bare"]:.2f}',
            f'{cell["stolen_s"]:.2f} s',
        )
        for cell in timing['cells']
    ]
    heads = (
        'rate',
        '',
        'load',
        'ours',
        'missed',
        'timer baseline',
        'missed',
        'p99.9 ratio',
        'stolen',
    )
    print_table('Period error in us, p50 / p99 / p99.9', heads, rows)
    if timing['fifo_skipped']:
        print(f'SCHED_FIFO skipped: {timing["fifo_skipped"]}')


def _seconds(values: float | list[float]) -> str:
    values = values if isinstance(values, list) else [values]
    return ', '.join(f'{value:.2f}' for value in values) + ' s'


def _errors(result: dict[str, float]) -> str:
    return ' / '.join(f'{result[name]:.1f}' for name in ('p50_us', 'p99_us', 'p999_us'))


def _ratio(ratio: dict[str, float] | None) -> str:
    if ratio is None:
        return '-'
    return f'{ratio["median"]:.2f} ({ratio["least_block"]:.2f} to {ratio["greatest_block"]:.2f})'


def _shown(value: float | str | None) -> str:
    return '-' if value is None else value if isinstance(value, str) else f'{value:g}'


def print_table(title: str, heads: Row, rows: Sequence[Row]) -> None:
    """Print one table, unless it has no rows."""
    if not rows:
        return
    table = Table(*heads, title=title, title_justify='left')
    for row in rows:
        table.add_row(*row)
    console = Console()
    if not console.is_terminal:
        console.width = 200  # do not cut cells off in a file or a pipe
    console.print(table)
