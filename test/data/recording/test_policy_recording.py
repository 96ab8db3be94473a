# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from distill_runtime.data.recording.policy_recording import read_policy_recording
from distill_runtime.errors import ConfigError, RecordingError
from distill_runtime.policy.model import load_policy
from distill_runtime.spec.compile import external_terms
import numpy as np
import pytest
from support.bags import imu, joint_state, MS, multi_array, tick, twist, write_bag
from support.logged_run import NODE, run_node, write_log
from support.ros_policies import JOINT_TERM, write_policy
from support.specs import DEFAULT, JOINTS, make_spec

pytestmark = pytest.mark.needs('policy')
SCAN = {'term': 'external', 'topic': '/scan', 'width': 3}
GOAL = {'term': 'external', 'topic': 'goal', 'width': 7, 'message': 'PoseStamped'}


@pytest.fixture
def policy(tmp_path):
    return load_policy(write_policy(tmp_path))


def inputs(*times_ms):
    """Return what the policy reads at some times."""
    return [
        message
        for t in times_ms
        for message in (imu(t * MS), joint_state(t * MS, JOINTS, DEFAULT, [0.0] * 3))
    ]


def test_only_rows_that_ticks_may_see_are_kept(tmp_path, policy):
    messages = [*inputs(*range(1, 400, 2)), twist(401 * MS, (1, 0, 0))]
    recording = read_policy_recording(write_bag(tmp_path / 'bag', messages), policy).recording
    assert (recording.joints.stamp_ns // MS).tolist() == list(range(1, 400, 20))
    assert (recording.imu.stamp_ns // MS).tolist() == list(range(1, 400, 20))
    assert recording.joints.topic.num_messages == recording.imu.num_usable == 200
    assert recording.joints.effort is None


def test_logged_ticks_keep_the_rows_that_they_name(tmp_path, policy):
    log = run_node(policy, ticks=9)
    extra = [imu(1001 * MS), joint_state(1002 * MS, JOINTS, DEFAULT)]
    log.messages += extra
    source = read_policy_recording(write_log(tmp_path / 'bag', log), policy)
    assert source.recording.joints.stamp_ns.tolist() == source.log.joint_states_ns.tolist()
    assert source.recording.imu.stamp_ns.tolist() == source.log.imu_ns.tolist()
    assert source.log.node == NODE
    assert len(source.commands.values) == len(source.observation.values) == 9


def test_input_that_the_node_did_not_have_keeps_its_newest_rows(tmp_path, policy):
    messages = [imu(t * MS) for t in range(900, 1300, 2)]
    for number in range(9):
        now_ns = (1000 + 20 * number) * MS
        messages += [joint_state(now_ns, JOINTS, DEFAULT, [0.0] * 3)]
        messages += [tick(number, now_ns + 1, joint_states_ns=now_ns)]
    messages.sort(key=lambda message: message.receive_ns)
    source = read_policy_recording(write_bag(tmp_path / 'bag', messages), policy)
    assert (source.recording.imu.stamp_ns // MS).tolist() == list(range(1000, 1180, 20))


def test_topics_of_a_policy_are_kept_by_its_names_for_them(tmp_path):
    policy = load_policy(write_policy(tmp_path, JOINT_TERM, SCAN))
    messages = [*inputs(1, 21), multi_array(5, [('x', 3)], [1, 2, 3], '/elsewhere/scan')]
    path = write_bag(tmp_path / 'bag', messages)
    source = read_policy_recording(path, policy, {'/scan': '/elsewhere/scan'})
    np.testing.assert_array_equal(source.recording.externals['/scan'].values, [[1, 2, 3]])
    with pytest.raises(ConfigError, match=r"topic '/map' is unknown, expected .*'/scan'"):
        read_policy_recording(path, policy, {'/map': '/elsewhere/scan'})


def test_topic_of_a_policy_of_another_width_is_refused(tmp_path):
    policy = load_policy(write_policy(tmp_path, JOINT_TERM, SCAN))
    path = write_bag(
        tmp_path / 'bag', [*inputs(1, 21), multi_array(5, [('x', 2)], [1, 2], '/scan')]
    )
    with pytest.raises(RecordingError, match='has no messages for /scan, which the policy reads'):
        read_policy_recording(path, policy)


def test_each_external_topic_is_listed_once():
    spec = make_spec(SCAN, GOAL, {**SCAN, 'scale': 2.0})
    assert [term.topic for term in external_terms(spec)] == ['/scan', 'goal']
