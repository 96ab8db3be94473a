# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from dataclasses import replace

from distill_runtime.core.config import RunnerConfig
from distill_runtime.core.runner import PolicyRunner
from distill_runtime.data.replay.step_loop import play
from distill_runtime.data.ticks.by_stamp import find_ticks
from distill_runtime.errors import RecordingError
from distill_runtime.spec.compile import compile_spec
import numpy as np
import pytest
from support.bags import imu, joint_state, MS, twist, write_bag
from support.recordings import load_pair, PAIRS, read_recording
from support.rig import COMMAND_TERM, FakePolicy, IMU_TERM
from support.specs import JOINTS, make_spec

CONFIG = RunnerConfig(start_in='policy', max_joint_step=0.0)


def played(tmp_path, messages, *terms, output=0.0, **options):
    recording = read_recording(write_bag(tmp_path / 'bag', messages))
    compiled = compile_spec(make_spec(*terms))
    runner = PolicyRunner(compiled, FakePolicy(compiled, output), replace(CONFIG, **options))
    return play(recording, find_ticks(recording, compiled.period_ns), runner)


def states(*times_ms):
    return [joint_state(t * MS, JOINTS[::-1], [t, 2 * t, 3 * t]) for t in times_ms]


@pytest.mark.parametrize('bag', PAIRS)
def test_real_policies_give_expected_observations_actions_and_targets(bag, shared_data):
    pair = load_pair(bag, shared_data)
    ticks = find_ticks(pair.recording, round(pair.policy.spec.period * 1e9))
    result = play(pair.recording, ticks, pair.policy.runner(CONFIG))
    assert result.is_valid.all()
    count = len(pair.expected['stamp_ns'])
    for name, got in (
        ('obs', result.observation),
        ('action', result.action),
        ('target', result.target),
    ):
        np.testing.assert_allclose(got[:count], pair.expected[name], rtol=0, atol=1e-5)


@pytest.mark.parametrize(
    ('times_ms', 'imu_ms', 'actions', 'reasons'),
    [
        ((1, 21, 41), (20,), [0, 0, 1], {'imu.missing': 1}),
        ((1, 21, 121, 141), (1, 141), [0, 1, 0, 0], {'imu.stale': 1}),
        ((1, 21, 122, 142), (1, 122), [0, 1, 0, 1], {}),
        ((1, 21, 121, 141), (1, 121), [0, 1, 2, 3], {}),  # 100 ms are allowed
    ],
)
def test_policy_restarts_after_a_gap(tmp_path, times_ms, imu_ms, actions, reasons):
    # the network counts its runs since the last reset
    messages = [*states(*times_ms), *(imu(t * MS) for t in imu_ms)]
    result = played(tmp_path, messages, IMU_TERM, output=float)
    assert result.action[:, 0].tolist() == actions
    assert {code: entry.count for code, entry in result.reasons.items()} == reasons
    assert np.count_nonzero(~result.is_valid) == len(reasons)


def test_age_of_a_command_is_measured_in_the_clock_of_the_recorder(tmp_path):
    messages = [twist(2 * MS, (0.5, 0, 0)), *states(1, 501, 521)]
    messages.sort(key=lambda message: message.receive_ns)
    result = played(tmp_path, messages, COMMAND_TERM, max_input_age=1.0)
    assert result.observation[:][:, 0].tolist() == [0, 0.5, 0]


def test_missing_joint_is_refused(tmp_path):
    with pytest.raises(RecordingError, match=r"/joint_states has no joints \['ankle'\]"):
        played(tmp_path, [joint_state(1 * MS, JOINTS[:2], [0, 0])])
