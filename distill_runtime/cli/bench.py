# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""`distill-runtime bench`: run the benchmark suite on this machine."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
import signal
import subprocess
import sys

from distill_runtime.errors import ConfigError
from distill_runtime.share import share_path

SUITE = Path('benchmarks') / 'suite.py'

DESCRIPTION = """
Measure what the node costs on this machine: one tick compared with bare inference and with a
textbook node, tick timing compared with a timer baseline, memory, and the time to the first
command. Takes about six minutes; stop all other work for useful figures. benchmarks/README.md
explains the tables.
"""
EPILOG = """
examples:
  distill-runtime bench --json bench.json
  distill-runtime bench --only tick --model policy.onnx --robot unitree_go2

exit status: 0 measured, whether or not the goals are met; 2 a model or the suite cannot be used
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument(
        '--json', metavar='F', help='write the results to a file; -: print them, and no tables'
    )
    parser.add_argument(
        '--model', metavar='F', help='measure with this policy (default: those with a goal)'
    )
    parser.add_argument('--spec', default='', metavar='F', help='its spec file')
    parser.add_argument('--robot', default='', help='its robot profile')
    parser.add_argument(
        '--only', choices=['tick', 'timing', 'startup'], help='measure one part only'
    )
    parser.add_argument(
        '--quick', action='store_true', help='seconds instead of minutes; the figures mean little'
    )


def run(args: argparse.Namespace) -> int:
    """Carry out the command; return the exit status."""
    suite = subprocess.Popen(
        [sys.executable, str(_suite()), *_words(args)],
        env=_environment(),
        start_new_session=True,  # Ctrl-C reaches this process only
    )
    try:
        return suite.wait()
    except KeyboardInterrupt:
        os.killpg(suite.pid, signal.SIGTERM)  # the suite and all that it started
        suite.wait()
        raise


def _suite() -> Path:
    """Return the script of the suite."""
    suite = share_path() / SUITE
    if not suite.is_file():
        raise ConfigError(
            f'{suite} does not exist, expected the benchmark suite: was the package installed '
            'without its data files?'
        )
    return suite


def _words(args: argparse.Namespace) -> list[str]:
    """Return the arguments of the suite."""
    words = ['--quick'] if args.quick else []
    for name in ('json', 'model', 'spec', 'robot', 'only'):
        value = getattr(args, name)
        words += [f'--{name}', value] if value else []
    return words


def _environment() -> dict[str, str]:
    """Return an environment whose Python imports this copy of the package."""
    package = str(Path(__file__).resolve().parents[2])
    paths = [package, *filter(None, [os.environ.get('PYTHONPATH')])]
    return {**os.environ, 'PYTHONPATH': os.pathsep.join(paths)}
