# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from types import SimpleNamespace

from distill_runtime.core.modes import Mode
import numpy as np
import pytest

pytest.importorskip('plotly', reason='no plotly here')


def replay_of(modes, invalid=()):
    """Return the parts of a replay that bands read."""
    is_valid = np.ones(len(modes), np.bool_)
    is_valid[list(invalid)] = False
    return SimpleNamespace(playback=SimpleNamespace(mode=np.array(modes), is_valid=is_valid))


def bands_of(modes, invalid=()):
    from distill_runtime.data.report.figures import bands

    return bands(replay_of(modes, invalid), 0.1 * np.arange(len(modes)))


def test_modes_become_bands_without_gaps():
    modes = [Mode.STANDBY] * 3 + [Mode.POLICY] * 4 + [Mode.STOPPING] * 2 + [Mode.FAULT] * 3
    found = bands_of(modes)
    assert [band.kind for band in found] == ['standby', 'policy', 'stopping', 'fault']
    assert [band.begin for band in found] == pytest.approx([0.0, 0.3, 0.7, 0.9])
    assert [band.end for band in found] == pytest.approx([0.3, 0.7, 0.9, 1.1])


def test_invalid_ticks_replace_their_mode_but_not_a_fault():
    found = bands_of([Mode.POLICY] * 3 + [Mode.FAULT] * 2, invalid=(1, 2, 3))
    assert [band.kind for band in found] == ['policy', 'not valid', 'fault']


def test_many_changes_are_merged_without_losing_a_fault():
    modes = [Mode.POLICY, Mode.STANDBY] * 2000
    modes[1234] = Mode.FAULT
    found = bands_of(modes)
    assert len(found) <= 200
    (fault,) = [band for band in found if band.kind == 'fault']
    assert fault.begin <= 123.4 <= fault.end
    assert (found[0].begin, found[-1].end) == (0.0, pytest.approx(399.9))
