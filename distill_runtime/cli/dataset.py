# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""`distill-runtime dataset info` and `dataset plot`: show a dataset of teacher labels."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from distill_runtime.cli.terminal.page import Section
    from distill_runtime.data.dataset.dataset import Dataset
    from distill_runtime.data.dataset.info import PartInfo

DESCRIPTION = """
Show a dataset of teacher labels: its student and teachers, bags, and why rows are not valid.
"""
EPILOG = """
examples:
  distill-runtime dataset info labels/
  distill-runtime dataset info labels/ --json - | jq .reasons
  distill-runtime dataset plot labels/ -o labels.html

exit status: 0, 2 it cannot be read, or wrong usage
"""
_PLOT_DESCRIPTION = """
Draw a dataset as one HTML file: coverage of the velocity commands, the error of the student
towards each teacher over time, by joint and by command, and validity by reason.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the subcommands."""
    subparsers = parser.add_subparsers(
        title='commands', metavar='COMMAND', dest='action', required=True
    )
    for name, help_text, description in (
        ('info', 'show what is in a dataset', DESCRIPTION),
        ('plot', 'draw a dataset as an HTML file', _PLOT_DESCRIPTION),
    ):
        command = subparsers.add_parser(
            name,
            help=help_text,
            description=description,
            epilog=EPILOG,
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )
        command.add_argument('folder', metavar='DIR', help='folder of the dataset')
        if name == 'info':
            command.add_argument(
                '--json', metavar='F', help='write the result to a file; -: print'
            )
        else:
            command.add_argument('-o', '--output', metavar='F', required=True, help='HTML file')


def run(args: argparse.Namespace) -> int:
    """Carry out the command; return the exit status."""
    from distill_runtime.cli.terminal.extras import of_extra

    with of_extra('dataset'):
        from distill_runtime.data.dataset.dataset import Dataset

    dataset = Dataset(args.folder)
    if args.action == 'plot':
        _write_plot(dataset, args.output)
    else:
        _show(dataset, args.json)
    return 0


def _write_plot(dataset: Dataset, target: str) -> None:
    from distill_runtime.cli.terminal.extras import of_extra

    with of_extra('report'):
        from distill_runtime.data.dataset.plot import dataset_page
    from distill_runtime.cli.terminal.output import write_text
    from distill_runtime.cli.terminal.progress import open_progress

    with open_progress() as progress:
        progress.stage(f'drawing {target}')
        page = dataset_page(dataset)
    write_text(Path(target).expanduser(), '--output', page)


def _show(dataset: Dataset, json_target: str | None) -> None:
    from distill_runtime.cli.terminal.output import write_json
    from distill_runtime.cli.terminal.page import print_page
    from distill_runtime.data.dataset.info import info_report

    if json_target:
        write_json(json_target, info_report(dataset))
    if json_target != '-':
        print_page(_page(dataset))


def _page(dataset: Dataset) -> list[Section]:
    from distill_runtime.cli.terminal.page import Section
    from distill_runtime.cli.terminal.tables import table_lines
    from distill_runtime.data.dataset.info import all_reasons, part_infos

    infos = part_infos(dataset)
    rows, valid = sum(info.rows for info in infos), sum(info.valid for info in infos)
    models = [('student', dataset.student), *(('teacher', model) for model in dataset.teachers)]
    sections = [
        Section(
            title='dataset',
            lines=[
                *(
                    f'{what}  {model["name"]}, sha256 {model["sha256"][:12]}'
                    for what, model in models
                ),
                f'rows     {rows}, one per tick and teacher',
                f'valid    {valid} ({_percent(valid, rows)})',
                f'size     {sum(info.size for info in infos) / 1e6:.1f} MB',
            ],
        ),
        Section(
            title=f'bags: {len(dataset.bags())}',
            lines=table_lines(
                ('bag', 'rows', 'valid', 'MB', 'most frequent reason'),
                [_row(info) for info in infos],
                ('rows', 'valid', 'MB'),
            ),
        ),
    ]
    reasons = all_reasons(infos)
    if reasons:
        table = [(str(count), _percent(count, rows), text) for text, count in reasons.items()]
        lines = table_lines(('rows', 'of all', 'reason'), table, ('rows', 'of all'))
        sections.append(Section(title='not valid', lines=lines))
    return sections


def _row(info: PartInfo) -> tuple[str, ...]:
    reason = next(iter(info.reasons), '')
    size = f'{info.size / 1e6:.1f}'
    return info.bag, str(info.rows), _percent(info.valid, info.rows), size, reason


def _percent(part: int, whole: int) -> str:
    return f'{100.0 * part / whole:.1f}%' if whole else ''
