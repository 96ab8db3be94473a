# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Replay of logged runs: the runner itself plays the node, without DDS."""

from __future__ import annotations

from distill_runtime.core.checks.registry import CheckConfig, DEFAULT_CHECKS
from distill_runtime.core.modes import Event, Mode
from distill_runtime.data.recording.policy_recording import read_policy_recording
from distill_runtime.data.replay.config import replay_config
from distill_runtime.data.replay.replay import replay
from distill_runtime.errors import RecordingError
from distill_runtime.policy.model import load_policy
import numpy as np
import pytest
from support.bags import float64_array, joint_state, MS, write_bag
from support.logged_run import LIMITS, NODE, run_node, write_log
from support.ros_policies import JOINT_TERM, write_policy
from support.specs import DEFAULT, JOINTS

pytestmark = pytest.mark.needs('policy')


def replayed(tmp_path, policy, log, keep=lambda message: True, **parameters):
    source = read_policy_recording(write_log(tmp_path / 'bag', log, keep), policy)
    return replay(source, policy, replay_config({**LIMITS, **parameters}))


@pytest.fixture
def policy(tmp_path):
    return load_policy(write_policy(tmp_path))


def check_equal(result, log, first=0):
    playback = result.playback
    assert playback.is_valid[first:].all(), playback.reasons
    assert playback.mode[first:].tolist() == log.modes[first:]
    sends = np.array(log.sends[first:])
    np.testing.assert_array_equal(playback.sends[first:], sends)
    commands = np.array(log.commands[first:])
    np.testing.assert_array_equal(playback.command[first:][sends], commands[sends])


def check_equal_internals(result):
    playback = result.playback
    for recorded, replayed_rows in (
        (result.run.observations(), playback.observation),
        (result.run.actions(), playback.action),
    ):
        np.testing.assert_array_equal(recorded[:][playback.ran], replayed_rows[:][playback.ran])


def test_run_is_repeated_through_its_modes(tmp_path, policy):
    requests = {30: Event.START, 45: Event.STOP}
    log = run_node(policy, requests=requests, start_in='standby', ramp_time=0.3, stop_timeout=0.1)
    result = replayed(tmp_path, policy, log, ramp_time=0.3, stop_timeout=0.1)
    assert set(log.modes) == {Mode.STANDBY, Mode.POLICY, Mode.STOPPING}
    check_equal(result, log)
    assert result.run.is_same_model is True
    check_equal_internals(result)


STOP = {'stop_deceleration': 10.0, 'stop_timeout': 0.9}


@pytest.mark.parametrize('still_from', [20, 300])
def test_stop_lasts_until_the_robot_stands_or_its_timeout(tmp_path, policy, still_from):
    requests = {10: Event.STOP, 75: Event.START}
    log = run_node(policy, 100, requests, still_from=still_from, ramp_time=0.2, **STOP)
    stops = log.modes.index(Mode.STANDBY) - log.modes.index(Mode.STOPPING)
    assert stops == 45 if still_from == 300 else 30 < stops < 45
    result = replayed(tmp_path, policy, log, ramp_time=0.2, **STOP)
    check_equal(result, log)
    assert result.playback.ran[log.modes.index(Mode.STOPPING)]
    check_equal_internals(result)


def test_stop_that_is_ended_by_a_start_or_a_fault_is_repeated(tmp_path, policy):
    requests = {10: Event.STOP, 20: Event.START, 28: Event.STOP, 45: Event.RESET_FAULT}
    log = run_node(policy, 60, requests, faults={35: 'estop'}, **STOP)
    assert log.modes[20:30:4] == [Mode.POLICY, Mode.POLICY, Mode.STOPPING]
    assert log.modes[34:36] == [Mode.STOPPING, Mode.FAULT]
    check_equal(replayed(tmp_path, policy, log, **STOP), log)


def test_stop_and_start_within_one_tick_cancel_out(tmp_path, policy):
    log = run_node(
        policy,
        40,
        {10: (Event.STOP, Event.START), 20: Event.STOP, 25: (Event.START, Event.STOP)},
        **STOP,
    )
    check_equal(replayed(tmp_path, policy, log, **STOP), log)


def test_policy_that_fails_during_a_stop_fails_there_again(tmp_path, policy):
    strict = CheckConfig(limit=0.001, debounce=0.4, action='hold')
    checks = {**DEFAULT_CHECKS, 'target_step': strict}
    log = run_node(policy, 60, {10: Event.STOP}, checks=checks, **STOP)
    assert log.modes[10] is Mode.STOPPING
    assert log.modes[40] is Mode.FAULT
    parameters = {
        f'checks.target_step.{key}': getattr(strict, key)
        for key in ('limit', 'debounce', 'action')
    }
    check_equal(replayed(tmp_path, policy, log, **STOP, **parameters), log)


def test_nan_action_during_a_stop_is_repeated(tmp_path, policy, monkeypatch):
    run, session = policy.session.run, policy.session

    def run_until_slow():
        run()
        if 0.0 < session.observation[6] < 0.2:  # the forward command
            session.action.fill(np.nan)

    monkeypatch.setattr(session, 'run', run_until_slow)
    log = run_node(policy, 30, {10: Event.STOP}, **STOP)
    fault = log.modes.index(Mode.FAULT)
    assert log.modes[fault - 1] is Mode.STOPPING
    result = replayed(tmp_path, policy, log, **STOP)
    check_equal(result, log)
    assert result.playback.ran[fault]


def test_stop_straight_to_standby_is_repeated_whatever_the_parameters_say(tmp_path, policy):
    log = run_node(policy, requests={30: Event.STOP, 45: Event.START}, stop_timeout=0.0)
    assert set(log.modes) == {Mode.STANDBY, Mode.POLICY}
    check_equal(replayed(tmp_path, policy, log), log)


def test_log_decides_when_a_stop_ends_whatever_the_parameters_say(tmp_path, policy):
    log = run_node(policy, 80, {10: Event.STOP}, **STOP)
    for timeout in (0.0, 0.2, 50.0):
        parameters = {**STOP, 'stop_timeout': timeout}
        result = replayed(tmp_path / str(timeout), policy, log, **parameters)
        check_equal(result, log)


def test_model_without_a_velocity_command_follows_a_stop(tmp_path, policy):
    other = load_policy(write_policy(tmp_path, JOINT_TERM, name='other.onnx'))
    log = run_node(policy, 80, {10: Event.STOP}, **STOP)
    result = replayed(tmp_path, other, log, **STOP)
    assert result.playback.mode.tolist() == log.modes


def test_recording_that_begins_during_a_stop_is_valid_after_the_next_start(tmp_path, policy):
    log = run_node(policy, 120, {10: Event.STOP, 90: Event.START}, ramp_time=0.2, **STOP)
    result = replayed(
        tmp_path,
        policy,
        log,
        lambda message: message.receive_ns >= 1690 * MS,  # with a command
        ramp_time=0.2,
        **STOP,
    )
    modes = log.modes[-len(result.playback.mode) :]
    assert result.playback.mode.tolist() == modes
    valid = result.playback.is_valid
    begin = modes.index(Mode.STANDBY) + 12
    assert not valid[: modes.index(Mode.STANDBY)].any()
    assert valid[begin:].all()
    commands = np.array(log.commands[-len(valid) :])
    np.testing.assert_array_equal(result.playback.command[valid], commands[valid])


def test_start_during_a_stop_that_is_half_recorded_waits_for_the_history(tmp_path):
    history = {'length': 5, 'major': 'frame', 'order': 'oldest_first', 'fill': 'first'}
    policy = load_policy(write_policy(tmp_path, history=history))
    options = {'stop_deceleration': 1.0, 'stop_timeout': 5.0}
    log = run_node(policy, 60, {26: Event.STOP, 40: Event.START}, **options)
    begin_ns = 1690 * MS  # with a command
    result = replayed(
        tmp_path, policy, log, lambda message: message.receive_ns >= begin_ns, **options
    )
    valid = result.playback.is_valid
    assert log.modes[-len(valid)] is Mode.STOPPING
    start = len(valid) - 20
    assert not valid[: start + 5].any()
    assert valid[start + 6 :].all()
    commands = np.array(log.commands[-len(valid) :])
    np.testing.assert_array_equal(result.playback.command[valid], commands[valid])


@pytest.mark.parametrize('action', ['hold', 'damp', 'default_pose'])
def test_fault_that_the_inputs_do_not_explain_is_forced(action, tmp_path, policy):
    requests = {30: Event.RESET_FAULT, 40: Event.START}
    options = {'fault_action': action, 'max_joint_step': 0.02, 'ramp_time': 0.3}
    log = run_node(policy, requests=requests, faults=[20], **options)
    assert log.modes[19:21] == [Mode.POLICY, Mode.FAULT]
    check_equal(replayed(tmp_path, policy, log, **options), log)


def test_fault_of_the_runner_is_repeated(tmp_path, policy):
    log = run_node(policy, tilt_limit=0.3)
    assert log.modes[-1] is Mode.FAULT
    check_equal(replayed(tmp_path, policy, log, tilt_limit=0.3), log)


def test_fault_that_is_not_in_the_log_is_reported(tmp_path, policy):
    result = replayed(tmp_path, policy, run_node(policy), tilt_limit=0.3)
    reason = result.playback.reasons['tilt.limit']
    assert reason.text.endswith('; the log says policy')
    assert result.playback.is_valid[: reason.first_tick].all()


def test_recording_that_begins_in_the_middle_is_exact_with_recorded_actions(tmp_path, policy):
    log = run_node(policy, max_joint_step=0.05)
    begin_ns = 1112 * MS  # with a command
    result = replayed(
        tmp_path, policy, log, lambda message: message.receive_ns >= begin_ns, max_joint_step=0.05
    )
    valid, command = result.playback.is_valid, result.playback.command
    assert result.playback.reasons['history.unknown'].count == 2
    assert np.count_nonzero(valid) > 40
    assert not result.is_approximate
    sent = np.array(log.commands[-len(valid) :])
    np.testing.assert_array_equal(command[valid], sent[valid])


def test_recording_that_begins_in_the_middle_without_actions_says_approximate(tmp_path, policy):
    log = run_node(policy)

    def keep(message):
        return message.receive_ns >= 1200 * MS and message.topic != f'{NODE}/action'

    result = replayed(tmp_path, policy, log, keep)
    assert result.is_approximate
    assert 20 < result.playback.reasons['history.unknown'].count < 30


def test_policy_with_a_gait_phase_is_valid_from_its_next_start_on(tmp_path):
    clock = {
        'term': 'gait_phase',
        'frequency': 1.5,
        'offsets': [0.0],
        'components': ['cos'],
        'advance': 'after',
    }
    policy = load_policy(write_policy(tmp_path, JOINT_TERM, clock))
    requests = {30: Event.STOP, 40: Event.START}
    log = run_node(policy, requests=requests)
    result = replayed(tmp_path, policy, log, lambda message: message.receive_ns >= 1200 * MS)
    assert not result.playback.is_valid[:19].any()
    np.testing.assert_array_equal(result.playback.command[-20:], log.commands[-20:])
    assert result.playback.is_valid[-20:].all()


def test_missing_sample_invalidates_its_tick_and_those_that_depend_on_it(tmp_path, policy):
    log = run_node(policy)
    lost_ns = (1000 + 20 * 20 - 3) * MS

    def keep(message):
        return not (message.topic == '/imu' and message.receive_ns == lost_ns)

    result = replayed(tmp_path, policy, log, keep)
    reasons = {code: (r.count, r.first_tick) for code, r in result.playback.reasons.items()}
    assert reasons == {'imu.not_recorded': (1, 20), 'history.unknown': (2, 21)}
    valid = result.playback.is_valid
    np.testing.assert_array_equal(result.playback.command[valid], np.array(log.commands)[valid])


def test_lost_ticks_invalidate_those_that_depend_on_them(tmp_path, policy):
    log = run_node(policy)
    lost_ns = (1000 + 20 * 20 + 1) * MS
    result = replayed(
        tmp_path,
        policy,
        log,
        lambda message: not (message.topic == f'{NODE}/tick' and message.receive_ns == lost_ns),
    )
    assert result.playback.is_valid.tolist() == [True] * 20 + [False] * 2 + [True] * 37


def test_another_model_follows_the_same_ticks(tmp_path, policy):
    other = load_policy(write_policy(tmp_path, JOINT_TERM, name='other.onnx'))
    log = run_node(other, ticks=20)
    result = replayed(tmp_path, policy, log)
    assert result.run.is_same_model is False
    assert len(result.playback.mode) == 20


SCAN = {'term': 'external', 'topic': '/scan', 'width': 3}
GRID = {'term': 'external', 'topic': 'grid', 'width': 5, 'max_age': 0.2}


def test_policy_with_external_topics_gets_its_logged_samples(tmp_path):
    policy = load_policy(write_policy(tmp_path, JOINT_TERM, SCAN, GRID))
    log = run_node(policy)
    check_equal(replayed(tmp_path, policy, log), log, first=2)


def test_lost_sample_of_an_external_topic_invalidates_the_ticks_that_used_it(tmp_path):
    policy = load_policy(write_policy(tmp_path, JOINT_TERM, SCAN))
    log = run_node(policy)
    lost_ns = (1000 + 20 * 31 - 6 + 1) * MS

    def keep(message):
        return not (message.topic == '/scan' and message.receive_ns == lost_ns)

    result = replayed(tmp_path, policy, log, keep)
    reason = result.playback.reasons['/scan.not_recorded']
    assert (reason.count, reason.first_tick) == (3, 31)
    valid = result.playback.is_valid
    np.testing.assert_array_equal(result.playback.command[valid], np.array(log.commands)[valid])


def test_external_topic_of_an_old_log_reads_the_newest_sample_and_is_approximate(tmp_path):
    policy = load_policy(write_policy(tmp_path, JOINT_TERM, SCAN))
    log = run_node(policy, is_old=True)
    result = replayed(tmp_path, policy, log)
    assert result.playback.is_valid[2:].all()
    assert result.is_approximate
    assert not replayed(tmp_path / 'new', policy, run_node(policy)).is_approximate


def test_ticks_without_a_log_read_the_newest_sample_of_external_topics(tmp_path):
    policy = load_policy(write_policy(tmp_path, JOINT_TERM, SCAN))
    log = run_node(policy)
    result = replayed(tmp_path, policy, log, lambda message: not message.topic.startswith(NODE))
    np.testing.assert_array_equal(result.playback.command[2:], log.commands[2:])


def test_recording_without_an_external_topic_is_refused(tmp_path):
    policy = load_policy(write_policy(tmp_path, SCAN))
    path = write_bag(tmp_path / 'bag', [joint_state(1, JOINTS, DEFAULT)])
    with pytest.raises(RecordingError, match="no topic '/scan', expected one for /scan"):
        read_policy_recording(path, policy)


@pytest.mark.parametrize('action', ['hold', 'damp', 'default_pose', 'stop'])
def test_fault_action_of_a_check_is_forced(action, tmp_path, policy):
    options = {'fault_action': 'hold', 'max_joint_step': 0.02, 'ramp_time': 0.3}
    checks = {**DEFAULT_CHECKS, 'missed_deadlines': CheckConfig(action=action)}
    log = run_node(
        policy,
        faults={20: 'missed_deadlines', 21: 'missed_deadlines'},
        requests={30: Event.RESET_FAULT, 40: Event.START},
        checks=checks,
        **options,
    )
    assert log.modes[20] is Mode.FAULT
    check_equal(replayed(tmp_path, policy, log, **options), log)


def test_escalation_for_a_cause_that_is_not_recorded_is_forced(tmp_path, policy):
    options = {'fault_action': 'hold', 'escalation_time': 0.1}
    faults = dict.fromkeys(range(20, 40), 'command_conflict')
    checks = {**DEFAULT_CHECKS, 'command_conflict': CheckConfig()}
    log = run_node(
        policy, faults=faults, requests={50: Event.RESET_FAULT}, checks=checks, **options
    )
    result = replayed(tmp_path, policy, log, **options)
    assert set(result.source.log.fault_action.tolist()) == {0, 1, 3, 4}
    check_equal(result, log)


def test_fault_of_an_older_log_takes_the_action_of_the_parameters(tmp_path, policy):
    log = run_node(policy, faults=[20], fault_action='hold', is_old=True)
    check_equal(replayed(tmp_path, policy, log, fault_action='hold'), log)


def test_recording_without_an_input_is_refused(tmp_path, policy):
    path = write_bag(tmp_path / 'bag', [joint_state(1, JOINTS, DEFAULT), float64_array(2, [1])])
    with pytest.raises(RecordingError, match='has no messages for imu, which the policy reads'):
        read_policy_recording(path, policy)
