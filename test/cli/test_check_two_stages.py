# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""What check says of a policy with an encoder beside it."""

from __future__ import annotations

import hashlib
import json

from distill_runtime.cli.main import main
import numpy as np
import pytest
from support.limx import limx_params
from support.models import save_linear
import yaml


@pytest.fixture
def model(tmp_path):
    """Write encoder, policy and params.yaml of a made-up biped."""
    folder = tmp_path / 'PF_TEST' / 'policy'
    folder.mkdir(parents=True)
    rng = np.random.default_rng(0)
    for name, shape in (('encoder', (90, 2)), ('policy', (35, 6))):
        weights = rng.normal(0.0, 0.05, shape)
        save_linear(folder / f'{name}.onnx', weights, rank=1, names=('mlp_input', 'mlp_output'))
    (folder.parent / 'params.yaml').write_text(yaml.safe_dump(limx_params()))
    return folder / 'policy.onnx'


def test_page_has_a_table_for_each_network(model, capsys):
    assert main(['check', str(model)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert 'observation: input number 0 of the encoder, 90 elements' in lines
    assert 'observation: input mlp_input (number 0), 35 elements' in lines
    (latent,) = (line for line in lines if ' latent ' in line)
    assert latent.split()[0] == '0-1'
    assert 'encoder' in latent.split()


def test_report_names_both_files_and_hashes_them_together(model, capsys):
    assert main(['check', str(model), '--json', '-']) == 0
    found = json.loads(capsys.readouterr().out)['model']
    both = model.read_bytes() + model.with_name('encoder.onnx').read_bytes()
    assert found['files'] == ['policy.onnx', 'encoder.onnx']
    assert found['sha256'] == hashlib.sha256(both).hexdigest()
    assert found['size'] == len(both)


def test_lost_encoder_is_a_problem_and_not_a_crash(model, capsys):
    model.with_name('encoder.onnx').unlink()
    assert main(['check', str(model), '--json', '-']) == 1
    found = json.loads(capsys.readouterr().out)
    assert "needs 'encoder.onnx' in its folder" in found['findings'][0]['message']
