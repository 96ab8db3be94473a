# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from types import SimpleNamespace

from distill_runtime.core.modes import Mode
from distill_runtime.data.report.bands import bands, MAX_BANDS
import numpy as np
import pytest


def replay_of(modes, invalid=()):
    """Return what bands look at of a replay."""
    is_valid = np.ones(len(modes), np.bool_)
    is_valid[list(invalid)] = False
    return SimpleNamespace(playback=SimpleNamespace(mode=np.array(modes), is_valid=is_valid))


def bands_of(modes, invalid=()):
    return bands(replay_of(modes, invalid), 0.1 * np.arange(len(modes)))


def test_modes_become_bands_without_gaps():
    modes = [Mode.STANDBY] * 3 + [Mode.POLICY] * 4 + [Mode.STOPPING] * 2 + [Mode.FAULT] * 3
    found = bands_of(modes)
    assert [band.kind for band in found] == ['standby', 'policy', 'stopping', 'fault']
    assert [band.begin for band in found] == pytest.approx([0.0, 0.3, 0.7, 0.9])
    assert [band.end for band in found] == pytest.approx([0.3, 0.7, 0.9, 1.1])


def test_ticks_that_are_not_valid_hide_their_mode_but_no_fault():
    found = bands_of([Mode.POLICY] * 3 + [Mode.FAULT] * 2, invalid=(1, 2, 3))
    assert [band.kind for band in found] == ['policy', 'not valid', 'fault']


def test_many_changes_are_put_together_and_a_fault_among_them_stays():
    modes = [Mode.POLICY, Mode.STANDBY] * 2000
    modes[1234] = Mode.FAULT
    found = bands_of(modes)
    assert len(found) <= MAX_BANDS
    (fault,) = [band for band in found if band.kind == 'fault']
    assert fault.begin <= 123.4 <= fault.end
    assert (found[0].begin, found[-1].end) == (0.0, pytest.approx(399.9))
