# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""What the targets say is tested with whole recordings in test_inspection; here its words."""

from __future__ import annotations

from types import SimpleNamespace

from distill_runtime.data.diagnosis.target_findings import invalid_ticks, Trial
from distill_runtime.data.replay.step_loop import Unknown
import numpy as np
import pytest


def trial(is_valid, **reasons):
    playback = SimpleNamespace(is_valid=np.array(is_valid), reasons=reasons)
    return Trial(None, None, SimpleNamespace(playback=playback), None, None)


@pytest.mark.parametrize(('size', 'severity'), [(40, 'warning'), (80, 'info')])
def test_ticks_that_lack_an_input_are_counted_by_reason(size, severity):
    stale = Unknown(count=1, first_tick=0, text='imu.stale: last sample 0.2 s ago')
    missing = Unknown(count=2, first_tick=1, text='cmd_vel.missing: no sample yet')
    given = trial([False] * 3 + [True] * (size - 3), imu=stale, cmd_vel=missing)
    (finding,) = invalid_ticks(given)
    assert finding.message == f'3 of {size} ticks lack an input: imu (1), cmd_vel (2)'
    assert finding.severity == severity


def test_ticks_that_are_all_valid_are_no_finding():
    assert list(invalid_ticks(trial([True] * 3))) == []
