# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Time one tick: bare inference (A), ours (B), a textbook node (C), interleaved in one thread."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
import contextlib
import json

from candidates import BareInference, OurTick, TextbookTick
from distill_runtime.errors import ConfigError
from distill_runtime.policy.model import LoadedPolicy
from distill_runtime.ros.loop.commands import COMMAND_QOS
from distill_runtime.ros.loop.loop_context import LoopContext
from feed import SensorFeed
from processes import unique_namespace
import rclpy
from rounds import Rounds, undisturbed
from sensor_msgs.msg import JointState
from student import loop_context, overrides, private_context, student_node
from subjects import add_arguments, chosen_subjects, Subject
from textbook_node import TextbookNode
from textbook_parameters import textbook_parameters

_TIMER_PERIOD = 0.001
_UNBOUND = {'torque_limit': 1e5}
"""Effectively unlimited: the torque is computed, but must not clip the synthetic samples."""


def main() -> None:
    """Measure every policy and print the result as JSON."""
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    add_arguments(parser)
    args = parser.parse_args()
    results = [_measure(subject, args.quick) for subject in chosen_subjects(args)]
    print(json.dumps({'subjects': results}))


def _measure(subject: Subject, is_quick: bool) -> dict[str, object]:
    """Measure one policy, back to back and at its policy rate."""
    if not subject.model.is_file():
        return {'name': subject.name, 'skipped': f'{subject.model.name} does not exist'}
    policy = subject.load()
    result: dict[str, object] = {'name': subject.name, 'sha256': policy.sha256}
    namespace = unique_namespace('tick')
    with contextlib.ExitStack() as stack:
        context = stack.enter_context(private_context())

        def feed(name: str) -> SensorFeed:
            node = rclpy.create_node('feeder', context=context, namespace=f'{namespace}/{name}')
            stack.callback(node.destroy_node)
            # without a subscriber DDS would have almost nothing to do
            node.create_subscription(JointState, 'joint_command', print, COMMAND_QOS)
            return SensorFeed(node, policy.spec)

        node = stack.enter_context(
            student_node(context, f'{namespace}/ours', {**subject.parameters(), **_UNBOUND})
        )
        loop = loop_context(node)
        # a recurrent network must not advance between two ticks
        session = policy.session if policy.spec.state else loop.runner.policy
        rounds = Rounds(BareInference(session, feed('bare')), OurTick(node, feed('ours')))
        try:
            rounds.textbook = stack.enter_context(
                _textbook_tick(policy, loop, context, f'{namespace}/textbook', feed)
            )
        except ConfigError as error:
            result['textbook_skipped'] = f'the textbook node cannot run this policy: {error}'
        with undisturbed() as result['scheduling']:
            result['warm'] = rounds.measure_warm(40 if is_quick else 2000)
            result['paced'] = rounds.measure_paced(25 if is_quick else 750, policy.spec.period)
    return result


@contextlib.contextmanager
def _textbook_tick(
    policy: LoadedPolicy,
    loop: LoopContext,
    context: rclpy.Context,
    namespace: str,
    feed: Callable[[str], SensorFeed],
) -> Iterator[TextbookTick]:
    """Create a textbook node with the parameters of our node."""
    values = textbook_parameters(policy, loop.runner.compiled, loop.runner.config.max_joint_step)
    node = TextbookNode(
        context=context,
        namespace=namespace,
        parameter_overrides=overrides({**values, 'period': _TIMER_PERIOD}),
    )
    tick = TextbookTick(node, feed('textbook'))
    try:
        yield tick
    finally:
        tick.close()
        node.destroy_node()


if __name__ == '__main__':
    main()
