# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""The command line: `distill-runtime COMMAND`."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
import contextlib
from importlib import import_module
import signal
import sys
import threading
from types import FrameType

from distill_runtime.errors import DistillError

COMMANDS = {
    'check': 'show the inputs and outputs of a model, and possible mistakes',
    'pack': 'write a model with its spec as one self-contained file',
    'sign': 'sign a packed model for robots that run signed ones only',
    'replay': 'run a policy over a recording and compare it with the recorded run',
    'bag': 'inspect a recording: rates, gaps, latencies, joint names, what can be replayed',
    'relabel': 'label recordings of a student with teachers: a dataset for distill',
    'dataset': 'show a dataset of teacher labels, or draw it',
    'export': 'write a dataset of teacher labels in the format of LeRobot',
    'run': 'run a policy on a robot: student_node without launch',
    'demo': 'a simulated robot walks, driven by student_node over DDS',
    'sim': 'run a policy on a simulated robot, without ROS',
    'bench': 'run the benchmark suite',
}
"""Module and summary of each command. Only the one that runs is imported: help is fast, and a
missing library of one command does not break the others.
"""

DESCRIPTION = """
Put distilled policies on robots: check that a model and a robot agree, run it as a ROS 2 node, try
it in simulation.
"""
EPILOG = 'Exit status: see COMMAND --help; 130 after Ctrl-C, except for run, which then returns 0.'
INTERRUPTED = 130
"""Exit status after Ctrl-C: 128 + SIGINT, as in shells."""


class _Version(argparse.Action):
    """Prints the version, looked up on demand."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        from distill_runtime.policy.versions import versions

        print(f'{parser.prog} {versions("distill_runtime")["distill_runtime"]}')
        parser.exit()


def make_parser(command: str = '') -> argparse.ArgumentParser:
    """Return the parser of the program, with the arguments of one command only."""
    parser = argparse.ArgumentParser(
        prog='distill-runtime', description=DESCRIPTION, epilog=EPILOG, allow_abbrev=False
    )
    parser.add_argument('--version', action=_Version, nargs=0, help='show the version')
    subparsers = parser.add_subparsers(title='commands', metavar='COMMAND', required=True)
    for name, text in COMMANDS.items():
        subparser = subparsers.add_parser(
            name,
            help=text,
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )
        if name == command:
            module = import_module(f'distill_runtime.cli.{name}')
            subparser.description, subparser.epilog = module.DESCRIPTION, module.EPILOG
            subparser.set_defaults(run=module.run)
            module.add_arguments(subparser)
    return parser


@contextlib.contextmanager
def noted_interrupts() -> Iterator[list[int]]:
    """Record every SIGINT that raises KeyboardInterrupt within the block.

    Libraries may turn KeyboardInterrupt into another error: a C extension that is interrupted
    during its import raises ImportError, for example.

    Yields:
        The signals so far.
    """
    noted: list[int] = []

    def interrupt(number: int, frame: FrameType | None) -> None:
        noted.append(number)
        raise KeyboardInterrupt

    is_default = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if not is_default or threading.current_thread() is not threading.main_thread():
        yield noted
        return
    signal.signal(signal.SIGINT, interrupt)
    try:
        yield noted
    finally:
        if signal.getsignal(signal.SIGINT) is interrupt:
            signal.signal(signal.SIGINT, signal.default_int_handler)


def main(args: list[str] | None = None) -> int:
    """Run one command; an error or Ctrl-C prints one line and returns 2 or 130."""
    words = sys.argv[1:] if args is None else args
    with noted_interrupts() as interrupts:
        try:
            parsed = make_parser(words[0] if words else '').parse_args(words)
            return int(parsed.run(parsed))
        except BrokenPipeError:
            # the reader of our output, such as head, has closed the pipe
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
