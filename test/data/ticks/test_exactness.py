# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from distill_runtime.data.bags.bag import Bag
from distill_runtime.data.info.topic_stats import read_topic
from distill_runtime.data.ticks.exactness import read_nodes
from distill_runtime.policy.model import load_policy
import pytest
from support.bags import joint_state, MS, tick, write_bag
from support.logged_run import run_node, write_log
from support.ros_policies import write_policy
from support.specs import DEFAULT, JOINTS

pytestmark = pytest.mark.needs('policy')


def nodes_of(path, given=None):
    with Bag(path) as bag:
        return read_nodes(bag, given or {}, {t.name: read_topic(bag, t) for t in bag.topics})


@pytest.fixture(scope='module')
def policy(tmp_path_factory):
    return load_policy(write_policy(tmp_path_factory.mktemp('model')))


def test_recording_of_all_has_all_but_the_parameters(policy, tmp_path):
    (node,) = nodes_of(write_log(tmp_path / 'bag', run_node(policy)))
    assert (node.node, node.num_ticks, node.num_interruptions) == ('/student_node', 60, 0)
    assert node.models == (policy.sha256[:15],)
    assert (node.joint_command, node.has_observation, node.has_action) == (
        '/joint_command',
        True,
        True,
    )
    joints, imu, command = (node.samples[name] for name in ('joint_states', 'imu', 'cmd_vel'))
    assert (joints.topic, joints.num_named, joints.num_found) == ('/joint_states', 60, 60)
    assert (imu.num_named, imu.num_found) == (60, 60)
    assert (command.topic, command.num_found) == ('/cmd_vel', None)  # a Twist has no stamp
    assert 'odom' not in node.samples  # none was used
    (missing,) = node.missing
    assert '/student_node/model is not recorded' in missing


def test_what_is_missing_is_counted(policy, tmp_path):
    log = run_node(policy)
    dropped = {'/imu', '/joint_command'}
    stamps = iter(range(60))

    def keep(message):
        is_lost = message.topic == '/joint_states' and next(stamps) in (7, 8)
        return message.topic not in dropped and not is_lost

    (node,) = nodes_of(write_log(tmp_path / 'bag', log, keep))
    text = ' | '.join(node.missing)
    assert 'imu: 60 samples were used and none is recorded' in text
    assert '/joint_states: 2 of 60 samples that were used are not recorded' in text
    assert 'no commands are recorded' in text


def test_ticks_that_are_missing_are_counted_by_place(tmp_path):
    numbers = [5, 6, 7, 12, 13, 20]
    messages = [joint_state(MS, JOINTS, DEFAULT)]
    messages += [tick(number, number * 20 * MS, joint_states_ns=MS) for number in numbers]
    (node,) = nodes_of(write_bag(tmp_path / 'bag', messages))
    assert node.num_interruptions == 2
    assert 'ticks are missing 2 times' in node.missing


def test_each_node_is_told_with_topics_of_its_own(policy, tmp_path):
    messages = []
    for namespace in ('/left', '/right'):
        messages += [joint_state(MS, JOINTS, DEFAULT, topic=f'{namespace}/joint_states')]
        messages += [tick(0, 2 * MS, f'{namespace}/student_node/tick', joint_states_ns=MS)]
    found = nodes_of(write_bag(tmp_path / 'bag', sorted(messages, key=lambda s: s.receive_ns)))
    assert [node.samples['joint_states'].topic for node in found] == [
        '/left/joint_states',
        '/right/joint_states',
    ]


def test_recording_without_ticks_has_no_node(tmp_path):
    assert nodes_of(write_bag(tmp_path / 'bag', [joint_state(MS, JOINTS, DEFAULT)])) == ()
