# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""`distill-runtime replay`: run a policy over a recording and compare it with the recorded run."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from distill_runtime.cli.terminal.arguments import (
    add_param_argument,
    add_policy_arguments,
    add_topic_argument,
    add_worker_arguments,
)

if TYPE_CHECKING:
    from distill_runtime.cli.replay_output.outcome import ModelUnderTest, Outcome

DESCRIPTION = """
Run a policy over a recording with the code that runs on the robot, and compare commands, and
observations and actions if they were recorded. The exit status is a verdict.

If the recording has ~/tick of student_node, each tick gets exactly the samples that it had on the
robot and goes through the same modes and faults: with the same model, parameters and library
versions every command is equal bit for bit. Otherwise ticks follow the stamps of the joint states.
Where no commands are recorded, the targets must explain the efforts, as for check --bag.
"""
EPILOG = """
how to read it:
  valid           ticks with fresh inputs and a complete history; only these are compared
  above           ticks that differ by more than the tolerance, and the first: time, values
  limited         share of ticks at which a limit changed the target; clipped: the network's output
  lag             of the measured joint behind its command; tracking error: RMS of the difference

examples:
  distill-runtime replay walk/ student.onnx
  distill-runtime replay walk/ policy.onnx --robot unitree_go2 --topic imu:=/imu/data
  distill-runtime replay walk/ new.onnx --against old.onnx --tolerance 0.1
  distill-runtime replay walk/ new.onnx --rules rules.yaml --html replay.html
  distill-runtime replay walk/ new.onnx --robot unitree_go2 --explain
  distill-runtime replay walk/ student.onnx --params-file robot.yaml -p max_input_age:=0.2
  distill-runtime replay --scan recordings/ new.onnx --junit replay.xml --workers 8

rules (YAML), each key optional: tolerance, invalid, commands, observation, action, joints, terms,
motion; see docs/replay.md

exit status: 0 pass, 1 fail: a threshold is exceeded, 2 inconclusive: nothing to compare with
(--ticks, --html and --json are still written), the input cannot be used, or wrong usage; with
--scan: 0 all pass, 1 some fail, 2 none fails, but some cannot be used or compared
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument(
        'bag', metavar='BAG', help='rosbag2 folder, .mcap, .db3 or .bag; with --scan any folder'
    )
    add_policy_arguments(parser)
    what = parser.add_argument_group('comparison')
    what.add_argument(
        '--against',
        metavar='MODEL2',
        default='recorded',
        help='recorded (default), or another model to run over the same recording',
    )
    what.add_argument('--against-spec', metavar='F', default='', help='spec file of MODEL2')
    what.add_argument(
        '--tolerance', type=float, metavar='T', help='largest difference (default: 1e-5)'
    )
    what.add_argument('--rules', metavar='F', help='thresholds per metric, joint and term (YAML)')
    what.add_argument(
        '--explain',
        action='store_true',
        help='where the replay fails, search for a contract (scales, signs, orders) that would '
        'fit the recording; takes seconds',
    )
    how = parser.add_argument_group('recording')
    how.add_argument(
        '--scan',
        action='store_true',
        help='replay over all recordings below the folder BAG, the worst first',
    )
    add_worker_arguments(how)
    add_topic_argument(how)
    how.add_argument('--node', default='', help='node whose ~/tick is used, if several publish it')
    add_param_argument(how, 'parameter of student_node, if ~/model in the recording lacks it')
    how.add_argument(
        '--params-file', metavar='F', action='append', default=[], help="the node's parameters"
    )
    out = parser.add_argument_group('output')
    out.add_argument('--json', metavar='F', help='write the result to a file; -: print it')
    out.add_argument('--junit', metavar='F', help='write the result as JUnit XML')
    out.add_argument('--html', metavar='F', help='write a single-file page with plots')
    out.add_argument('--ticks', metavar='F', help='write each tick (.npz)')


def run(args: argparse.Namespace) -> int:
    """Run the command; return the exit status."""
    from distill_runtime.cli.terminal.extras import of_extra

    with of_extra('bags'):
        from distill_runtime.cli.replay_output.outcome import ModelUnderTest
    from distill_runtime.cli.terminal.progress import open_progress
    from distill_runtime.errors import ConfigError

    if args.scan:
        return _run_scan(args)
    if args.workers > 1 or args.ray:
        raise ConfigError('--workers and --ray are for many recordings, expected them with --scan')
    model = ModelUnderTest(args)
    with open_progress() as progress:
        outcome = model.run(Path(args.bag).expanduser(), progress)
        if args.html:
            progress.stage(f'drawing {args.html}')
            _write_page(args, model, outcome)
    _write(args, model, outcome)
    return {'within': 0, 'outside': 1, 'not_compared': 2}[outcome.found.verdict]


def _run_scan(args: argparse.Namespace) -> int:
    """Replay over all recordings of a folder; return the exit status."""
    from distill_runtime.cli.replay_output.outcome import ModelUnderTest
    from distill_runtime.cli.replay_output.scan import exit_status, scan, scan_page, scan_report
    from distill_runtime.cli.terminal.junit import junit_xml
    from distill_runtime.cli.terminal.output import write_json, write_text
    from distill_runtime.cli.terminal.page import print_page
    from distill_runtime.cli.terminal.progress import open_progress
    from distill_runtime.errors import ConfigError

    for option in ('html', 'ticks'):
        if getattr(args, option):
            raise ConfigError(
                f'--{option} is of one recording, expected none with --scan: replay that '
                'recording without --scan'
            )
    model = ModelUnderTest(args)
    with open_progress() as progress:
        found = scan(args, model, progress)
    if args.junit:
        text = junit_xml(entry.suite for entry in found)
        write_text(Path(args.junit).expanduser(), '--junit', text)
    if args.json:
        write_json(args.json, scan_report(found, model))
    if args.json != '-':
        print_page(scan_page(found, model.policy))
    return exit_status(found)


def _write_page(args: argparse.Namespace, model: ModelUnderTest, outcome: Outcome) -> None:
    """Write the HTML page; its libraries are an extra."""
    from distill_runtime.cli.terminal.extras import of_extra

    with of_extra('report'):
        from distill_runtime.data.report.html import html_report
    from distill_runtime.cli.replay_output.page import facts
    from distill_runtime.cli.replay_output.report import replay_versions
    from distill_runtime.cli.terminal.output import write_text

    result, other, found = outcome
    policy = model.policy
    anomalies = [anomaly.text for anomaly in result.anomalies]
    provenance = {
        **dict(facts(result, policy)),
        **({'anomalies': '; '.join(anomalies)} if anomalies else {}),
        'sha256': policy.sha256,
        'against': args.against,
        'rules': model.rules_name,
        'versions': ', '.join(f'{name} {number}' for name, number in replay_versions().items()),
    }
    reference = result.run.commands()
    if other is not None:
        reference = other.commands if other.commands.shape == result.commands.shape else None
    page = html_report(result, policy, found, provenance, reference)
    write_text(Path(args.html).expanduser(), '--html', page)


def _write(args: argparse.Namespace, model: ModelUnderTest, outcome: Outcome) -> None:
    """Write the requested files and print the page."""
    from distill_runtime.cli.replay_output.page import replay_page
    from distill_runtime.cli.replay_output.report import (
        junit_cases,
        replay_report,
        replay_suite,
        write_ticks,
    )
    from distill_runtime.cli.terminal.junit import junit_xml
    from distill_runtime.cli.terminal.output import write_json, write_text
    from distill_runtime.cli.terminal.page import print_page

    result, policy, found = outcome.result, model.policy, outcome.found
    if args.ticks:
        write_ticks(Path(args.ticks).expanduser(), result)
    if args.junit:
        text = junit_xml([replay_suite(policy, args.bag, list(junit_cases(found)))])
        write_text(Path(args.junit).expanduser(), '--junit', text)
    if args.json:
        write_json(args.json, replay_report(result, policy, found, model.rules_name))
    if args.json != '-':
        print_page(replay_page(result, policy, found))
