# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Findings about the topics of a recording, independent of a policy."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timezone

from distill_runtime.spec.findings.finding import Finding
from distill_runtime.spec.robot_description import RobotDescription
import numpy as np

from .topic_stats import LONG_GAP, TopicStats

Moment = Callable[[int], str]
"""Formats a time of receipt."""
_LONGEST_PAUSE = 30 * 86400.0
"""Pauses above this, in [s], mean that times of receipt are of different clocks."""
_YEAR = 365.25 * 86400.0  # s


def content_findings(facts: TopicStats, moment: Moment) -> Iterator[Finding]:
    """Find messages of a topic that cannot be read."""
    name, lost = facts.topic.name, facts.undecodable_ns
    if facts.damage:
        yield Finding(
            code='bag.damaged',
            severity='error',
            message=f'{facts.damage}; {len(facts.receive_ns)} of {facts.topic.num_messages} '
            f'messages of {name} were read',
            hint='later messages are missing in all results',
        )
    if len(lost):
        yield Finding(
            code='bag.undecodable',
            severity='error',
            message=f'{len(lost)} of {len(facts.receive_ns)} messages of {name} cannot be decoded '
            f'as {facts.topic.type}, the first at {moment(int(lost[0]))}, the last at '
            f'{moment(int(lost[-1]))}',
            hint='a replay skips them: was another version of the type recorded, or is the '
            'file damaged?',
        )
    if not facts.is_known_type:
        yield Finding(
            code='bag.unknown_type',
            severity='info',
            message=f'the recording lacks the definition of {facts.topic.type}: messages of '
            f'{name} are counted, not decoded',
            hint='no policy reads them',
        )


def time_findings(facts: TopicStats, is_input: bool, moment: Moment) -> Iterator[Finding]:
    """Find gaps, a low rate, latency and anomalous stamps of a topic.

    Args:
        facts: Statistics of the topic.
        is_input: Whether student_node stops the robot where it is silent.
        moment: Formats a time.
    """
    name = facts.topic.name
    received, stamped, latency = facts.received, facts.stamped, facts.latency
    if stamped is not None and stamped.first_back_ns is not None:
        yield Finding(
            code='bag.stamps_back',
            severity='warning',
            message=f'stamps of {name} go back {stamped.num_back} times, first to '
            f'{stamped.first_back_ns * 1e-9:.6f} s',
            hint='two publishers on one topic, a clock that was set, or a simulation that '
            'restarted? The node does not use a sample that is older than the previous one',
        )
    if latency is not None and not latency.is_known:
        yield Finding(
            code='bag.clocks',
            severity='info',
            message=f'stamps of {name} are from another clock than those of the recorder: they '
            f'are {latency.median:.0f} s apart',
            hint='its latency is unknown; the node needs input_stamps: arrival, or use_sim_time',
        )
    elif is_input and latency is not None and not -LONG_GAP <= latency.median <= LONG_GAP:
        which = 'before' if latency.median > 0.0 else 'after'
        yield Finding(
            code='bag.latency',
            severity='warning',
            message=f'{name} is stamped {abs(latency.median):.3f} s {which} it was received in '
            f'the median, expected within {LONG_GAP:g} s',
            hint='is the clock of the robot synchronised? The node rejects such samples as '
            'stale or wrong, unless input_stamps is arrival',
        )
    if not is_input or received is None:
        return
    if received.period > LONG_GAP:
        yield Finding(
            code='bag.rate',
            severity='warning',
            message=f'{name} comes every {received.period:.3f} s, expected within {LONG_GAP:g} s',
            hint='the node treats it as silent: raise the rate of the driver, or max_input_age',
        )
    elif received.num_gaps:
        yield Finding(
            code='bag.gaps',
            severity='warning',
            message=f'{name} has {received.num_gaps} gaps above {LONG_GAP:g} s, the longest is '
            f'{received.longest_gap:.3f} s at {moment(received.longest_gap_at_ns)}',
            hint='the node stops the robot there (max_input_age); were messages lost on the robot '
            'or by the recorder?',
        )


def clock_findings(topics: Sequence[TopicStats]) -> Iterator[Finding]:
    """Find times of receipt that cannot be of one clock.

    Args:
        topics: All topics of the recording with messages.
    """
    times = np.sort(np.concatenate([facts.receive_ns for facts in topics]))
    pauses = np.diff(times)
    if not len(pauses) or pauses.max() <= _LONGEST_PAUSE * 1e9:
        return
    last = int(pauses.argmax())
    before_ns, after_ns = int(times[last]), int(times[last + 1])
    early = [facts.topic.name for facts in topics if facts.receive_ns.min() <= before_ns]
    late = [facts.topic.name for facts in topics if facts.receive_ns.max() >= after_ns]
    seconds = (after_ns - before_ns) / 1e9
    yield Finding(
        code='bag.time_jump',
        severity='error',
        message=f'messages are {seconds / _YEAR:.1f} years apart: {last + 1} up to '
        f'{_date(before_ns)} ({", ".join(early)}), {len(times) - last - 1} from '
        f'{_date(after_ns)} on ({", ".join(late)}), expected within '
        f'{_LONGEST_PAUSE / 86400.0:.0f} days',
        hint='was the clock of the computer set while it recorded, or do some topics have '
        'simulated time? Duration, rates and gaps are meaningless, and players stop there: '
        'record again with one clock',
    )


def _date(time_ns: int) -> str:
    return f'{datetime.fromtimestamp(time_ns / 1e9, timezone.utc):%Y-%m-%d %H:%M:%S} UTC'


def joint_findings(facts: TopicStats, robot: RobotDescription) -> Iterator[Finding]:
    """Compare the joints of a topic with those of a robot."""
    names = tuple(dict.fromkeys(name for entry in facts.joints for name in entry))
    missing = [name for name in robot.joints if name not in names]
    if not missing:
        return
    renamed = _renamed(missing, names)
    yield Finding(
        code='bag.joints_missing',
        severity='error',
        message=f'{facts.topic.name} has no joints {missing} of {robot.name}, it has '
        f'{list(names)}',
        hint='joints are matched by name: '
        + (f'is {renamed[1]} the {renamed[0]} of the robot? ' if renamed else '')
        + 'rename them in the driver, or is it another robot?',
    )


def _renamed(missing: list[str], names: tuple[str, ...]) -> tuple[str, str] | None:
    """Return a missing joint and a joint with a similar name."""
    plain = {_plain(name): name for name in names}
    for name in missing:
        if _plain(name) in plain:
            return name, plain[_plain(name)]
    return None


def _plain(name: str) -> str:
    text = name.rpartition('/')[2].lower().replace('-', '_')
    return text.removesuffix('_joint').replace('_', '')
