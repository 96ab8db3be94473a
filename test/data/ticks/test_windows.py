# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""A long recording, read in windows for a diagnosis."""

from __future__ import annotations

from distill_runtime.data.diagnosis import bag_case
from distill_runtime.data.diagnosis.bag_case import make_case, read_samples, received, Run
from distill_runtime.data.diagnosis.inspection import can_run, inspect
from distill_runtime.data.ticks import windows
from distill_runtime.spec.compile import compile_spec
import numpy as np
import pytest
from support.bags import imu, joint_state, MS, multi_array, twist, write_bag
from support.rig import COMMAND_TERM, FakePolicy, IMU_TERM
from support.specs import JOINTS, make_spec

SCAN = {'term': 'external', 'topic': '/scan', 'width': 2}
NUM = 1000
"""JointStates, one every 20 ms."""


@pytest.fixture
def bag(tmp_path, monkeypatch):
    """Write a recording that counts as long; its command comes first, its scan first and last."""
    monkeypatch.setattr(windows, 'MAX_ROWS', 100)
    monkeypatch.setattr(bag_case, 'MAX_ROWS', 100)
    rows = range(1, NUM + 1)
    messages = [joint_state(20 * MS * row, JOINTS, [row, 0, 0]) for row in rows if row != 500]
    messages += [imu(20 * MS * row - 1) for row in rows]
    messages += [twist(10 * MS, (0.5, 0, 0)), multi_array(11 * MS, {}, [1.0, 2.0], '/scan')]
    messages += [multi_array((20 * NUM - 1) * MS, {}, [3.0, 4.0], '/scan')]
    messages.sort(key=lambda message: message.receive_ns)
    return write_bag(tmp_path / 'bag', messages)


def test_windows_are_spread_from_the_first_sample_to_the_last(bag):
    recording, _ = read_samples(bag, {}, make_spec())
    rows = recording.joints.position[:, 0].astype(int)
    assert len(rows) == 100
    starts = rows[np.flatnonzero(np.diff(rows, prepend=-9) > 1)]
    assert (starts[0], rows[-1]) == (1, NUM)
    assert np.all(np.abs(np.diff(starts) - 110) <= 1)
    assert len(recording.imu.values) < 250


def test_rates_and_gaps_are_those_of_all_messages(bag):
    recording, selected = read_samples(bag, {}, make_spec(IMU_TERM))
    joints = received(selected, 'joint_states', recording.joints)
    assert (len(joints.stamp_ns), joints.rate) == (NUM - 1, pytest.approx(49.95, abs=0.01))
    assert received(selected, 'imu', recording.imu).rate == pytest.approx(50.0)
    found = inspect(make_spec(IMU_TERM), None, recording, windows=selected).findings
    assert 'bag.gaps' not in {finding.code for finding in found}
    bare = inspect(make_spec(IMU_TERM), None, recording).findings
    assert 'bag.gaps' in {finding.code for finding in bare}


def test_policy_starts_in_each_window_with_the_newest_samples_before_it(bag):
    spec = make_spec(COMMAND_TERM, IMU_TERM, SCAN, {'term': 'joint_position', 'relative': False})
    recording, selected = read_samples(bag, {}, spec)
    case = make_case(spec, recording, selected)
    assert can_run(case)
    compiled = compile_spec(spec)
    run = Run(spec, FakePolicy(compiled, float), recording)
    assert np.count_nonzero(run.playback.action[:, 0] == 0) == windows.NUM_WINDOWS
    seen = run.playback.observation[:]
    assert np.all(run.ticks.imu >= 0)
    assert np.all(seen[:-1, 6:8] == [1.0, 2.0])
    assert np.all(seen[-1, 6:8] == [3.0, 4.0])
    assert case.num_first == 10


def test_external_topic_that_is_not_recorded_is_a_finding(tmp_path):
    path = write_bag(tmp_path / 'bag', [joint_state(20 * MS, JOINTS, [0, 0, 0])])
    recording, selected = read_samples(path, {}, make_spec(SCAN))
    assert selected is None
    found = {
        finding.code: finding for finding in inspect(make_spec(SCAN), None, recording).findings
    }
    assert 'the recording has no /scan' in found['bag.externals'].message
