# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""`distill-runtime relabel`: labels of teachers for the policy steps of recordings."""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Sequence
import dataclasses
import textwrap
from typing import TYPE_CHECKING

from distill_runtime.cli.terminal.arguments import add_param_argument, add_worker_arguments
from distill_runtime.data.relabel.options import HELP, LAST_ACTIONS, RelabelOptions

if TYPE_CHECKING:
    from distill_runtime.cli.terminal.page import Section
    from distill_runtime.data.relabel.run import BagResult

DESCRIPTION = """
Run teachers over recordings of a student, and store what they would have done at each policy step
beside what the student saw and did: a dataset for distill (Parquet), the aggregation step of
DAgger. Labels do not feed back: each policy reads the recorded samples, and as its last action the
one that the robot executed, in its own terms (docs/relabel.md).

A run that was killed goes on where it stopped: complete parts are skipped.
"""
EPILOG = """
how to read it:
  labels       rows where student and teacher had complete, fresh inputs; only these train
  last action  where the teacher's last action comes from: executed (recorded actions), commands
               (joint commands that no limit can have bound), own (the teacher's), none (not read)

examples:
  distill-runtime relabel walk/ --student student.onnx --teacher teacher.onnx -o labels/
  distill-runtime relabel bags/ --student s.onnx --teacher flat=a.onnx --teacher stairs=b.onnx \\
      --teacher-spec b.yaml --rules rules.yaml -o labels/ --workers 4
  distill-runtime relabel walk/ --student s.onnx --teacher t.onnx --std --features last -o labels/
  distill-runtime dataset info labels/

rules (YAML): which teacher counts at a row, by command, topic, time or tag; see docs/relabel.md

exit status: 0 all recordings are labeled, 1 some cannot be used (the others are labeled), 2 none
can be used, an option or a model is refused, or wrong usage
"""


_HEADINGS = ('recording', 'teacher', 'ticks', 'labels', 'chosen', 'last action', 'network', ' ')
_MAX_PROBLEM = 400
"""Maximum length of a problem in characters; --json has all of it."""


class _TeacherSpec(argparse.Action):
    """Completes the teacher that was given last."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: object,
        option_string: str | None = None,
    ) -> None:
        if not namespace.teachers:
            parser.error(f'{option_string} needs a --teacher before it')
        specs = [*namespace.teacher_specs, *[''] * len(namespace.teachers)]
        specs[len(namespace.teachers) - 1] = str(values)
        namespace.teacher_specs = specs[: len(namespace.teachers)]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument('bags', metavar='BAG', nargs='+', help=HELP['bags'])
    who = parser.add_argument_group('policies')
    who.add_argument('--student', metavar='S', required=True, help=HELP['student'])
    who.add_argument('--student-spec', metavar='F', default='', help=HELP['student_spec'])
    who.add_argument(
        '--teacher',
        metavar='[NAME=]T',
        dest='teachers',
        action='append',
        default=[],
        required=True,
        help='ONNX policy that labels; may be repeated',
    )
    who.add_argument(
        '--teacher-spec',
        metavar='F',
        dest='teacher_specs',
        action=_TeacherSpec,
        default=[],
        help='spec file of the --teacher before it',
    )
    who.add_argument('--robot', default='', help=HELP['robot'])
    who.add_argument('--any-gains', action='store_true', help=HELP['any_gains'])
    what = parser.add_argument_group('labels')
    what.add_argument('--rules', metavar='F', default='', help=HELP['rules'])
    what.add_argument(
        '--last-action', choices=LAST_ACTIONS, default='auto', help=HELP['last_action']
    )
    what.add_argument('--std', action='store_true', help=HELP['std'])
    what.add_argument('--logits', action='store_true', help=HELP['logits'])
    what.add_argument('--features', metavar='LAYERS', default='', help=HELP['features'])
    what.add_argument('--half', action='store_true', help=HELP['half'])
    what.add_argument('--thin', type=int, default=1, metavar='N', help=HELP['thin'])
    what.add_argument('--skip-missing', action='store_true', help=HELP['skip_missing'])
    how = parser.add_argument_group('recordings')
    for option, metavar, name in (
        ('--topic', 'NAME:=TOPIC', 'topics'),
        ('--tag', 'BAG:=TAG', 'tags'),
    ):
        how.add_argument(
            option, metavar=metavar, dest=name, action='append', default=[], help=HELP[name]
        )
    how.add_argument('--node', default='', help=HELP['node'])
    add_param_argument(how, 'parameter of student_node, if ~/model in a recording lacks it', {})
    out = parser.add_argument_group('output')
    out.add_argument('-o', '--output', metavar='DIR', required=True, help=HELP['output'])
    out.add_argument('--mcap', action='store_true', help=HELP['mcap'])
    add_worker_arguments(out)
    out.add_argument('--json', metavar='F', help='write the result to a file; -: print it')


def run(args: argparse.Namespace) -> int:
    """Carry out the command; return the exit status."""
    from distill_runtime.cli.terminal.extras import of_extra

    with of_extra('bags'), of_extra('dataset'), of_extra('onnx'):
        from distill_runtime.data.relabel.config import make_config
        from distill_runtime.data.relabel.run import exit_status, relabel
    from distill_runtime.cli.terminal.output import write_json
    from distill_runtime.cli.terminal.page import print_page
    from distill_runtime.cli.terminal.progress import open_progress

    names = [entry.name for entry in dataclasses.fields(RelabelOptions)]
    given = {name: getattr(args, name) for name in names if name != 'parameters'}
    given = {name: tuple(v) if isinstance(v, list) else v for name, v in given.items()}
    config = make_config(RelabelOptions(**given, parameters=tuple(args.param)))
    with open_progress() as progress:
        progress.stage('relabeling')
        results = relabel(
            args.bags,
            config,
            args.output,
            workers=args.workers,
            ray=args.ray,
            progress=progress,
        )
    if args.json:
        write_json(args.json, _report(results))
    if args.json != '-':
        print_page(_page(results, args.output))
    return exit_status(results)


def _report(results: Sequence[BagResult]) -> dict[str, object]:
    from distill_runtime.data.relabel.run import VERSIONS
    from distill_runtime.policy.versions import versions

    return {
        'command': 'relabel',
        'passed': all(result.labeled is not None for result in results),
        'versions': versions(*VERSIONS),
        'recordings': [
            {
                'path': str(result.path),
                'bag': result.name,
                'problem': result.problem,
                **(
                    {}
                    if result.labeled is None
                    else {
                        'part': f'part-{result.labeled.key}.parquet',
                        'was_done': result.labeled.was_done,
                        **result.labeled.facts,
                    }
                ),
            }
            for result in results
        ],
    }


def _page(results: Sequence[BagResult], output: str) -> list[Section]:
    from distill_runtime.cli.terminal.page import Section, styled
    from distill_runtime.cli.terminal.tables import table_lines, wrap

    rows, problems = [], []
    reasons: Counter[str] = Counter()
    without_rule = 0
    for result in results:
        if result.labeled is None:
            text = textwrap.shorten(f'{result.name}: {result.problem}', _MAX_PROBLEM)
            problems += [styled(line, 'error') for line in wrap(text)]
            continue
        facts, was_done = result.labeled.facts, result.labeled.was_done
        without_rule += facts['without_rule']
        for name, found in facts['teachers'].items():
            numbers = (str(facts['ticks']), str(found['valid']), str(found['chosen']))
            how = found['last_action'], found['network'], 'done before' if was_done else ''
            rows.append((result.name, name, *numbers, *how))
            reasons.update(found['invalid'])
    sections = []
    if rows:
        lines = table_lines(_HEADINGS, rows, ('ticks', 'labels', 'chosen'))
        sections.append(Section(title='labels', lines=lines))
    if reasons:
        lines = [f'{count:8d}  {reason}' for reason, count in sorted(reasons.items())]
        sections.append(Section(title='rows without a label', lines=lines))
    if without_rule:
        line = f'{without_rule} ticks with a label: add a rule without when to choose a teacher'
        sections.append(Section(title='no rule holds', lines=[styled(line, 'warning')]))
    if problems:
        sections.append(Section(title='recordings that cannot be used', lines=problems))
    done = sum(result.labeled is not None for result in results)
    lines = [f'{output}: {done} of {len(results)} recordings']
    return [*sections, Section(title='dataset', lines=lines)]
