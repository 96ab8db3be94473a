# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""`distill-runtime replay`: a policy over a recording, compared with what was recorded."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from .arguments import add_policy_arguments

if TYPE_CHECKING:
    from distill_runtime.data.assessment import Assessment
    from distill_runtime.data.replay import Replay
    from distill_runtime.policy.model import LoadedPolicy

DESCRIPTION = """
Run a policy over a recording with the code that runs on the robot, and compare what it does with
what was recorded: commands, and observations and actions where the recording has them. The exit
status is a verdict.

If the recording has ~/tick of student_node, each tick gets exactly the samples that it had on the
robot and passes through the same modes and faults: with the same model, parameters and library
versions every command is equal bit for bit. Else ticks follow the stamps of the joint states.
Where no commands are recorded, the efforts must be explained by the targets, as for check --bag.
"""
EPILOG = """
how to read it:
  valid       ticks at which the policy had fresh inputs and a complete history; no others count
  beyond      ticks further apart than the tolerance, and the first of them: time, own, recorded
  limited     share of ticks at which a limit changed the target; clipped: the network's output
  lag         by which the measured joint follows its command; off measured: how far it is from it

examples:
  distill-runtime replay walk/ student.onnx
  distill-runtime replay walk/ policy.onnx --robot unitree_go2 --topic imu:=/imu/data
  distill-runtime replay walk/ new.onnx --against old.onnx --tolerance 0.1
  distill-runtime replay walk/ new.onnx --rules rules.yaml --html replay.html
  distill-runtime replay walk/ student.onnx --params-file robot.yaml -p max_input_age:=0.2

rules (YAML), each key optional: tolerance, invalid, commands, observation, action, joints, terms,
motion; see docs/replay.md

exit status: 0 within the rules, or only --ticks was to be had, 1 outside, 2 nothing to compare
with, the input cannot be used, or wrong usage
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument('bag', metavar='BAG', help='rosbag2 folder, .mcap, .db3 or .bag')
    add_policy_arguments(parser)
    what = parser.add_argument_group('what is compared')
    what.add_argument(
        '--against',
        metavar='MODEL2',
        default='recorded',
        help='recorded (default), or another model, which is run over the same recording',
    )
    what.add_argument('--against-spec', metavar='F', default='', help='spec file of MODEL2')
    what.add_argument(
        '--tolerance', type=float, metavar='T', help='largest difference (default: 1e-5)'
    )
    what.add_argument('--rules', metavar='F', help='thresholds per metric, joint and term (YAML)')
    how = parser.add_argument_group('how the recording is read')
    how.add_argument(
        '--topic',
        metavar='NAME:=TOPIC',
        action='append',
        default=[],
        help='topic of the recording that is joint_states, imu, odom, cmd_vel or joint_command',
    )
    how.add_argument('--node', default='', help='whose ~/tick counts, where several nodes say it')
    how.add_argument(
        '-p',
        dest='param',
        metavar='NAME:=VALUE',
        action='append',
        default=[],
        help='parameter that student_node had, where ~/model in the recording does not say it',
    )
    how.add_argument(
        '--params-file', metavar='F', action='append', default=[], help="the node's parameters"
    )
    out = parser.add_argument_group('what is written')
    out.add_argument('--json', metavar='F', help='write the result to a file; -: print it')
    out.add_argument('--junit', metavar='F', help='write it as JUnit XML')
    out.add_argument('--html', metavar='F', help='write a page with plots, one file')
    out.add_argument('--ticks', metavar='F', help='write each tick (.npz)')


def run(args: argparse.Namespace) -> int:
    """Carry out the command; return the exit status."""
    from distill_runtime.errors import MissingExtraError

    try:
        from distill_runtime.data.assessment import assess
        from distill_runtime.data.replay import replay
        from distill_runtime.data.replay_config import replay_config
        from distill_runtime.data.rules import read_rules
        from distill_runtime.data.source import read_source
        from distill_runtime.policy.model import load_policy
    except ImportError as error:
        raise MissingExtraError(
            f'{error.name} is not installed, install it with: pip install "distill_runtime[bags]"'
        ) from error
    from distill_runtime.spec.robots import load_robot

    from .check_bag import read_topics

    rules = read_rules(Path(args.rules).expanduser() if args.rules else None, args.tolerance)
    given = _parameters(args)
    policy = load_policy(args.model, args.spec or None, args.robot)
    bag, topics = Path(args.bag).expanduser(), read_topics(args.topic)
    source = read_source(bag, policy, topics, args.node)
    config = replay_config({**source.parameters, **given})
    result = replay(source, policy, config)
    other = None
    if args.against != 'recorded':
        rival = load_policy(args.against, args.against_spec or None, args.robot)
        other = replay(read_source(bag, rival, topics, args.node), rival, config)
    found = assess(result, policy, rules, load_robot(args.robot) if args.robot else None, other)
    if args.html:
        _write_page(args, result, policy, found, other)
    _write(args, result, policy, found)
    if found.verdict == 'not_compared':
        return 0 if args.ticks else 2
    return 1 if found.verdict == 'outside' else 0


def _parameters(args: argparse.Namespace) -> dict[str, object]:
    """Read the parameters; of two that set one the later wins, and -p wins over files."""
    from distill_runtime.data.replay_config import assignment, parameters_in

    parameters: dict[str, object] = {}
    for file in args.params_file:
        parameters.update(parameters_in(Path(file).expanduser()))
    parameters.update(map(assignment, args.param))
    return parameters


def _write_page(
    args: argparse.Namespace,
    result: Replay,
    policy: LoadedPolicy,
    found: Assessment,
    other: Replay | None,
) -> None:
    """Write the page; what draws it is an extra."""
    from distill_runtime.errors import MissingExtraError

    try:
        from distill_runtime.data.report import html_report
    except ImportError as error:
        raise MissingExtraError(
            f'{error.name} is not installed, install it with: '
            'pip install "distill_runtime[report]"'
        ) from error
    from .output_file import write_text
    from .replay_page import facts
    from .replay_report import replay_versions

    told = {
        **dict(facts(result, policy)),
        'sha256': policy.sha256,
        'against': args.against,
        'rules': args.rules or 'default',
        'versions': ', '.join(f'{name} {number}' for name, number in replay_versions().items()),
    }
    reference = result.recorded_commands()
    if other is not None:
        reference = other.commands if other.commands.shape == result.commands.shape else None
    page = html_report(result, policy, found, told, reference)
    write_text(Path(args.html).expanduser(), '--html', page)


def _write(
    args: argparse.Namespace, result: Replay, policy: LoadedPolicy, found: Assessment
) -> None:
    """Write and print what was asked for."""
    from .json_report import write_json
    from .junit import junit_xml
    from .output_file import write_text
    from .page import page_width, print_page
    from .replay_page import replay_page
    from .replay_report import junit_cases, replay_report, replay_versions, write_ticks

    rules_name = args.rules or 'default'
    if args.ticks:
        write_ticks(Path(args.ticks).expanduser(), result)
    if args.junit:
        facts = {'recording': args.bag, 'model sha256': policy.sha256, **replay_versions()}
        text = junit_xml(f'replay of {policy.spec.name}', junit_cases(found), facts)
        write_text(Path(args.junit).expanduser(), '--junit', text)
    if args.json:
        write_json(args.json, replay_report(result, policy, found, rules_name))
    if args.json != '-':
        print_page(replay_page(result, policy, found, page_width()))
