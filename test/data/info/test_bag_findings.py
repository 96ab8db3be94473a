# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import dataclasses

from distill_runtime.data.bags.bag import Topic
from distill_runtime.data.info.bag_findings import (
    clock_findings,
    content_findings,
    joint_findings,
    time_findings,
)
from distill_runtime.data.info.topic_stats import Latency, rate_stats, TopicStats
from distill_runtime.spec.robot_description import RobotDescription
import numpy as np
import pytest
from support.bags import MS

TIMES = np.arange(100) * 10 * MS
NONE = np.zeros(0, np.int64)


def facts(**changes):
    """Return a topic without findings, changed."""
    plain = TopicStats(
        topic=Topic('/joint_states', 'sensor_msgs/msg/JointState', 100),
        receive_ns=TIMES,
        stamp_ns=TIMES,
        received=rate_stats(TIMES),
        stamped=rate_stats(TIMES),
        latency=Latency(median=0.001, p99=0.002, least=0.0),
        undecodable_ns=NONE,
        is_known_type=True,
        joints=(('FL_hip', 'FL_knee'),),
        damage='',
    )
    return dataclasses.replace(plain, **changes)


def moment(time_ns):
    return f'{time_ns * 1e-9:.2f} s'


def robot(*joints):
    return RobotDescription(
        name='dog', joints=joints, position=None, velocity=None, effort=None, source='here'
    )


def test_regular_topic_gives_no_finding():
    assert list(content_findings(facts(), moment)) == []
    assert list(time_findings(facts(), True, moment)) == []
    assert list(joint_findings(facts(), robot('FL_knee', 'FL_hip'))) == []


@pytest.mark.parametrize(
    ('changes', 'code', 'severity', 'text'),
    [
        ({'undecodable_ns': TIMES[[3, 9]]}, 'bag.undecodable', 'error',
         '2 of 100 messages of /joint_states cannot be decoded as sensor_msgs/msg/JointState, the '
         'first at 0.03 s, the last at 0.09 s'),
        ({'damage': 'it is cut', 'receive_ns': TIMES[:40]}, 'bag.damaged', 'error',
         'it is cut; 40 of 100 messages of /joint_states were read'),
        ({'is_known_type': False}, 'bag.unknown_type', 'info', 'counted, not decoded'),
        ({'stamped': rate_stats(np.roll(TIMES, 50))}, 'bag.stamps_back', 'warning',
         'stamps of /joint_states go back 1 times, first to 0.000000 s'),
        ({'latency': Latency(median=9e7, p99=9e7, least=9e7)}, 'bag.clocks', 'info',
         'are 90000000 s apart'),
        ({'latency': Latency(median=0.25, p99=0.3, least=0.2)}, 'bag.latency', 'warning',
         'is stamped 0.250 s before it was received'),
        ({'latency': Latency(median=-0.25, p99=0.0, least=-0.3)}, 'bag.latency', 'warning',
         'is stamped 0.250 s after it was received'),
        ({'received': rate_stats(TIMES * 20)}, 'bag.rate', 'warning', 'comes every 0.200 s'),
        ({'received': rate_stats(np.append(TIMES, TIMES[-1] + 300 * MS))}, 'bag.gaps', 'warning',
         'has 1 gaps above 0.1 s, the longest is 0.300 s at 0.99 s'),
    ],
)  # fmt: skip
def test_finding_about_a_topic(changes, code, severity, text):
    given = facts(**changes)
    (found,) = [*content_findings(given, moment), *time_findings(given, True, moment)]
    assert (found.code, found.severity) == (code, severity)
    assert text in found.message


def test_topic_that_the_node_does_not_wait_for_may_be_slow_and_silent():
    slow = facts(received=rate_stats(TIMES * 20), latency=Latency(median=0.3, p99=1.0, least=0.0))
    assert list(time_findings(slow, False, moment)) == []


@pytest.mark.parametrize(
    ('missing', 'guess'),
    [('FL_hip_joint', 'is FL_hip the FL_hip_joint of the robot? '), ('wheel', '')],
)
def test_missing_joint_is_reported_with_a_similar_name(missing, guess):
    (found,) = joint_findings(facts(), robot(missing, 'FL_knee'))
    assert (found.code, found.severity) == ('bag.joints_missing', 'error')
    assert f"no joints ['{missing}'] of dog, it has ['FL_hip', 'FL_knee']" in found.message
    assert found.hint == (
        f'joints are matched by name: {guess}rename them in the driver, or is it another robot?'
    )


DAY = 86_400_000 * MS


@pytest.mark.parametrize(('pause', 'is_found'), [(30 * DAY, False), (30 * DAY + MS, True)])
def test_messages_further_apart_than_a_month_are_of_two_clocks(pause, is_found):
    topics = [facts(), facts(receive_ns=TIMES[-1] + pause + TIMES)]
    assert [finding.code for finding in clock_findings(topics)] == ['bag.time_jump'] * is_found


def test_jump_of_the_clock_names_both_sides():
    model = facts(receive_ns=np.zeros(1, np.int64), topic=Topic('/node/model', 'x/msg/X', 1))
    (found,) = clock_findings([model, facts(receive_ns=TIMES + 1_700_000_000_000 * MS)])
    assert found.severity == 'error'
    assert found.message == (
        'messages are 53.9 years apart: 1 up to 1970-01-01 00:00:00 UTC (/node/model), 100 from '
        '2023-11-14 22:13:20 UTC on (/joint_states), expected within 30 days'
    )
    assert list(clock_findings([facts(receive_ns=TIMES[:1])])) == []
