# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""The measured policies, and the command-line arguments that select them."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import NamedTuple

from distill_runtime.policy.model import load_policy, LoadedPolicy
from distill_runtime.share import share_path


class Subject(NamedTuple):
    """One measured policy."""

    name: str
    model: Path
    spec: str = ''
    robot: str = ''

    def load(self) -> LoadedPolicy:
        """Load the policy without a node."""
        return load_policy(self.model, self.spec or None, self.robot)

    def parameters(self) -> dict[str, object]:
        """Return the parameters of a student_node that starts in this policy."""
        chosen = {'model': str(self.model), 'spec': self.spec, 'robot': self.robot}
        return {**chosen, 'start_in': 'policy'}

    def words(self) -> list[str]:
        """Return the arguments that select it."""
        words = ['--model', str(self.model)]
        words += ['--spec', self.spec] if self.spec else []
        return words + (['--robot', self.robot] if self.robot else [])


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments that every part takes."""
    parser.add_argument('--model', metavar='F', help='measure with this policy alone')
    parser.add_argument('--spec', default='', metavar='F', help='its spec, where it has none')
    parser.add_argument('--robot', default='', help='its robot profile')
    parser.add_argument(
        '--quick', action='store_true', help='few samples: does it run? not: how fast is it?'
    )


def chosen_subjects(args: argparse.Namespace) -> tuple[Subject, ...]:
    """Return the selected policies; by default those with a goal."""
    if args.model:
        model = Path(args.model)
        return (Subject(model.stem, model, args.spec, args.robot),)
    share = share_path()
    data = Path(os.environ.get('DISTILL_RUNTIME_DATA', share.parent / 'shared' / 'data'))
    return (
        Subject('quadruped_student', share / 'models' / 'quadruped_student.onnx'),
        Subject(
            'unitree_rl_lab_g1',
            data / 'policies' / 'unitree_rl_lab_g1' / 'policy.onnx',
            robot='unitree_g1_29dof',
        ),
    )


def first_present(args: argparse.Namespace) -> Subject:
    """Return the first policy whose file exists, for parts that need one."""
    subjects = chosen_subjects(args)
    return next((s for s in subjects if s.model.is_file()), subjects[0])
