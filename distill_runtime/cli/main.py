# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""The command line: `distill-runtime COMMAND`."""

from __future__ import annotations

import argparse
import sys

from distill_runtime.errors import DistillError

from . import bench, check, demo, run, sim

COMMANDS = (check, run, demo, sim, bench)

DESCRIPTION = """
Put distilled policies on robots: check that a model and a robot agree, run it as a ROS 2 node, try
it in simulation.
"""


def make_parser() -> argparse.ArgumentParser:
    """Return the parser of all commands."""
    parser = argparse.ArgumentParser(prog='distill-runtime', description=DESCRIPTION)
    subparsers = parser.add_subparsers(title='commands', metavar='COMMAND', required=True)
    for command in COMMANDS:
        command.add_parser(subparsers)
    return parser


def main(args: list[str] | None = None) -> int:
    """Run one command; a refusal is one line and exit status 2, never a traceback.

    Args:
        args: Arguments behind the program name; None: those of the process.
    """
    parsed = make_parser().parse_args(args)
    try:
        return int(parsed.run(parsed))
    except DistillError as error:
        print(f'distill-runtime: {error}', file=sys.stderr)
    except BrokenPipeError:
        # the reader of our output, head for example, has seen enough
        sys.stderr.close()
    return 2


if __name__ == '__main__':
    sys.exit(main())
