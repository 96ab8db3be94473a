# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""The command line: `distill-runtime COMMAND`."""

from __future__ import annotations

import argparse
from importlib import import_module
import sys

from distill_runtime.errors import DistillError

COMMANDS = {
    'check': 'show what a model reads and does, and what may be wrong with it',
    'pack': 'write a model with its spec as one self-contained file',
    'sign': 'sign a packed model for robots that run signed ones only',
    'replay': 'run a policy over a recording and compare it with what was recorded',
    'bag': 'look into a recording: rates, gaps, latencies, joint names, what can be replayed',
    'run': 'run a policy on a robot: student_node without launch',
    'demo': 'a simulated robot walks, driven by student_node over DDS',
    'sim': 'run a policy on a simulated robot, without ROS',
    'bench': 'run the benchmark suite',
}
"""Module and its line in the list of commands. Only the one that runs is imported: a list comes at
once, and a stack that one command lacks does not break the others.
"""

DESCRIPTION = """
Put distilled policies on robots: check that a model and a robot agree, run it as a ROS 2 node, try
it in simulation.
"""


def make_parser(command: str = '') -> argparse.ArgumentParser:
    """Return the parser of the program.

    Args:
        command: The command that has all its arguments; '' for none.
    """
    parser = argparse.ArgumentParser(prog='distill-runtime', description=DESCRIPTION)
    subparsers = parser.add_subparsers(title='commands', metavar='COMMAND', required=True)
    for name, text in COMMANDS.items():
        own = subparsers.add_parser(
            name, help=text, formatter_class=argparse.RawDescriptionHelpFormatter
        )
        if name == command:
            module = import_module(f'distill_runtime.cli.{name}')
            own.description, own.epilog = module.DESCRIPTION, module.EPILOG
            own.set_defaults(run=module.run)
            module.add_arguments(own)
    return parser


def main(args: list[str] | None = None) -> int:
    """Run one command; a refusal is one line and exit status 2, never a traceback.

    Args:
        args: Arguments behind the program name; None: those of the process.
    """
    words = sys.argv[1:] if args is None else args
    parsed = make_parser(words[0] if words else '').parse_args(words)
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
