# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""The command line: `distill-runtime COMMAND`."""

from __future__ import annotations

import argparse
from importlib import import_module
import sys

from distill_runtime.errors import DistillError

from .interrupt import noted_interrupts

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
EPILOG = 'Exit status: COMMAND --help says it; 130 after Ctrl-C, but 0 of run, which ends by it.'
INTERRUPTED = 130
"""Exit status after Ctrl-C, as shells have it: 128 + SIGINT."""


class _Version(argparse.Action):
    """Prints the version; it is looked up only if asked for."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        from distill_runtime.policy.versions import versions

        print(f'{parser.prog} {versions("distill_runtime")["distill_runtime"]}')
        parser.exit()


def make_parser(command: str = '') -> argparse.ArgumentParser:
    """Return the parser of the program.

    Args:
        command: The command that has all its arguments; '' for none.
    """
    parser = argparse.ArgumentParser(
        prog='distill-runtime', description=DESCRIPTION, epilog=EPILOG, allow_abbrev=False
    )
    parser.add_argument('--version', action=_Version, nargs=0, help='show the version')
    subparsers = parser.add_subparsers(title='commands', metavar='COMMAND', required=True)
    for name, text in COMMANDS.items():
        own = subparsers.add_parser(
            name,
            help=text,
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )
        if name == command:
            module = import_module(f'distill_runtime.cli.{name}')
            own.description, own.epilog = module.DESCRIPTION, module.EPILOG
            own.set_defaults(run=module.run)
            module.add_arguments(own)
    return parser


def main(args: list[str] | None = None) -> int:
    """Run one command; a refusal or Ctrl-C is one line and exit status 2 or 130, no traceback.

    Args:
        args: Arguments behind the program name; None: those of the process.
    """
    words = sys.argv[1:] if args is None else args
    with noted_interrupts() as interrupts:
        try:
            parsed = make_parser(words[0] if words else '').parse_args(words)
            return int(parsed.run(parsed))
        except BrokenPipeError:
            # the reader of our output, head for example, has seen enough
            sys.stderr.close()
            return 2
        except (KeyboardInterrupt, Exception) as error:
            if interrupts or isinstance(error, KeyboardInterrupt):
                print('distill-runtime: interrupted', file=sys.stderr)
                return INTERRUPTED
            if not isinstance(error, DistillError):
                raise
            print(f'distill-runtime: {error}', file=sys.stderr)
            return 2


if __name__ == '__main__':
    sys.exit(main())
