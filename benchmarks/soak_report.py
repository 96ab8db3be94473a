# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Report of a soak test: figures, a row per time slice and goals, as JSON and as tables."""

from __future__ import annotations

from collections.abc import Sequence
import itertools
import time
from typing import Any, NamedTuple

from distill_runtime.ros.demo.monitor import DemoResult
from figures import figures
from goals import at_most
from soak_misses import find_misses, Miss, Rows
from soak_watch import Sample
from tables import print_goals, print_table

RESIDENT_MB = 1.0
"""Largest allowed change of resident memory after the warm-up."""
WARM_UP = 300.0
"""Warm-up time in [s]; a sixth of a shorter soak."""
_PARTS = 30
_SHOWN = 20
"""Minimum number of misses in the table."""
_DURATIONS = ('late_before_ns', 'late_after_ns', 'held_up_ns')
_STALL_DEADLINES = 5
"""Consecutive missed deadlines that may make the robot fall or latch a fault."""
_STALL_EFFECT_NS = 3_000_000_000
"""Longest time between such a stall and its effect."""


class Walk(NamedTuple):
    """One run of the policy, from start to end."""

    end_ns: int
    """End, in [ns] since 1970."""
    result: DemoResult


def soak_report(
    ticks: Rows,
    probes: Sequence[Rows],
    samples: Sequence[Sample],
    walks: Sequence[Walk],
    period_ns: int,
) -> dict[str, Any]:
    """Return the report.

    Args:
        ticks: Number, stamp and lateness in [ns] of each tick.
        probes: Time and lateness in [ns] of each late wake-up, per processor.
        samples: Memory and tick count of the node, once a second.
        walks: Results of the walks.
        period_ns: Control period.
    """
    misses = find_misses(ticks, probes, period_ns)
    counted = samples[-1].missed - samples[0].missed if samples else 0
    missed = sum(miss.deadlines for miss in misses)
    seconds = sum(walk.result.seconds for walk in walks)
    is_warm_at = round(min(WARM_UP, seconds / 6), 1)
    warm = [sample.resident_bytes for sample in samples if sample.seconds >= is_warm_at]
    report = {
        'seconds': seconds,
        'walks': [_walk_report(walk, misses) for walk in walks],
        'ticks': len(ticks),
        'lateness': figures(ticks[:, 2], 50, 99, 99.9, 100) if len(ticks) else {},
        'missed': missed,
        'missed_unseen': max(0, counted - missed),
        'misses': [miss._asdict() for miss in misses],
        'witness_late': [len(rows) for rows in probes],
        'warm_after_s': is_warm_at,
        'resident_mb': [round(sample.resident_bytes / 1e6, 3) for sample in samples],
        'resident_change_mb': (max(warm) - min(warm)) / 1e6 if warm else None,
        'parts': _parts(ticks, probes, samples, misses),
    }
    report['goals'] = _judge(report)
    return report


def _walk_report(walk: Walk, misses: Sequence[Miss]) -> dict[str, Any]:
    """Return the result of a walk; an explained long stall just before explains an early end."""
    is_explained = any(
        miss.is_explained
        and miss.deadlines >= _STALL_DEADLINES
        and walk.end_ns - _STALL_EFFECT_NS < miss.deadline_ns < walk.end_ns
        for miss in misses
    )
    return {
        'end_ns': walk.end_ns,
        'is_explained': not walk.result.walked and is_explained,
        **walk.result.report(),
    }


def _judge(report: dict[str, Any]) -> list[dict[str, object]]:
    unexplained = sum(miss['deadlines'] for miss in report['misses'] if not miss['is_explained'])
    lost = [walk for walk in report['walks'] if not (walk['walked'] or walk['is_explained'])]
    return [
        at_most('missed deadlines that the machine does not explain', 0, unexplained),
        at_most('missed deadlines that ~/tick does not show', 0, report['missed_unseen']),
        at_most('faults and falls that the machine does not explain', 0, len(lost)),
        at_most(
            f'change of resident memory after {report["warm_after_s"]:g} s in MB',
            RESIDENT_MB,
            report['resident_change_mb'],
        ),
    ]


def _parts(
    ticks: Rows, probes: Sequence[Rows], samples: Sequence[Sample], misses: Sequence[Miss]
) -> list[dict[str, Any]]:
    """Return figures per slice of the time."""
    if len(ticks) < 2:
        return []
    begin, end = int(ticks[0, 1]), int(ticks[-1, 1]) + 1
    edges = [begin + (end - begin) * part // _PARTS for part in range(_PARTS + 1)]
    parts = []
    for lower, upper in itertools.pairwise(edges):
        lateness = ticks[(lower <= ticks[:, 1]) & (ticks[:, 1] < upper), 2]
        inside = [miss for miss in misses if lower <= miss.deadline_ns < upper]
        late = [rows[(lower <= rows[:, 0]) & (rows[:, 0] < upper), 1] for rows in probes]
        until = (upper - begin) / 1e9
        resident = [sample.resident_bytes for sample in samples if sample.seconds <= until]
        parts.append(
            {
                'until_s': round(until, 1),
                'resident_mb': round(resident[-1] / 1e6, 2) if resident else None,
                'ticks': len(lateness),
                'lateness': figures(lateness, 50, 99, 100) if len(lateness) else {},
                'missed': sum(miss.deadlines for miss in inside),
                'unexplained': sum(miss.deadlines for miss in inside if not miss.is_explained),
                'witness_late_ms': round(max((rows.max() / 1e6 for rows in late if len(rows)),
                                             default=0.0), 3),
            }
        )  # fmt: skip
    return parts


def print_soak(report: dict[str, Any]) -> None:
    """Print the tables."""
    rows = [
        (
            f'{part["until_s"] / 60:.1f}',
            f'{part["resident_mb"]:.2f}' if part['resident_mb'] else '-',
            str(part['ticks']),
            ' / '.join(f'{value:.0f}' for value in part['lateness'].values()),
            str(part['missed']),
            str(part['unexplained']),
            f'{part["witness_late_ms"]:.2f}',
        )
        for part in report['parts']
    ]
    heads = (
        'until min',
        'resident MB',
        'ticks',
        'late us p50 / p99 / max',
        'missed',
        'unexplained',
        'machine late ms',
    )
    print_table(f'student_node at {report["rate_hz"]:g} Hz, {report["scheduling"]}', heads, rows)
    rows = [
        (
            _clock(walk['end_ns']),
            f'{walk["seconds"]:.1f}',
            f'{walk["velocity_error"]:.3f}',
            walk['why_not'] or 'the end',
            'the machine' if walk['is_explained'] else '-',
        )
        for walk in report['walks']
    ]
    heads = ('until', 'walked s', 'velocity error m/s', 'ended by', 'explained by')
    print_table('Walks', heads, rows)
    _print_misses(report['misses'])
    if report['fifo_skipped']:
        print(f'SCHED_FIFO skipped: {report["fifo_skipped"]}')
    print_goals(report['goals'])


def _print_misses(misses: Sequence[dict[str, Any]]) -> None:
    """Print all unexplained misses, and the longest of the others."""
    ordered = sorted(misses, key=lambda miss: (miss['is_explained'], -miss['deadlines']))
    unexplained = sum(not miss['is_explained'] for miss in misses)
    shown = ordered[: max(unexplained, _SHOWN)]
    rows = [
        (
            _clock(miss['deadline_ns']),
            str(miss['deadlines']),
            *(f'{miss[name] / 1e6:.2f}' for name in _DURATIONS),
            'the machine' if miss['is_explained'] else '-',
        )
        for miss in shown
    ]
    heads = (
        'at',
        'deadlines',
        'ms late before',
        'ms late after',
        'ms machine late',
        'explained by',
    )
    print_table('Missed deadlines', heads, rows)
    if len(shown) < len(misses):
        print(f'{len(misses) - len(shown)} more, all explained: --json has them')


def _clock(stamp_ns: int) -> str:
    return time.strftime('%H:%M:%S', time.localtime(stamp_ns / 1e9))
