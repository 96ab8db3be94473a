# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Anomalies are reported with count and time, and their ticks are not valid."""

from __future__ import annotations

from distill_runtime.data.recording.policy_recording import read_policy_recording
from distill_runtime.data.replay.config import replay_config
from distill_runtime.data.replay.replay import replay
from distill_runtime.policy.model import load_policy
import numpy as np
import pytest
from support.bags import imu, joint_state, MS, twist, undecodable, write_bag
from support.logged_run import LIMITS, NODE, run_node, write_log
from support.ros_policies import TERMS, write_policy
from support.specs import DEFAULT, JOINTS

pytestmark = pytest.mark.needs('policy')
CONFIG = {
    **LIMITS,
    'checks.action_saturation.action': 'ignore',
    'checks.target_step.action': 'ignore',
}
HISTORY = {'length': 3, 'major': 'term', 'order': 'oldest_first', 'fill': 'first'}


@pytest.fixture(scope='module')
def policy(tmp_path_factory):
    return load_policy(write_policy(tmp_path_factory.mktemp('model'), *TERMS, history=HISTORY))


def inputs(*times_ms, received_ms=0):
    """Return the inputs of the policy at some times, and their times of receipt."""
    messages = []
    for index, t in enumerate(times_ms):
        receive_ns = (t + received_ms) * MS + index
        swing = np.array(DEFAULT) + 0.1 * np.sin(0.01 * t + np.arange(3))
        messages += [
            imu(t * MS, rate=(0.1 * np.sin(0.02 * t), 0, 0))._replace(receive_ns=receive_ns),
            joint_state(t * MS, JOINTS, swing, [0.0] * 3, receive_ns=receive_ns),
        ]
    return messages


def replayed(tmp_path, policy, messages):
    messages = sorted(messages, key=lambda message: message.receive_ns)
    source = read_policy_recording(write_bag(tmp_path / 'bag', messages), policy)
    return replay(source, policy, replay_config(CONFIG))


def reported(result):
    return {entry.code: (entry.count, round(entry.first, 3)) for entry in result.anomalies}


def invalid(result):
    return np.flatnonzero(~result.playback.is_valid).tolist()


WALK = (twist(999 * MS, (0.1, 0, 0)), *inputs(*range(1000, 1400, 20)))


def test_message_that_cannot_be_decoded_is_reported_and_its_ticks_are_not_valid(tmp_path, policy):
    broken = [undecodable(imu(t * MS)) for t in (1101, 1102, 1205)]
    result = replayed(tmp_path, policy, [*WALK, *broken])
    assert reported(result) == {'imu.left_out': (3, 0.101)}
    assert '/imu: 3 messages that cannot be decoded, first at 0.101 s' in result.anomalies[0].text
    # the Imu of the tick came after them: it is the newest one in any case
    assert invalid(result) == []
    kept = [said for said in WALK if said.topic != '/imu' or said.receive_ns // MS != 1100]
    result = replayed(tmp_path / 'b', policy, [*kept, undecodable(imu(1100 * MS))])
    assert invalid(result) == [5]
    reason = result.playback.reasons['imu.unusable']
    assert (reason.count, reason.first_tick) == (1, 5)
    # the history is filled again after it
    fresh = replayed(tmp_path / 'c', policy, [*WALK[:1], *WALK[13:]])
    np.testing.assert_array_equal(result.playback.observation[6:], fresh.playback.observation[:])


def test_joint_states_of_other_names_are_reported_by_kind(tmp_path, policy):
    unusable = [
        joint_state(1105 * MS, ['gripper'], [0.0]),
        joint_state(1107 * MS, JOINTS[:2], [0.0, 0.0]),
    ]
    result = replayed(tmp_path, policy, [*WALK, *unusable])
    assert [(t.code, t.count, round(t.first, 3)) for t in result.anomalies] == [
        ('joint_states.left_out', 1, 0.105),
        ('joint_states.left_out', 1, 0.107),
    ]
    assert 'have other joints only' in result.anomalies[0].text
    assert 'lack joints of the policy' in result.anomalies[1].text
    assert invalid(result) == [6]


def test_gap_is_reported_with_its_length(tmp_path, policy):
    result = replayed(tmp_path, policy, [*WALK, *inputs(1600, 1620, 2000)])
    assert reported(result) == {'joint_states.gap': (2, 0.6)}
    assert 'nothing for longer than 0.1 s, 0.380 s at most, 2 times' in result.anomalies[0].text


def test_ticks_continue_where_time_jumps_back_without_samples_from_before(tmp_path, policy):
    # the simulation restarts at 5 ms; the clock of the recorder continues
    again = inputs(*range(5, 405, 20), received_ms=1400)
    result = replayed(tmp_path, policy, [*WALK, *again])
    stamps = result.playback.stamp_ns // MS
    assert stamps.tolist() == [*range(1000, 1400, 20), *range(5, 405, 20)]
    assert reported(result) == {'joint_states.backwards': (1, -0.995)}
    assert invalid(result) == [20]
    assert result.playback.reasons['joint_states.backwards'].first_tick == 20
    fresh = replayed(tmp_path / 'b', policy, [*WALK[:1], *again[2:]])
    np.testing.assert_array_equal(result.playback.observation[21:], fresh.playback.observation[:])


def test_recording_that_is_played_in_a_loop_does_not_mix_its_turns(tmp_path, policy):
    times = range(1000, 2600, 20)
    walk = [*WALK[:1], *inputs(*times)]
    again = [message for message in inputs(*times, received_ms=2000) if message.topic != '/imu']
    result = replayed(tmp_path, policy, [*walk, *again])
    # the Imu of the first turn would fit the stamps of the second
    assert invalid(result) == list(range(80, 160))
    assert result.playback.reasons['imu.missing'].count == 79


def test_missing_command_and_velocities_are_reported(tmp_path, policy):
    assert reported(replayed(tmp_path, policy, WALK)) == {}
    result = replayed(tmp_path / 'a', policy, WALK[1:])
    assert reported(result) == {'cmd_vel.missing': (1, 0.0)}
    assert '--topic cmd_vel:=TOPIC' in result.anomalies[0].text
    messages = [
        joint_state(said.receive_ns, JOINTS, DEFAULT) if said.topic == '/joint_states' else said
        for said in WALK
    ]
    result = replayed(tmp_path / 'b', policy, messages)
    assert reported(result) == {'joint_states.velocity': (1, 0.0)}


def replayed_damaged(path, policy, topics, ticks):
    """Replay a logged run in which the messages of some topics and ticks cannot be decoded."""
    log = run_node(policy)
    damaged_ns = {(1000 + 20 * tick + 1) * MS for tick in ticks}
    log.messages = [
        undecodable(said) if said.topic in topics and said.receive_ns in damaged_ns else said
        for said in log.messages
    ]
    source = read_policy_recording(write_log(path / 'bag', log), policy)
    return replay(source, policy, replay_config(CONFIG))


def test_logged_ticks_that_are_missing_or_damaged_are_reported(tmp_path, policy):
    result = replayed_damaged(tmp_path, policy, {f'{NODE}/tick'}, (20, 40))
    assert reported(result) == {'tick.left_out': (2, 0.4), 'tick.gap': (2, 0.42)}
    assert result.playback.reasons['history.unknown'].first_tick == 20
    valid = result.playback.is_valid
    np.testing.assert_array_equal(result.commands[valid], result.run.commands()[valid])


def test_damaged_observation_and_command_are_reported_and_not_compared(tmp_path, policy):
    topics = {f'{NODE}/observation', f'{NODE}/action', '/joint_command'}
    result = replayed_damaged(tmp_path, policy, topics, (20,))
    codes = {'joint_command.left_out', 'observation.left_out', 'action.left_out'}
    assert set(reported(result)) == codes
    playback, run = result.playback, result.run
    assert playback.is_valid.all()
    for recorded, is_recorded in (
        (run.observations()[:], playback.ran),
        (run.actions()[:], playback.ran),
        (run.commands(), playback.sends),
    ):
        lacks = np.isnan(recorded).any(axis=1) & is_recorded
        assert np.flatnonzero(lacks).tolist() == [20]
