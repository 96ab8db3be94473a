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


def check_valid_equal(result, log):
    """Compare the commands of valid ticks; the log may begin earlier."""
    valid = result.playback.is_valid
    commands = np.array(log.commands[-len(valid) :])
    np.testing.assert_array_equal(result.playback.command[valid], commands[valid])


STOP = {'stop_deceleration': 10.0, 'stop_timeout': 0.9}
RAMPED = {**STOP, 'ramp_time': 0.2}
FORCED = {'max_joint_step': 0.02, 'ramp_time': 0.3}
AGAIN = {30: Event.RESET_FAULT, 40: Event.START}
STRICT = {'limit': 0.001, 'debounce': 0.4, 'action': 'hold'}


def checked(**changed):
    """Return the checks with others, by name."""
    return {**DEFAULT_CHECKS, **{name: CheckConfig(**entry) for name, entry in changed.items()}}


CASES = {
    # arguments of run_node, parameters of both, modes at ticks, other parameters of the replay
    'start and stop': (
        {'requests': {30: Event.START, 45: Event.STOP}, 'start_in': 'standby'},
        {'ramp_time': 0.3, 'stop_timeout': 0.1},
        {0: Mode.STANDBY, 30: Mode.POLICY, 45: Mode.STOPPING, 59: Mode.STANDBY},
        {},
    ),
    'stop until the robot stands': (
        {'ticks': 100, 'requests': {10: Event.STOP, 75: Event.START}, 'still_from': 20},
        RAMPED,
        {10: Mode.STOPPING, 40: Mode.STOPPING, 54: Mode.STANDBY, 75: Mode.POLICY},
        {},
    ),
    'stop until its timeout': (
        {'ticks': 100, 'requests': {10: Event.STOP, 75: Event.START}},
        RAMPED,
        {10: Mode.STOPPING, 54: Mode.STOPPING, 55: Mode.STANDBY},
        {},
    ),
    'stop ended by a start and by a fault': (
        {
            'requests': {10: Event.STOP, 20: Event.START, 28: Event.STOP, 45: Event.RESET_FAULT},
            'faults': {35: 'estop'},
        },
        STOP,
        {20: Mode.POLICY, 24: Mode.POLICY, 28: Mode.STOPPING, 34: Mode.STOPPING, 35: Mode.FAULT},
        {},
    ),
    'stop and start within one tick': (
        {
            'requests': {
                10: (Event.STOP, Event.START),
                20: Event.STOP,
                25: (Event.START, Event.STOP),
            }
        },
        STOP,
        {10: Mode.POLICY, 20: Mode.STOPPING, 25: Mode.STOPPING},
        {},
    ),
    'policy fails during a stop': (
        {'requests': {10: Event.STOP}, 'checks': checked(target_step=STRICT)},
        STOP,
        {10: Mode.STOPPING, 40: Mode.FAULT},
        {f'checks.target_step.{key}': value for key, value in STRICT.items()},
    ),
    'stop straight to standby': (
        {'requests': {30: Event.STOP, 45: Event.START}, 'stop_timeout': 0.0},
        {},
        {30: Mode.STANDBY, 45: Mode.POLICY},
        {},
    ),
    **{
        f'stop, replayed with a timeout of {timeout} s': (
            {'ticks': 80, 'requests': {10: Event.STOP}},
            STOP,
            {54: Mode.STOPPING, 55: Mode.STANDBY},
            {'stop_timeout': timeout},
        )
        for timeout in (0.0, 0.2, 50.0)
    },
    **{
        f'estop, {action}': (
            {'requests': AGAIN, 'faults': [20]},
            {'fault_action': action, **FORCED},
            {19: Mode.POLICY, 20: Mode.FAULT, 30: Mode.STANDBY, 40: Mode.POLICY},
            {},
        )
        for action in ('hold', 'damp', 'default_pose')
    },
    **{
        f'missed deadlines, {action}': (
            {
                'requests': AGAIN,
                'faults': {20: 'missed_deadlines', 21: 'missed_deadlines'},
                'checks': checked(missed_deadlines={'action': action}),
            },
            {'fault_action': 'hold', **FORCED},
            {20: Mode.FAULT, 40: Mode.POLICY},
            {},
        )
        for action in ('hold', 'damp', 'default_pose', 'stop')
    },
    'escalation for a cause that is not recorded': (
        {
            'requests': {50: Event.RESET_FAULT},
            'faults': dict.fromkeys(range(20, 40), 'command_conflict'),
            'checks': checked(command_conflict={}),
        },
        {'fault_action': 'hold', 'escalation_time': 0.1},
        {20: Mode.FAULT, 50: Mode.STANDBY},
        {},
    ),
    'estop in an older log': (
        {'faults': [20], 'is_old': True},
        {'fault_action': 'hold'},
        {20: Mode.FAULT},
        {},
    ),
    'fault of the runner': ({}, {'tilt_limit': 0.3}, {0: Mode.POLICY, 59: Mode.FAULT}, {}),
}


@pytest.mark.parametrize(('run', 'config', 'modes', 'changed'), CASES.values(), ids=CASES)
def test_run_is_repeated_through_its_modes(tmp_path, policy, run, config, modes, changed):
    log = run_node(policy, **run, **config)
    assert {tick: log.modes[tick] for tick in modes} == modes
    result = replayed(tmp_path, policy, log, **{**config, **changed})
    check_equal(result, log)
    assert result.run.is_same_model is True
    playback = result.playback
    for recorded, rows in (
        (result.run.observations(), playback.observation),
        (result.run.actions(), playback.action),
    ):
        np.testing.assert_array_equal(recorded[:][playback.ran], rows[:][playback.ran])


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


@pytest.mark.parametrize('requests', [{}, {10: Event.STOP}], ids=['walk', 'stop'])
def test_another_model_follows_the_same_ticks(tmp_path, policy, requests):
    other = load_policy(write_policy(tmp_path, JOINT_TERM, name='other.onnx'))
    log = run_node(policy, 80, requests, **STOP)
    result = replayed(tmp_path, other, log, **STOP)
    assert result.run.is_same_model is False
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
    check_valid_equal(result, log)


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
    check_valid_equal(result, log)


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
    assert result.playback.reasons['history.unknown'].count == 2
    assert np.count_nonzero(result.playback.is_valid) > 40
    assert not result.is_approximate
    check_valid_equal(result, log)


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
    assert result.playback.is_valid[-20:].all()
    check_valid_equal(result, log)


def test_missing_sample_invalidates_its_tick_and_those_that_depend_on_it(tmp_path, policy):
    log = run_node(policy)
    lost_ns = (1000 + 20 * 20 - 3) * MS

    def keep(message):
        return not (message.topic == '/imu' and message.receive_ns == lost_ns)

    result = replayed(tmp_path, policy, log, keep)
    reasons = {code: (r.count, r.first_tick) for code, r in result.playback.reasons.items()}
    assert reasons == {'imu.not_recorded': (1, 20), 'history.unknown': (2, 21)}
    check_valid_equal(result, log)


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


def test_ticks_of_a_model_that_is_not_known_are_not_valid(tmp_path, policy):
    source = read_policy_recording(write_log(tmp_path / 'bag', run_node(policy)), policy)
    source.log.model[20:30] = 7
    result = replay(source, policy, replay_config(LIMITS))
    assert result.run.is_same_model is True
    reasons = {code: (r.count, r.first_tick) for code, r in result.playback.reasons.items()}
    assert reasons == {'model.other': (10, 20), 'history.unknown': (2, 30)}


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
    check_valid_equal(result, log)


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


@pytest.mark.parametrize(
    ('terms', 'message'),
    [
        ((SCAN,), "no topic '/scan', expected one for /scan"),
        ((), 'has no messages for imu, which the policy reads'),
    ],
    ids=['external topic', 'Imu'],
)
def test_recording_without_an_input_is_refused(terms, message, tmp_path):
    policy = load_policy(write_policy(tmp_path, *terms))
    path = write_bag(tmp_path / 'bag', [joint_state(1, JOINTS, DEFAULT), float64_array(2, [1])])
    with pytest.raises(RecordingError, match=message):
        read_policy_recording(path, policy)
