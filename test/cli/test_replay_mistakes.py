# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""A replay with a wrong spec fails, and names the mistake."""

from __future__ import annotations

from dataclasses import replace
import json

from distill_runtime.cli.main import main
from distill_runtime.data.recording.policy_recording import read_policy_recording
from distill_runtime.data.replay.config import replay_config
from distill_runtime.data.replay.replay import replay
from distill_runtime.errors import ConfigError
from distill_runtime.policy.model import load_policy
from distill_runtime.spec.mapping import to_mapping
import pytest
from rosbags.highlevel import AnyReader
from support.bags import joint_state, MS, RecordedMessage, STORE, write_bag
from support.mutations import MUTATIONS
from support.real_policies import real_words
import yaml

STRETCH = (1.0, 1.9)
"""Interval of the walks in [s]: with a command, and too short for a contract search."""
ROBOTS = {
    'go2_sim_walk_db3': 'rl_sar_go2_himloco',
    'g1_sim_walk_mcap': 'unitree_rl_lab_g1',
    'anymal_sim_walk_mcap': 'mjlab_anymal_c',
}
"""Policy of each recording; a mistake is made with the first one where it changes anything."""
OF_GAINS = ('gains are in motor order', 'stiffness is double')
MISTAKES = [
    mutation
    for mutation in MUTATIONS
    if mutation.of_spec is not None and mutation.name != 'clip of the output is lost'
]


@pytest.fixture(scope='module')
def walks(shared_data, tmp_path_factory):
    """Return policy, bag with commands, plain bag and arguments of each recording."""
    folder = tmp_path_factory.mktemp('walks')
    found = {}
    for name, policy_name in ROBOTS.items():
        plain = shared_data / 'recordings' / name
        model, *words = real_words(policy_name, shared_data)
        options = dict(zip(words[::2], words[1::2], strict=True))
        policy = load_policy(model, options.get('--spec'), options['--robot'])
        cut = write_bag(folder / f'{name}_cut', part_of(plain))
        whole = write_bag(folder / name, with_commands(cut, policy))
        found[name] = policy, whole, plain, [str(model), '--robot', options['--robot']]
    return found


def part_of(path, begin=STRETCH[0], end=STRETCH[1]):
    """Return the messages of an interval of a recording."""
    with AnyReader([path], default_typestore=STORE) as reader:
        messages = [
            RecordedMessage(connection.topic, connection.msgtype, receive_ns, bytes(content))
            for connection, receive_ns, content in reader.messages()
        ]
    begin_ns = messages[0].receive_ns
    return [said for said in messages if begin <= (said.receive_ns - begin_ns) * 1e-9 <= end]


def with_commands(path, policy):
    """Return the messages of a recording, and the commands of its policy."""
    result = replay(read_policy_recording(path, policy), policy, replay_config({}))
    joints, ticks = result.source.recording.joints, result.playback.ticks
    messages = part_of(path, 0.0, STRETCH[1])
    messages += [
        joint_state(
            int(ticks.stamp_ns[tick]),
            policy.spec.joints,
            result.commands[tick],
            receive_ns=int(joints.receive_ns[row]) + MS,
            topic='/joint_command',
        )
        for tick, row in enumerate(ticks.joints.tolist())
    ]
    return sorted(messages, key=lambda said: said.receive_ns)


def wrong_spec(policy, mutation, robot, path):
    """Write the spec with a mistake; return None if it changes nothing or cannot be loaded."""
    try:
        spec = mutation.of_spec(policy.spec, robot)
    except ConfigError:
        return None
    if spec == policy.spec:
        return None
    path.write_text(yaml.safe_dump(to_mapping(replace(spec, golden=None))))
    return path


@pytest.mark.parametrize('name', ROBOTS)
def test_right_spec_passes(name, walks, tmp_path):
    policy, whole, _, words = walks[name]
    path = tmp_path / 'spec.yaml'
    path.write_text(yaml.safe_dump(to_mapping(replace(policy.spec, golden=None))))
    assert main(['replay', str(whole), *words, '--spec', str(path)]) == 0


@pytest.mark.parametrize('mistake', MISTAKES, ids=lambda mistake: mistake.name)
def test_mistake_in_the_spec_fails_and_is_named(mistake, walks, tmp_path, capsys):
    path = tmp_path / 'wrong.yaml'
    policy, whole, plain, words = next(
        walk for walk in walks.values() if wrong_spec(walk[0], mistake, walk[-1][-1], path)
    )
    # commands do not depend on gains; efforts do
    bag = plain if mistake.name in OF_GAINS else whole
    report = tmp_path / 'report.json'
    words = [*words, '--spec', str(path), '--json', str(report)]
    assert main(['replay', str(bag), *words]) == 1, capsys.readouterr().out
    breaches = json.loads(report.read_text())['breaches']
    joints = set(policy.spec.joints)
    if mistake.name in OF_GAINS:
        assert [breach['name'] for breach in breaches] == ['bag.gains']
        assert any(joint in breaches[0]['text'] for joint in joints)
        return
    named = {breach['name'] for breach in breaches if breach['what'] == 'commands'}
    assert named
    assert named <= joints
