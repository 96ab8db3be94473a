# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Observations of a recording, chunk by chunk, against a replay of the same recording."""

from __future__ import annotations

from distill_runtime.core.modes import Event
from distill_runtime.core.runner import PolicyRunner
from distill_runtime.data.pipeline.observations import observations
from distill_runtime.data.pipeline.rows import CHUNK, RecordedRows, rows_of
from distill_runtime.data.recording.policy_recording import read_policy_recording
from distill_runtime.data.replay.config import replay_config
from distill_runtime.data.replay.replay import replay
from distill_runtime.policy.model import load_policy
import numpy as np
import pytest
from support.bags import imu, joint_state, MS, twist, undecodable, write_bag
from support.logged_run import LIMITS, NODE, run_node, write_log
from support.real_policies import real_words
from support.recordings import PAIRS
from support.ros_policies import JOINT_TERM, TERMS, write_policy
from support.specs import DEFAULT, JOINTS

pytestmark = pytest.mark.needs('policy')
TICK = 20 * MS
HISTORY = {'length': 4, 'major': 'term', 'order': 'oldest_first', 'fill': 'first'}
GENTLE = {'action': {'scale': 0.05}}
"""No target of the logged runs is beyond a limit."""
GAIT = {
    'term': 'gait_phase',
    'frequency': 1.5,
    'offsets': [0.0, 3.0],
    'components': ['cos', 'sin'],
    'advance': 'after',
}


def both(path, policy, **parameters):
    """Return rows, observations and actions of the batch path, and a replay, with its source."""
    source = read_policy_recording(path, policy)
    config = replay_config(parameters)
    recorded = RecordedRows(source, policy, config)
    chunks = list(observations(recorded, policy))
    return recorded, chunks, replay(source, policy, config)


def column(chunks, name):
    return np.concatenate([getattr(chunk.rows, name) for chunk in chunks])


def check_equal(path, policy, tolerance=0.0, **parameters):
    """Compare all that a replay says of each tick; return the rows."""
    recorded, chunks, result = both(path, policy, **parameters)
    playback = result.playback
    assert len(recorded) == len(playback.stamp_ns)
    for name, expected in (
        ('stamp_ns', playback.stamp_ns),
        ('mode', playback.mode),
        ('valid', playback.is_valid),
        ('is_step', playback.ran),
    ):
        np.testing.assert_array_equal(column(chunks, name), expected, name)
    valid = playback.is_valid & playback.ran
    observation = np.concatenate([chunk.observation for chunk in chunks])
    np.testing.assert_array_equal(
        observation[valid].view(np.uint32), playback.observation[:][valid].view(np.uint32)
    )
    action = np.concatenate([chunk.action for chunk in chunks])
    np.testing.assert_allclose(action[valid], playback.action[valid], rtol=0, atol=tolerance)
    numbers = column(chunks, 'reason')
    assert not numbers[playback.is_valid].any()
    counts = np.bincount(numbers, minlength=len(recorded.reasons))
    found = {
        text: int(count) for text, count in zip(recorded.reasons, counts, strict=True) if text
    }
    assert found == {entry.text: entry.count for entry in playback.reasons.values()}
    return chunks


@pytest.mark.parametrize('bag', PAIRS)
def test_observations_of_real_recordings_are_those_of_a_replay(bag, shared_data):
    model, *options = real_words(PAIRS[bag], shared_data)
    words = dict(zip(options[::2], options[1::2], strict=True))
    policy = load_policy(model, words.get('--spec'), words['--robot'])
    chunks = check_equal(shared_data / 'recordings' / bag, policy)
    assert column(chunks, 'valid').all()
    assert not np.isnan(column(chunks, 'sensors')).any()


def motion(num_ticks):
    """Return messages of a robot that sways: a JointState and an Imu per tick, some commands."""
    messages = []
    for number in range(num_ticks):
        now_ns = 1000 * MS + number * TICK
        swing = 0.1 * np.sin(0.3 * number + np.arange(3))
        messages += [
            imu(now_ns, (np.cos(swing[0]), np.sin(swing[0]), 0.0, 0.0), swing),
            joint_state(now_ns, JOINTS[::-1], (np.array(DEFAULT) + swing)[::-1], swing[::-1]),
        ]
        if number % 50 == 10:
            messages.append(twist(now_ns - MS, (0.5, 0.01 * number, 0.0)))
    return messages


def change(kind, ticks, changed):
    """Return what changes the messages of some ticks; None: they are lost."""

    def apply(messages):
        stamps = {1000 * MS + number * TICK for number in ticks}
        for index, said in reversed(list(enumerate(messages))):
            if said.receive_ns in stamps and said.type.endswith(kind):
                messages[index : index + 1] = [] if changed is None else [changed(said)]

    return apply


def tilted(said):
    return imu(said.receive_ns, (0.6, 0.8, 0.0, 0.0), (0.1, said.receive_ns * 1e-9, 0))


def spoilt(said):
    return imu(said.receive_ns, (np.nan, 0.0, 0.0, 0.0))


def frozen(said):
    return joint_state(said.receive_ns, JOINTS, DEFAULT, [0.0] * 3)


def test_ordinary_recording_is_not_stepped(tmp_path, monkeypatch):
    policy = load_policy(write_policy(tmp_path, *TERMS, history=HISTORY))
    recorded = rows_of(write_bag(tmp_path / 'bag', motion(CHUNK + 10)), policy)

    def step(runner, sensors, stamp_ns):
        raise AssertionError('a tick was stepped')

    monkeypatch.setattr(PolicyRunner, 'step', step)
    chunks = list(observations(recorded, policy))
    assert column(chunks, 'valid').all()
    assert column(chunks, 'starts').nonzero()[0].tolist() == [0]


@pytest.mark.parametrize(
    ('change', 'valid'),
    [
        (change('Imu', [], None), 1600),
        (change('JointState', range(700, 720), None), 1580),
        (change('Imu', range(700, 720), None), 1585),
        (change('Imu', range(5), None), 1595),
        (change('Imu', range(CHUNK - 9, CHUNK + 9), None), None),
        (change('Imu', range(CHUNK - 1, CHUNK + 4), tilted), None),
        (change('Imu', [700], tilted), 1600),
        (change('Imu', range(1100, 1110), spoilt), None),
        (change('Imu', [100, CHUNK - 1, 2 * CHUNK], undecodable), 1597),
        (change('JointState', range(CHUNK - 20, CHUNK + 60), frozen), None),
    ],
)
def test_rows_are_valid_where_a_replay_is(tmp_path, change, valid):
    policy = load_policy(
        write_policy(tmp_path, *TERMS, GAIT, history=HISTORY, action={'clip': [-0.5, 0.5]})
    )
    messages = motion(1600)
    change(messages)
    messages.sort(key=lambda said: said.receive_ns)
    path = write_bag(tmp_path / 'bag', messages)
    chunks = check_equal(path, policy, **{'checks.action_saturation.action': 'ignore'})
    if valid is not None:
        assert np.count_nonzero(column(chunks, 'valid')) == valid


@pytest.mark.parametrize('first', [CHUNK + 500, 3 * CHUNK - 3, 5 * CHUNK])
def test_long_chunks_end_where_the_runner_is_needed(tmp_path, first):
    policy = load_policy(
        write_policy(tmp_path, *TERMS, GAIT, history=HISTORY, action={'clip': [-0.5, 0.5]})
    )
    messages = motion(6 * CHUNK)
    change('Imu', range(first, first + 20), None)(messages)
    chunks = check_equal(
        write_bag(tmp_path / 'bag', messages), policy,
        **{'checks.action_saturation.action': 'ignore'},
    )  # fmt: skip
    assert max(len(chunk.rows.stamp_ns) for chunk in chunks) >= CHUNK
    assert np.count_nonzero(column(chunks, 'valid')) == 6 * CHUNK - 15


def test_clock_that_is_set_back_starts_the_history_again(tmp_path):
    policy = load_policy(write_policy(tmp_path, *TERMS, history=HISTORY))
    messages = motion(CHUNK + 100)
    path = write_bag(
        tmp_path / 'bag',
        messages
        + [
            said._replace(receive_ns=said.receive_ns + 60_000 * MS) for said in motion(CHUNK + 100)
        ],
    )
    chunks = check_equal(path, policy, **{'checks.action_saturation.action': 'ignore'})
    assert np.flatnonzero(column(chunks, 'starts'))[0] == 0
    assert not column(chunks, 'valid').all()


def test_logged_run_is_followed_through_its_modes(tmp_path):
    policy = load_policy(write_policy(tmp_path, *TERMS, history=HISTORY, **GENTLE))
    requests = {30: Event.START, 70: Event.STOP, 130: Event.START, 180: Event.RESET_FAULT}
    options = {'ramp_time': 0.3, 'stop_timeout': 0.2}
    log = run_node(policy, 300, requests, start_in='standby', faults=[160], **options)
    path = write_log(tmp_path / 'bag', log)
    chunks = check_equal(path, policy, tolerance=1e-6, **LIMITS, **options)
    assert set(column(chunks, 'mode').tolist()) == {1, 2, 3, 4}
    sent = column(chunks, 'sent')
    np.testing.assert_array_equal(sent[np.array(log.sends)], np.array(log.commands)[log.sends])
    ran = column(chunks, 'is_step')
    action = np.concatenate([chunk.action for chunk in chunks])
    executed = column(chunks, 'executed_action')
    np.testing.assert_allclose(executed[ran], action[ran], rtol=0, atol=1e-6)
    assert np.isnan(executed[~ran]).all()


@pytest.mark.parametrize('lost', ['imu', 'tick', 'action', 'begin'])
def test_logged_run_with_lost_messages(tmp_path, lost):
    policy = load_policy(write_policy(tmp_path, *TERMS, history=HISTORY, **GENTLE))
    topic = {'imu': '/imu', 'tick': f'{NODE}/tick', 'action': f'{NODE}/action'}.get(lost)
    lost_ns = (1000 + 20 * 120) * MS

    def keep(said):
        if lost == 'begin':
            return said.receive_ns >= 2000 * MS
        return not (said.topic == topic and abs(said.receive_ns - lost_ns) < 5 * MS)

    path = write_log(tmp_path / 'bag', run_node(policy, 200), keep)
    valid = column(check_equal(path, policy, 1e-6, **LIMITS), 'valid')
    assert valid.all() == (lost == 'action')
    assert valid[-50:].all()


def test_recorded_actions_of_another_model_are_not_the_last_actions(tmp_path):
    policy = load_policy(write_policy(tmp_path, *TERMS, history=HISTORY))
    other = load_policy(write_policy(tmp_path, JOINT_TERM, name='other.onnx'))
    path = write_log(tmp_path / 'bag', run_node(other, 100))
    recorded, chunks, result = both(path, policy, **LIMITS)
    assert recorded.is_same_model is False
    np.testing.assert_array_equal(
        np.concatenate([chunk.observation for chunk in chunks]), result.playback.observation[:]
    )


def test_rows_may_be_read_again(tmp_path):
    policy = load_policy(write_policy(tmp_path, *TERMS))
    path = write_bag(tmp_path / 'bag', motion(CHUNK + 10))
    recorded = RecordedRows(read_policy_recording(path, policy), policy)
    first, second = ([rows.sensors for rows in recorded] for _ in range(2))
    assert [len(rows) for rows in first] == [CHUNK, 10]
    np.testing.assert_array_equal(np.concatenate(first), np.concatenate(second))
