# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Distill a student in the simulator: ``python -m distill_runtime.distill --help``."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
import dataclasses
from pathlib import Path
import sys
import time

from distill_runtime.core.step import Policy
from distill_runtime.errors import ConfigError, DistillError
from distill_runtime.policy.golden import record_golden
from distill_runtime.policy.model import load_policy, LoadedPolicy
from distill_runtime.policy.model_file.model_files import write_model
from distill_runtime.policy.pack import pack
from distill_runtime.policy.session import open_session, PolicySession
from distill_runtime.policy.versions import versions
from distill_runtime.spec.mapping import to_mapping
from distill_runtime.spec.robots import load_robot
from distill_runtime.spec.spec import PolicySpec
import numpy as np

from .dagger import dagger, RoundReport
from .export import export_student
from .recipe import read_recipe, Recipe, student_spec
from .sim_figures import Figure, FiguresConfig, measure, walking_observations
from .sim_rollout import RolloutConfig, SimCollect

_GOLDEN_STEPS = 10
_LIBRARIES = ('mujoco', 'numpy', 'onnx', 'onnxruntime', 'torch')


class _Progress:
    """Prints a line per epoch and round, and collects the reports of the rounds."""

    def __init__(self) -> None:
        self._start = time.monotonic()
        self.rounds: list[RoundReport] = []

    def epoch(self, number: int, train_loss: float, validation_loss: float) -> None:
        _say(f'  epoch {number}: training {train_loss:.5f}, validation {validation_loss:.5f}')

    def round(self, number: int, report: RoundReport) -> None:
        self.rounds.append(report)
        _say(
            f'round {number}: beta {report.beta}, {report.episodes} episodes, {report.falls} '
            f'falls, {report.rows} rows, validation {report.validation_loss:.5f}, '
            f'{time.monotonic() - self._start:.0f} s'
        )


def main(arguments: Sequence[str] | None = None) -> int:
    """Distill a student; return the exit status."""
    parser = argparse.ArgumentParser(
        prog='python -m distill_runtime.distill',
        description='Distill a student by DAgger.',
        allow_abbrev=False,
    )
    parser.add_argument('--recipe', type=Path, required=True, help='YAML file')
    parser.add_argument('--teacher', required=True, help='ONNX file')
    parser.add_argument('--teacher-spec', help='its spec file, if it has none embedded')
    parser.add_argument('--workers', type=int, default=2, help='simulator processes')
    parser.add_argument(
        '--scene',
        action='append',
        default=[],
        help='MJCF scene to evaluate in, in addition to the shipped one',
    )
    parser.add_argument(
        '--seeds', type=int, default=5, help='evaluation runs per scene and command; 0: none'
    )
    parser.add_argument('--overwrite', action='store_true', help='replace an existing student')
    parser.add_argument('-o', '--output', type=Path, required=True, help='ONNX file to write')
    options = parser.parse_args(arguments)
    try:
        _distill(options)
    except DistillError as error:
        sys.stderr.write(f'{error}\n')
        return 2
    except KeyboardInterrupt:
        sys.stderr.write('interrupted\n')
        return 130
    return 0


def _distill(options: argparse.Namespace) -> None:
    if options.output.exists() and not options.overwrite:
        raise ConfigError(f'{options.output} exists already, not overwriting')
    recipe = read_recipe(options.recipe)
    teacher = load_policy(options.teacher, options.teacher_spec)
    spec = student_spec(recipe, teacher.spec, load_robot(recipe.robot))
    rollout = RolloutConfig(
        teacher=options.teacher,
        teacher_spec=options.teacher_spec,
        student_spec=spec,
        variation=recipe.variation,
        teacher_command=recipe.teacher_command,
        scene='',
    )
    progress = _Progress()
    obs_dim = sum(spec.input_dim(entry) for entry in spec.inputs)
    with SimCollect(rollout, recipe.seed, options.workers) as collect:
        student = dagger(obs_dim, spec.act_dim, recipe.dagger, recipe.seed, collect, progress)
    content = export_student(student, np.zeros((1, obs_dim), np.float32))
    session, graph = open_session(content)
    policy = PolicySession(session, graph, spec)
    golden = record_golden(policy, walking_observations(policy, spec, _GOLDEN_STEPS))
    scenes, config = ['', *options.scene], FiguresConfig(seeds=tuple(range(options.seeds)))
    figures = _figures('student', policy, spec, scenes, config)
    _figures('teacher', teacher.session, teacher.spec, scenes, config)
    provenance = {
        **_provenance(recipe, teacher, progress.rounds),
        'figures_config': dataclasses.asdict(config),
        'figures': [{**figure._asdict(), 'scene': Path(figure.scene).name} for figure in figures],
    }
    write_model(
        options.output, pack(content, spec, golden, provenance), overwrite=options.overwrite
    )
    _say(f'{options.output}: {student.num_parameters} parameters')


def _figures(
    name: str, policy: Policy, spec: PolicySpec, scenes: Sequence[str], config: FiguresConfig
) -> list[Figure]:
    if not config.seeds:
        return []
    _say(f'{name}: falls, velocity error and its worst (m/s), yaw rate error (rad/s)')
    figures = []
    for figure in measure(policy, spec, scenes, config):
        figures.append(figure)
        _say(
            f'  {Path(figure.scene).name} {figure.command}: {figure.falls}, '
            f'{figure.velocity_error:.3f}, {figure.worst_velocity_error:.3f}, '
            f'{figure.yaw_rate_error:.3f}'
        )
    return figures


def _provenance(
    recipe: Recipe, teacher: LoadedPolicy, rounds: list[RoundReport]
) -> dict[str, object]:
    """Return the provenance of a student, without times and paths, so that it is reproducible."""
    return {
        'teacher': {'name': teacher.spec.name, 'sha256': teacher.sha256},
        'recipe': to_mapping(recipe),
        'versions': versions(*_LIBRARIES),
        'rounds': [report._asdict() for report in rounds],
    }


def _say(line: str) -> None:
    sys.stdout.write(line + '\n')
    sys.stdout.flush()


if __name__ == '__main__':
    sys.exit(main())
