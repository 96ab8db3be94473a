# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
from pathlib import Path
import subprocess
import sys

from distill_runtime.cli.main import main
import numpy as np
import pytest
from support.models import save_linear
from support.specs import spec_mapping
import yaml

REPOSITORY = Path(__file__).resolve().parents[2]
NAN = float('nan')


def write(folder, name='policy.onnx', **changes):
    """Write a valid model and its spec with some changes; return their arguments."""
    model, spec = folder / name, folder / 'policy.yaml'
    save_linear(model, np.eye(3))
    spec.write_text(yaml.safe_dump(spec_mapping(**changes)))
    return [str(model), '--spec', str(spec)]


def truncated(folder):
    words = write(folder)
    model = Path(words[0])
    model.write_bytes(model.read_bytes()[:-40])
    return words


def foreign(content):
    """Return a function that writes a file which is no model."""

    def write_content(folder):
        (folder / 'foreign.onnx').write_bytes(content)
        return [str(folder / 'foreign.onnx')]

    return write_content


def of(*terms):
    return [{'name': 'obs', 'terms': [{'term': term} for term in terms]}]


UNREADABLE = [
    (
        lambda folder: [f'{folder}/absent.onnx'],
        'absent.onnx cannot be read: No such file or directory',
    ),
    (
        foreign(b'hello, I am no network'),
        'foreign.onnx cannot be loaded as ONNX: it is not an ONNX file but looks like text',
    ),
    (
        foreign(b'<!DOCTYPE html><title>policy.onnx</title>'),
        'looks like an HTML page: download the file itself',
    ),
    (
        foreign(b'PK\x03\x04 policy/constants.pkl'),
        'it is not an ONNX file but looks like a TorchScript file: export the policy',
    ),
    (truncated, 'policy.onnx cannot be loaded as ONNX'),
    (
        lambda folder: [*write(folder)[:1], '--spec', f'{folder}/absent.yaml'],
        'absent.yaml cannot be read: No such file or directory',
    ),
    (
        lambda folder: [*write(folder), '--robot', 'unitree_g2'],
        "robot profile 'unitree_g2' is unknown, expected one of",
    ),
]
WRONG_CONTRACT = [
    (
        lambda folder: write(folder, inputs=of('projected_gravity', 'projected_gravity')),
        "tensor 'obs' of the graph has shape [1, 3], expected 6 elements",
    ),
    (
        lambda folder: write(folder, inputs=of('foot_force')),
        "inputs[0].terms[0].term is 'foot_force', expected one of ['base_angular_",
    ),
    (
        lambda folder: write(folder, stifness=[1, 1, 1]),
        "stifness is unknown, expected one of ['command', 'damping'",
    ),
    (
        lambda folder: [*write(folder), '--robot', 'unitree_go2'],
        "joint 'hip' is in the policy but not on robot 'unitree_go2', which has",
    ),
    (
        lambda folder: write(folder, stiffness=[30, NAN, 30], damping=[1, 1, 1]),
        'stiffness[1] is nan, expected a finite number',
    ),
    (lambda folder: write(folder)[:1], 'name is missing, found in none of'),
]


@pytest.mark.parametrize(('words', 'message'), UNREADABLE)
def test_check_of_an_unreadable_file_is_one_line_and_2(tmp_path, capsys, words, message):
    assert main(['check', *words(tmp_path), '--json', '-']) == 2
    captured = capsys.readouterr()
    assert message in captured.err
    assert captured.err.count('\n') == 1
    assert captured.out == ''


@pytest.mark.parametrize(('words', 'message'), WRONG_CONTRACT)
def test_check_of_a_wrong_contract_is_one_finding_and_1(
    tmp_path, capsys, monkeypatch, words, message
):
    monkeypatch.setenv('COLUMNS', '1000')
    path = tmp_path / 'r.json'
    assert main(['check', *words(tmp_path), '--json', str(path)]) == 1
    captured = capsys.readouterr()
    assert captured.err == ''
    assert message in captured.out
    report = json.loads(path.read_text())
    errors = [entry for entry in report['findings'] if entry['severity'] == 'error']
    assert not report['deployable']
    assert len(errors) == 1
    assert message in errors[0]['message']
    assert errors[0]['hint']
    assert (report['spec'] is None) == (errors[0]['code'] == 'spec.refused')


@pytest.mark.needs('ros')
@pytest.mark.parametrize(('words', 'message'), [*UNREADABLE, *WRONG_CONTRACT])
def test_run_refuses_with_one_message_and_2(tmp_path, words, message):
    command = [sys.executable, '-m', 'distill_runtime.cli.main', 'run', *words(tmp_path)]
    result = subprocess.run(
        command, cwd=REPOSITORY, capture_output=True, text=True, timeout=60, check=False
    )
    assert result.returncode == 2
    assert message in result.stderr
    assert 'Traceback' not in result.stderr
    assert result.stderr.count('\n') == 1
