# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""`distill-runtime export`: write a dataset of teacher labels in the format of another trainer."""

from __future__ import annotations

import argparse
from pathlib import Path

DESCRIPTION = """
Write a dataset as LeRobotDataset v3: observation.state is the observation of the student, action
the target of the chosen teacher, in rad. Only valid rows are exported; an episode is a stretch of
a bag without a gap.
"""
EPILOG = """
examples:
  distill-runtime export labels/ --lerobot lerobot/

exit status: 0, 2 it cannot be read or written, or wrong usage
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument('folder', metavar='DIR', help='folder of the dataset')
    parser.add_argument('--lerobot', metavar='OUT', required=True, help='folder to create')
    parser.add_argument(
        '--task', metavar='TEXT', default='walk', help='task of all episodes (default: walk)'
    )


def run(args: argparse.Namespace) -> int:
    """Carry out the command; return the exit status."""
    from distill_runtime.cli.terminal.extras import of_extra

    with of_extra('dataset'):
        from distill_runtime.data.dataset.dataset import Dataset
        from distill_runtime.data.dataset.lerobot import export_lerobot
    from distill_runtime.cli.terminal.progress import open_progress

    out = Path(args.lerobot).expanduser()
    with open_progress() as progress:
        progress.stage(f'writing {out}')
        written = export_lerobot(Dataset(args.folder), out, args.task, progress)
    print(
        f'{out}: {written.episodes} episodes, {written.frames} frames at {written.fps} Hz, '
        'LeRobotDataset v3.0'
    )
    return 0
