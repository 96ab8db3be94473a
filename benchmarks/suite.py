# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""The benchmark suite: run each part in a separate process, then print tables, goals and JSON."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from typing import Any

from distill_runtime.cli.terminal.output import write_json
from distill_runtime.errors import ConfigError
from goals import judge
from machine import machine_facts
from processes import HERE, isolated_environment
from subjects import add_arguments, chosen_subjects
from tables import print_report

PARTS = ('tick', 'timing', 'startup')


def main() -> int:
    """Run the suite; return the exit status."""
    parser = argparse.ArgumentParser(
        prog='distill-runtime bench', description=__doc__, allow_abbrev=False
    )
    add_arguments(parser)
    parser.add_argument('--only', choices=PARTS, help='run one part')
    parser.add_argument('--json', metavar='F', help='write the results to a file; -: print them')
    args = parser.parse_args()
    try:
        report = _run(args)
        if args.json:
            write_json(args.json, report)
    except ConfigError as error:
        sys.stderr.write(f'distill-runtime bench: {error}\n')
        return 2
    if args.json != '-':
        print_report(report)
    return 0


def _run(args: argparse.Namespace) -> dict[str, Any]:
    """Run the parts in sequence."""
    subjects = chosen_subjects(args)
    if not any(subject.model.is_file() for subject in subjects):
        names = [subject.model.name for subject in subjects]
        raise ConfigError(f'none of the models {names} exists, expected one: use --model')
    report: dict[str, Any] = {'machine': machine_facts(), 'is_quick': args.quick}
    words = ['--quick'] if args.quick else []
    if args.model:
        words += subjects[0].words()
    environment = isolated_environment()
    for part in (args.only,) if args.only else PARTS:
        sys.stderr.write(f'measuring: {part}\n')
        result = subprocess.run(
            [sys.executable, str(HERE / f'{part}.py'), *words],
            env=environment,
            stdout=subprocess.PIPE,
            check=False,
        )
        if result.returncode != 0:
            raise ConfigError(f'{part} failed, see its message above')
        report[part] = json.loads(result.stdout)
    report['goals'] = judge(report)
    return report


if __name__ == '__main__':
    sys.exit(main())
