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


def absent(folder):
    return [str(folder / 'absent.onnx')]


def foreign(folder):
    (folder / 'foreign.onnx').write_text('hello, I am no network')
    return [str(folder / 'foreign.onnx')]


def page(folder):
    (folder / 'page.onnx').write_text('<!DOCTYPE html><title>policy.onnx</title>')
    return [str(folder / 'page.onnx')]


def truncated(folder):
    words = write(folder)
    model = Path(words[0])
    model.write_bytes(model.read_bytes()[:-40])
    return words


def torchscript(folder):
    (folder / 'policy.pt').write_bytes(b'PK\x03\x04 policy/constants.pkl')
    return [str(folder / 'policy.pt')]


def absent_spec(folder):
    return [*write(folder)[:1], '--spec', str(folder / 'absent.yaml')]


def unknown_robot(folder):
    return [*write(folder), '--robot', 'unitree_g2']


UNREADABLE = [
    (absent, 'absent.onnx cannot be read: No such file or directory'),
    (foreign, 'foreign.onnx cannot be loaded as ONNX: it is not an ONNX file but looks like text'),
    (page, 'looks like an HTML page: download the file itself'),
    (truncated, 'policy.onnx cannot be loaded as ONNX'),
    (torchscript, 'it is not an ONNX file but looks like a TorchScript file: export the policy'),
    (absent_spec, 'absent.yaml cannot be read: No such file or directory'),
    (unknown_robot, "robot profile 'unitree_g2' is unknown, expected one of"),
]


def wrong_width(folder):
    return write(folder, inputs=[{'name': 'obs', 'terms': [{'term': 'projected_gravity'}] * 2}])


def unknown_term(folder):
    return write(folder, inputs=[{'name': 'obs', 'terms': [{'term': 'foot_force'}]}])


def unknown_key(folder):
    return write(folder, stifness=[1, 1, 1])


def unknown_joint(folder):
    return [*write(folder), '--robot', 'unitree_go2']


def nan_gain(folder):
    return write(folder, stiffness=[30, NAN, 30], damping=[1, 1, 1])


def no_spec(folder):
    return write(folder)[:1]


WRONG_CONTRACT = [
    (wrong_width, "tensor 'obs' of the graph has shape [1, 3], expected 6 elements"),
    (unknown_term, "inputs[0].terms[0].term is 'foot_force', expected one of ['base_angular_"),
    (unknown_key, "stifness is unknown, expected one of ['command', 'damping'"),
    (unknown_joint, "joint 'hip' is in the policy but not on robot 'unitree_go2', which has"),
    (nan_gain, 'stiffness[1] is nan, expected a finite number'),
    (no_spec, 'name is missing, found in none of'),
]


@pytest.mark.parametrize(('words', 'message'), UNREADABLE)
def test_check_of_an_unreadable_file_is_one_line_and_2(tmp_path, capsys, words, message):
    assert main(['check', *words(tmp_path), '--json', '-']) == 2
    captured = capsys.readouterr()
    assert message in captured.err
    assert captured.err.count('\n') == 1
    assert captured.out == ''


@pytest.mark.parametrize(('words', 'message'), WRONG_CONTRACT)
def test_check_of_a_wrong_contract_is_one_finding_and_1(tmp_path, capsys, words, message):
    assert main(['check', *words(tmp_path), '--json', '-']) == 1
    captured = capsys.readouterr()
    assert captured.err == ''
    report = json.loads(captured.out)
    errors = [entry for entry in report['findings'] if entry['severity'] == 'error']
    assert not report['deployable']
    assert len(errors) == 1
    assert message in errors[0]['message']
    assert errors[0]['hint']
    assert (report['spec'] is None) == (errors[0]['code'] == 'spec.refused')


@pytest.mark.parametrize(('words', 'message'), WRONG_CONTRACT)
def test_page_of_a_wrong_contract_has_the_message(tmp_path, capsys, monkeypatch, words, message):
    monkeypatch.setenv('COLUMNS', '1000')
    assert main(['check', *words(tmp_path)]) == 1
    assert message in capsys.readouterr().out


def test_values_that_json_lacks_are_written_as_text(tmp_path, capsys):
    words = write(tmp_path)
    sidecar = Path(words[0]).with_suffix('.spec.yaml')
    sidecar.write_text('period: .nan\ncommand: 2024-01-01\nstiffness: [.inf, 1, 1]\n')
    main(['check', *words, '--json', '-'])
    json.loads(capsys.readouterr().out)


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
