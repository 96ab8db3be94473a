# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""`distill-runtime bag info`: show the content of a recording, and whether it is valid."""

from __future__ import annotations

import argparse
from pathlib import Path

from distill_runtime.cli.terminal.arguments import add_topic_argument, read_topics

DESCRIPTION = """
Inspect recordings of a robot, without ROS.
"""
_EXIT_STATUS = """
exit status: 0 valid (there may be warnings), 1 errors: parts of it are damaged or cannot be
decoded, messages are years apart, the Imu is implausible, or joints of --robot are missing, 2 it
cannot be read at all, or wrong usage
"""
EPILOG = f"""
examples:
  distill-runtime bag info walk/
  distill-runtime bag info --help
{_EXIT_STATUS}"""
_INFO_DESCRIPTION = """
Read a whole recording and show what matters to a policy: rate, jitter, gaps and latency of each
topic, messages that cannot be decoded, joint names, whether the Imu is plausible, and whether an
exact replay is possible. Recordings: rosbag2 (MCAP, sqlite3, compressed, split), rosbag1, dumps of
the black box. A damaged recording is read up to the damage.
"""
_INFO_EPILOG = f"""
how to read it:
  rate        mean, from receive times, as all columns but latency
  jitter      99th percentile of the deviation of the message period from its median
  gap         longest time from one message to the next, and its start
  latency     from the stamp in the header to receipt: median and 99th percentile
  lost        messages that cannot be decoded

examples:
  distill-runtime bag info walk/
  distill-runtime bag info walk.bag --robot unitree_go2 --topic imu:=/imu/data
  distill-runtime bag info walk/ --json - | jq '.topics[] | {{name, rate}}'
{_EXIT_STATUS}"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the subcommands."""
    subparsers = parser.add_subparsers(title='commands', metavar='COMMAND', required=True)
    info = subparsers.add_parser(
        'info',
        help='show the content of a recording, and whether it is valid',
        description=_INFO_DESCRIPTION,
        epilog=_INFO_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    info.add_argument('bag', metavar='BAG', help='rosbag2 folder, .mcap, .db3 or .bag')
    info.add_argument('--robot', default='', help='robot profile or URDF with the expected joints')
    add_topic_argument(info)
    info.add_argument('--json', metavar='F', help='write the result to a file; -: print it')


def run(args: argparse.Namespace) -> int:
    """Carry out the command; return the exit status."""
    from distill_runtime.cli.terminal.extras import of_extra

    with of_extra('bags'):
        from distill_runtime.data.info.bag_info import read_info
    from distill_runtime.cli.bag_output.page import bag_page
    from distill_runtime.cli.bag_output.report import bag_report
    from distill_runtime.cli.terminal.output import write_json
    from distill_runtime.cli.terminal.page import print_page
    from distill_runtime.cli.terminal.progress import open_progress
    from distill_runtime.spec.robots import load_robot

    robot = load_robot(args.robot) if args.robot else None
    with open_progress() as progress:
        progress.stage(f'reading {Path(args.bag).name}')
        found = read_info(Path(args.bag).expanduser(), read_topics(args.topic), robot, progress)
    if args.json:
        write_json(args.json, bag_report(found))
    if args.json != '-':
        print_page(bag_page(found, robot))
    return 0 if found.is_valid else 1
