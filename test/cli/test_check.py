# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import hashlib
import json
import re
import sys

from distill_runtime.cli.main import main
import numpy as np
import pytest
from support.limx import limx_params
from support.models import save_linear
from support.real_policies import REAL, real_words
import yaml

KEYS = {
    'deployable', 'findings', 'spec', 'sources', 'conflicts', 'model', 'observation', 'robot',
    'golden_error', 'dry_run', 'limits', 'target_at_rest',
}  # fmt: skip


def check(*words):
    return main(['check', *map(str, words)])


@pytest.fixture
def g1(shared_data):
    return real_words('unitree_rl_lab_g1', shared_data)


def report(words, capsys):
    status = check(*words, '--json', '-')
    return status, json.loads(capsys.readouterr().out)


@pytest.mark.parametrize('name', sorted(REAL))
def test_real_policies_are_deployable_and_fill_their_tensors(name, shared_data, capsys):
    status, found = report(real_words(name, shared_data), capsys)
    assert (status, found['deployable']) == (0, True)
    assert found.keys() == KEYS
    assert found['spec']['name'] == name
    assert found['dry_run']['is_finite']
    for finding in found['findings']:
        assert finding.keys() == {'code', 'severity', 'message', 'hint'}
        assert finding['severity'] in ('warning', 'info')
        assert finding['code'] != 'joints.asymmetric'
    for entry in found['observation']:
        frames = [frame for term in entry['terms'] for frame in term['frames']]
        indices = [index for f in frames for index in range(f['first'], f['last'] + 1)]
        assert sorted(indices) == list(range(entry['width']))
        (shape,) = (
            tensor['shape']
            for number, tensor in enumerate(found['model']['inputs'])
            if entry['input'] in (number, tensor['name'])
        )
        assert shape[-1] == entry['width']


def test_report_has_sources_and_facts_of_the_model_without_the_library_onnx(
    g1, capsys, monkeypatch
):
    monkeypatch.setitem(sys.modules, 'onnx', None)
    _, found = report(g1, capsys)
    assert found['sources']['limits.effort'] == 'robot unitree_g1_29dof'
    assert found['sources']['stiffness'].endswith('deploy.yaml: stiffness by joint_ids_map')
    assert {field.partition('.')[0] for field in found['sources']} == set(found['spec'])
    model = found['model']
    assert (model['path'], model['files']) == (str(g1[0]), ['policy.onnx'])
    assert re.fullmatch('[0-9a-f]{64}', model['sha256'])
    assert model['inputs'] == [{'name': 'obs', 'dtype': 'tensor(float)', 'shape': [1, 480]}]
    assert model['outputs'] == [{'name': 'actions', 'dtype': 'tensor(float)', 'shape': [1, 29]}]
    assert (model['opset'], model['external_files']) == (11, [])


def test_page_shows_layout_joints_and_sources(g1, capsys, monkeypatch):
    monkeypatch.setenv('COLUMNS', '110')
    assert check(*g1) == 0
    page = capsys.readouterr().out
    lines = page.splitlines()
    assert '96 x 5 frames: t-4 t-3 t-2 t-1 t (oldest first), term by term' in page
    assert any(
        re.match(r'15-29 +27-29 +projected_gravity +x y z +- +1 +0 0 -1 +Imu', line)
        for line in lines
    )
    assert any(
        re.match(r'190-334 +306-334 +joint_velocity +29 joints +rad/s +0\.05 ', line)
        for line in lines
    )
    assert any(re.match(r' 2  waist_yaw_joint +12 +0 +200 +5 ', line) for line in lines)
    limits = ' '.join(lines[lines.index('command limits') + 1 :])
    assert limits.startswith('position_limits soft (default) at 29 of 29 joints: less torque')
    assert re.search(
        r'200 steps on random sensors: soft changes 0\.\d% of the targets, clip \d\.\d%, by up to '
        r'0\.\d+ rad \(\w+\), torque_limit 1 \d\.\d%',
        limits,
    )
    assert lines[-1].startswith('deployable (errors: 0, warnings: 0')
    assert max(len(line) for line in lines if not line.startswith('file')) <= 110


def test_page_shows_frames_that_are_not_contiguous(shared_data, capsys):
    check(*real_words('rl_sar_go2_himloco', shared_data))
    page = capsys.readouterr().out
    assert '45 x 6 frames: t t-1 t-2 t-3 t-4 t-5 (newest first), frame by frame' in page
    assert '3-5 .. 228-230' in page
    assert 'limits.effort[FL_calf_joint]   33.5  45.43' in page


def test_page_of_a_rejected_model_shows_its_spec(shared_data, tmp_path, capsys):
    model, *_ = real_words('playground_g1', shared_data)
    _, _, spec, *_ = real_words('playground_go1', shared_data)
    path = tmp_path / 'out.json'
    assert check(model, '--spec', spec, '--json', path) == 1
    page = capsys.readouterr().out
    assert re.search('45-47 +velocity_command', page)
    assert 'graph.mismatch' in page
    assert page.splitlines()[-1].startswith('NOT deployable (errors: 1')
    found = json.loads(path.read_text())
    assert not found['deployable']
    assert found['spec']['name'] == 'playground_go1'
    assert found['findings'][0]['severity'] == 'error'
    assert 'has shape [1, 103], expected 48 elements' in found['findings'][0]['message']


@pytest.fixture
def two_stages(tmp_path):
    """Write encoder, policy and params.yaml of a synthetic biped."""
    folder = tmp_path / 'PF_TEST' / 'policy'
    folder.mkdir(parents=True)
    rng = np.random.default_rng(0)
    for name, shape in (('encoder', (90, 2)), ('policy', (35, 6))):
        weights = rng.normal(0.0, 0.05, shape)
        save_linear(folder / f'{name}.onnx', weights, rank=1, names=('mlp_input', 'mlp_output'))
    (folder.parent / 'params.yaml').write_text(yaml.safe_dump(limx_params()))
    return folder / 'policy.onnx'


def test_limits_without_a_known_joint_range_have_no_effect(shared_data, tmp_path, capsys):
    path = tmp_path / 'r.json'
    assert check(*real_words('playground_go1', shared_data)[:-2], '--json', path) == 0
    assert json.loads(path.read_text())['limits']['bounded_joints'] == []
    page = ' '.join(capsys.readouterr().out.split())
    assert 'position_limits: no effect, no joint range is known: give --robot' in page


def test_encoder_has_a_table_and_is_part_of_the_model(two_stages, tmp_path, capsys):
    path, encoder = tmp_path / 'r.json', two_stages.with_name('encoder.onnx')
    assert check(two_stages, '--json', path) == 0
    lines = capsys.readouterr().out.splitlines()
    assert 'observation: input number 0 of the encoder, 90 elements' in lines
    assert 'observation: input mlp_input (number 0), 35 elements' in lines
    (latent,) = (line for line in lines if ' latent ' in line)
    assert latent.split()[0] == '0-1'
    assert 'encoder' in latent.split()
    model = json.loads(path.read_text())['model']
    both = two_stages.read_bytes() + encoder.read_bytes()
    assert model['files'] == ['policy.onnx', 'encoder.onnx']
    assert model['sha256'] == hashlib.sha256(both).hexdigest()
    assert model['size'] == len(both)
    encoder.unlink()
    status, found = report([two_stages], capsys)
    assert status == 1
    assert "needs 'encoder.onnx' in its folder" in found['findings'][0]['message']
