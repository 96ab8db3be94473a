# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from importlib.util import module_from_spec, spec_from_file_location
import json
import subprocess
import sys

from distill_runtime.share import share_path
import numpy as np
import pytest

SOAK = share_path() / 'benchmarks' / 'soak.py'
PERIOD = 5_000_000
T0 = 1_700_000_000_000_000_000
MS = 1_000_000


@pytest.fixture(scope='module')
def soak_misses():
    """Return the module, which is not part of the package."""
    spec = spec_from_file_location('soak_misses', SOAK.with_name('soak_misses.py'))
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def ticks(*rows):
    """Return ticks from the grid index of each deadline and the lateness in [ns]."""
    return np.array(
        [(number, T0 + index * PERIOD + late, late) for number, (index, late) in enumerate(rows)],
        np.int64,
    )


def probe(*rows):
    """Return late wake-ups from time since the first deadline and lateness, both in [ns]."""
    return np.array([(T0 + time_ns, late) for time_ns, late in rows], np.int64).reshape(-1, 2)


def test_consecutive_missed_deadlines_are_one_miss(soak_misses):
    kept = ticks((0, 10_000), (1, 4 * MS), (2, 0), (3, 20_000))
    assert soak_misses.find_misses(kept, [probe()], PERIOD) == []
    seen = ticks((0, 0), (1, 2 * MS), (4, 30_000), (5, 0), (7, 0))
    misses = soak_misses.find_misses(seen, [probe()], PERIOD)
    assert [miss.deadlines for miss in misses] == [2, 1]
    first = misses[0]
    assert (first.deadline_ns, first.late_before_ns) == (T0 + PERIOD, 2 * MS)
    assert first.late_after_ns == 30_000
    assert (first.held_up_ns, first.is_explained) == (0, False)


def test_lost_tick_messages_are_not_misses(soak_misses):
    sent = ticks((0, 0), (1, 0), (2, 0), (3, 0), (4, 0), (6, 0))
    received = sent[[0, 1, 4, 5]]
    (miss,) = soak_misses.find_misses(received, [probe()], PERIOD)
    assert (miss.deadline_ns, miss.deadlines) == (T0 + 4 * PERIOD, 1)


@pytest.mark.needs('ros', 'sim')
def test_soak_of_a_few_seconds_reports_ticks_memory_and_a_verdict(tmp_path):
    report_file = tmp_path / 'soak.json'
    result = subprocess.run(
        [sys.executable, SOAK, '--seconds', '2', '--json', report_file],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert result.returncode in (0, 1), result.stderr
    report = json.loads(report_file.read_text())
    assert result.returncode == (not all(goal['met'] for goal in report['goals']))
    assert len(report['goals']) == 4
    assert report['ticks'] > 100
    assert sum(part['ticks'] for part in report['parts']) == report['ticks']
    assert min(report['resident_mb']) > 20.0
    assert report['missed'] == sum(miss['deadlines'] for miss in report['misses'])
    assert 'resident MB' in result.stdout


def test_soak_that_is_too_short_is_refused():
    result = subprocess.run(
        [sys.executable, SOAK, '--seconds', '1'],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert result.returncode == 2
    assert result.stderr == 'soak: --seconds is 1.0, expected at least 2\n'


@pytest.mark.parametrize(
    ('time_ns', 'late', 'is_explained'),
    [
        (3 * PERIOD, 9 * MS, True),
        (PERIOD, 40 * MS, False),  # before the miss
        (5 * PERIOD + 8 * MS, 8 * MS, False),  # after the miss
        (3 * PERIOD, 2 * MS, False),  # too short
    ],
)
def test_miss_is_explained_by_a_probe_that_is_late_at_the_same_time(
    soak_misses, time_ns, late, is_explained
):
    probes = [probe((PERIOD + MS, MS // 2)), probe((2 * MS, MS), (time_ns, late))]
    (miss,) = soak_misses.find_misses(ticks((0, 0), (1, 0), (4, 0)), probes, PERIOD)
    assert miss.is_explained == is_explained
    assert not is_explained or miss.held_up_ns == late
