# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import os
from pathlib import Path
import signal
import subprocess
import sys

from distill_runtime.distill.__main__ import main
from distill_runtime.policy.model import load_policy
from distill_runtime.policy.pack import read_provenance
import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
RECIPE = ROOT / 'config' / 'recipes' / 'quadruped_student.yaml'
TEACHER = ROOT / 'models' / 'quadruped_student.onnx'


@pytest.fixture
def tiny_recipe(tmp_path):
    recipe = yaml.safe_load(RECIPE.read_text())
    recipe['name'] = 'tiny'
    recipe['variation']['seconds'] = 0.5
    recipe['dagger']['network']['hidden'] = [8]
    recipe['dagger']['validation_every'] = 2
    recipe['dagger']['rounds'] = [
        {'beta': beta, 'episodes': 2, 'epochs': 1} for beta in (1.0, 0.0)
    ]
    path = tmp_path / 'tiny.yaml'
    path.write_text(yaml.safe_dump(recipe))
    return path


def distill(recipe, output, *more):
    options = ['--recipe', recipe, '--teacher', TEACHER, '-o', output, '--seeds', 0, *more]
    return main([str(option) for option in options])


def test_one_command_makes_a_student_and_the_same_one_again(tiny_recipe, tmp_path, capsys):
    assert distill(tiny_recipe, tmp_path / 'first.onnx', '--workers', 1) == 0
    assert distill(tiny_recipe, tmp_path / 'second.onnx', '--workers', 2) == 0
    assert (tmp_path / 'first.onnx').read_bytes() == (tmp_path / 'second.onnx').read_bytes()
    loaded = load_policy(tmp_path / 'first.onnx')
    assert loaded.spec.name == 'tiny'
    provenance = read_provenance(loaded.graph.metadata)
    assert [entry['beta'] for entry in provenance['rounds']] == [1.0, 0.0]
    assert provenance['teacher']['sha256'] == load_policy(TEACHER).sha256
    assert 'round 2: beta 0.0, 2 episodes' in capsys.readouterr().out


def test_existing_student_is_kept(tiny_recipe, tmp_path, capsys):
    (tmp_path / 'student.onnx').write_bytes(b'precious')
    assert distill(tiny_recipe, tmp_path / 'student.onnx') == 2
    assert 'student.onnx exists already, not overwriting' in capsys.readouterr().err
    assert (tmp_path / 'student.onnx').read_bytes() == b'precious'


def test_wrong_recipe_is_one_message(tmp_path, capsys):
    assert distill(tmp_path / 'absent.yaml', tmp_path / 'student.onnx') == 2
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_interrupt_is_one_line_and_130_while_workers_run(tmp_path):
    words = ['--recipe', RECIPE, '--teacher', TEACHER, '-o', tmp_path / 'student.onnx']
    process = subprocess.Popen(
        [sys.executable, '-m', 'distill_runtime.distill', *map(str, words)],
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,  # with a new process group, as a terminal does
    )
    try:
        children = Path(f'/proc/{process.pid}/task/{process.pid}/children')
        while len(children.read_text().split()) < 3:  # resource tracker and two workers
            assert process.poll() is None
        os.killpg(process.pid, signal.SIGINT)
        _, errors = process.communicate(timeout=120)
    finally:
        process.kill()
    assert (process.returncode, errors) == (130, 'interrupted\n')
    assert list(tmp_path.iterdir()) == []
