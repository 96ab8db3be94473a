# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from distill_runtime.data.recording.policy_recording import read_policy_recording
from distill_runtime.data.replay.config import replay_config
from distill_runtime.data.replay.replay import replay
from distill_runtime.policy.model import load_policy
import numpy as np
import pytest
from support.logged_run import LIMITS, run_node, write_log
from support.ros_policies import JOINT_TERM, write_policy

pytest.importorskip('plotly', reason='no plotly here')
pytestmark = pytest.mark.needs('policy')
TERMS = ({'term': 'projected_gravity'}, {**JOINT_TERM, 'scale': 2.0})


def figure_of(tmp_path, **changes):
    from distill_runtime.data.report.terms import term_figure

    policy = load_policy(write_policy(tmp_path, *TERMS, **changes))
    path = write_log(tmp_path / 'bag', run_node(policy))
    result = replay(read_policy_recording(path, policy), policy, replay_config(LIMITS))
    return term_figure(result, policy, 0.02 * np.arange(60)), result


def test_lines_are_the_replayed_and_recorded_columns_of_the_observation(tmp_path):
    figure, result = figure_of(tmp_path)
    assert [note.text for note in figure.layout.annotations] == [
        'projected_gravity', 'joint_position, scaled'
    ]  # fmt: skip
    named = {trace.name: trace for trace in figure.data}
    assert list(named)[6:] == [
        'hip recorded', 'knee recorded', 'ankle recorded', 'hip', 'knee', 'ankle'
    ]  # fmt: skip
    observation = np.asarray(result.playback.observation)
    np.testing.assert_array_equal(named['knee'].y, observation[:, 4])
    np.testing.assert_array_equal(named['knee recorded'].y, observation[:, 4])
    assert named['knee'].legend != named['x'].legend
    assert not named['knee recorded'].showlegend


def test_newest_frame_of_a_history_is_shown(tmp_path):
    history = {'length': 3, 'major': 'frame', 'order': 'oldest_first', 'fill': 'first'}
    figure, result = figure_of(tmp_path, history=history)
    named = {trace.name: trace for trace in figure.data}
    observation = np.asarray(result.playback.observation)
    np.testing.assert_array_equal(named['hip'].y, observation[:, -3])


def test_term_of_many_elements_is_a_heat_map(tmp_path, monkeypatch):
    from distill_runtime.data.report import terms as report_terms

    monkeypatch.setattr(report_terms, 'MAX_LINES', 2)
    figure, result = figure_of(tmp_path)
    assert [trace.type for trace in figure.data] == ['heatmap', 'heatmap']
    observation = np.asarray(result.playback.observation)
    np.testing.assert_array_equal(figure.data[1].z, observation[:, 3:].T)
    assert figure.data[1].y == ('hip', 'knee', 'ankle')
