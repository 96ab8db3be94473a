# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import getpass
import json
import os
import shutil
import subprocess
import sys

from distill_runtime.cli.check_output.model import read_signature_facts
from distill_runtime.cli.main import main
from distill_runtime.policy.model import load_policy
from distill_runtime.policy.signature import fingerprint, join_signatures, Signature
from distill_runtime.policy.trust import make_trust
import onnx
import pytest
from support.policies import write_leaning_policy

pytestmark = pytest.mark.needs('policy')


def run(*words):
    return main([str(word) for word in words])


def report(capsys, *words):
    """Return status and report of check."""
    capsys.readouterr()
    status = run('check', *words, '--json', '-')
    return status, json.loads(capsys.readouterr().out)


def codes(found):
    return {finding['code']: finding for finding in found['findings']}


@pytest.fixture
def packed(tmp_path, capsys):
    model, spec = write_leaning_policy(tmp_path)
    assert run('pack', model, '--spec', spec, '-o', tmp_path / 'walk.onnx') == 0
    capsys.readouterr()
    return tmp_path / 'walk.onnx'


@pytest.fixture
def key(tmp_path, capsys):
    """Make a key; return the paths of its halves."""
    assert run('sign', '--new-key', tmp_path / 'ours.pem') == 0
    capsys.readouterr()
    return tmp_path / 'ours.pem', tmp_path / 'ours.pub.pem'


def test_new_key_prints_both_files(tmp_path, capsys):
    assert run('sign', '--new-key', tmp_path / 'a.pem') == 0
    private, public = capsys.readouterr().out.splitlines()
    assert private.startswith(f'{tmp_path}/a.pem: private key, keep it on this computer')
    assert public.startswith(f'{tmp_path}/a.pub.pem: public key ')
    assert run('sign', '--new-key', tmp_path / 'a.pem') == 2
    assert 'a.pem exists already, not overwriting' in capsys.readouterr().err


def test_model_is_signed_in_place_and_verified(packed, key, capsys):
    before = packed.read_bytes()
    assert run('sign', packed, '--key', key[0]) == 0
    out = capsys.readouterr().out
    assert packed.read_bytes().startswith(before)
    assert f'{packed}: policy leaning, sha256 {load_policy(packed).sha256}' in out
    assert run('sign', packed, '--verify', key[1]) == 0
    assert f'walk.onnx is signed with {key[1]} (' in capsys.readouterr().out
    assert load_policy(packed, trust=make_trust('', [str(key[1])])).golden_error == 0.0


def test_output_leaves_the_model_unchanged(packed, key, tmp_path, capsys):
    before, output = packed.read_bytes(), tmp_path / 'signed.onnx'
    words = ('sign', packed, '--key', key[0], '-o', output)
    assert run(*words) == 0
    assert packed.read_bytes() == before
    assert output.read_bytes().startswith(before)
    assert run(*words) == 2
    assert 'exists already, not overwriting: give --force' in capsys.readouterr().err
    assert run(*words, '--force') == 0


def test_symbolic_link_is_kept(packed, key, tmp_path):
    link = tmp_path / 'newest.onnx'
    link.symlink_to('walk.onnx')
    assert run('sign', link, '--key', key[0]) == 0
    assert os.readlink(link) == 'walk.onnx'
    assert run('sign', packed, '--verify', key[1]) == 0


def test_unsigned_and_altered_models_do_not_verify(packed, key, capsys):
    assert run('sign', packed, '--verify', key[1]) == 1
    assert 'walk.onnx is not signed, expected a signature of' in capsys.readouterr().out
    run('sign', packed, '--key', key[0])
    model = onnx.load(packed)
    model.doc_string = 'new'
    onnx.save(model, packed)
    assert run('sign', packed, '--verify', key[1]) == 1
    assert 'was altered after it was signed with' in capsys.readouterr().out


def test_any_of_two_keys_is_enough(packed, key, tmp_path, capsys):
    run('sign', '--new-key', tmp_path / 'new.pem')
    new = tmp_path / 'new.pub.pem'
    run('sign', packed, '--key', key[0])
    once = packed.read_bytes()
    assert run('sign', packed, '--key', key[0]) == 0
    assert packed.read_bytes() == once
    assert run('sign', '--verify', new, packed) == 1
    assert run('check', '--trusted-keys', new, packed) == 1
    assert run('sign', '--verify', new, '--verify', key[1], packed) == 0
    assert run('check', '--trusted-keys', new, '--trusted-keys', key[1], packed) == 0
    assert run('sign', packed, '--key', tmp_path / 'new.pem') == 0
    for public in (key[1], new):
        assert run('sign', '--verify', public, packed) == 0
    _, found = report(capsys, packed)
    assert [entry['valid'] for entry in found['model']['signatures']] == [True, True]


def test_text_file_is_not_a_signed_model(key, tmp_path, capsys):
    path = tmp_path / 'walk.onnx'
    path.write_text('version https://git-lfs.github.com/spec/v1\n')
    assert run('sign', path, '--verify', key[1]) == 1
    assert 'looks like a git-lfs pointer: run git lfs pull' in capsys.readouterr().out
    for words in (('sign', path, '--key', key[0]), ('check', path, '--trusted-keys', key[1])):
        assert run(*words) == 2
        assert 'looks like a git-lfs pointer: run git lfs pull' in capsys.readouterr().err


def test_model_with_a_side_car_is_not_signed(tmp_path, key, capsys):
    model, spec = write_leaning_policy(tmp_path)
    shutil.copy(spec, model.with_suffix('.spec.yaml'))
    before = model.read_bytes()
    assert run('sign', model, '--key', key[0]) == 2
    assert 'is not self-contained, expected a model of distill-runtime pack: ' in (
        capsys.readouterr().err
    )
    assert model.read_bytes() == before


@pytest.mark.skipif(shutil.which('openssl') is None, reason='no openssl here')
def test_password_is_prompted_for(packed, tmp_path, monkeypatch):
    path = tmp_path / 'secret.pem'
    words = ['genpkey', '-algorithm', 'ed25519', '-aes256', '-pass', 'pass:word', '-out']
    subprocess.run(['openssl', *words, str(path)], check=True)
    monkeypatch.setattr(getpass, 'getpass', lambda prompt: 'word' if str(path) in prompt else '')
    assert run('sign', packed, '--key', path) == 0


def test_message_for_a_missing_library_says_how_to_install_it(monkeypatch, capsys):
    monkeypatch.delitem(sys.modules, 'distill_runtime.policy.keys', raising=False)
    monkeypatch.setitem(sys.modules, 'cryptography.exceptions', None)
    assert run('sign', 'm.onnx', '--key', 'a.pem') == 2
    assert 'is not installed: apt install python3-' in capsys.readouterr().err


def test_check_shows_the_signing_keys(packed, key, capsys):
    assert run('check', packed) == 0
    assert 'signature none' in ' '.join(capsys.readouterr().out.split())
    run('sign', packed, '--key', key[0])
    capsys.readouterr()
    assert run('check', packed) == 0
    assert ', valid' in capsys.readouterr().out
    status, found = report(capsys, packed, '--trusted-keys', key[1])
    assert status == 0
    (signature,) = found['model']['signatures']
    assert (len(signature['key']), signature['valid']) == (32, True)
    assert not {'signature.refused', 'signature.not_valid'} & set(codes(found))


def test_check_rejects_the_same_models_as_a_robot_with_these_keys(packed, key, tmp_path, capsys):
    status, found = report(capsys, packed, '--trusted-keys', key[1])
    assert (status, found['deployable']) == (1, False)
    finding = codes(found)['signature.refused']
    assert finding['severity'] == 'error'
    assert 'is not signed, expected a signature of' in finding['message']
    assert found['spec']['name'] == 'leaning'
    run('sign', '--new-key', tmp_path / 'other.pem')
    run('sign', packed, '--key', tmp_path / 'other.pem')
    status, found = report(capsys, packed, '--trusted-keys', key[1])
    assert status == 1
    assert 'is signed with' in codes(found)['signature.refused']['message']


def test_packing_again_drops_the_signature(packed, key, tmp_path, capsys):
    run('sign', packed, '--key', key[0])
    capsys.readouterr()
    assert run('pack', packed, '-o', tmp_path / 'again.onnx') == 0
    assert 'is dropped: sign ' in capsys.readouterr().out
    _, found = report(capsys, tmp_path / 'again.onnx')
    assert found['model']['signatures'] == []


# of nobody: what a stranger can write beside any model
FORGED = Signature(key=b'k' * 32, value=b's' * 64)


@pytest.mark.parametrize(
    ('change', 'text', 'valid', 'message'),
    [
        ('none', 'none', [], ''),
        ('forged', f'key {fingerprint(FORGED.key)}, NOT VALID', [False], 'is not what'),
        (
            'more',
            'NOT VALID: its signature entry is not the end of the file',
            [],
            'its signature entry is not the end',
        ),
        ('no library', 'not verified, no cryptography here', [None], ''),
    ],
)
def test_check_reports_what_is_known_of_signatures(
    packed, change, text, valid, message, monkeypatch
):
    if change != 'none':
        content = join_signatures(packed.read_bytes(), [FORGED])
        packed.write_bytes(content + (b'\x32\x01x' if change == 'more' else b''))
    if change == 'no library':
        monkeypatch.delitem(sys.modules, 'distill_runtime.policy.keys', raising=False)
        monkeypatch.setitem(sys.modules, 'cryptography.exceptions', None)
    facts = read_signature_facts(packed)
    assert text in facts.text()
    assert facts.report() == [{'key': fingerprint(FORGED.key), 'valid': state} for state in valid]
    found = [finding.message for finding in facts.findings()]
    assert len(found) == bool(message)
    assert all(message in text for text in found)


@pytest.mark.parametrize(
    ('words', 'message'),
    [
        (['--key', 'a.pem'], 'MODEL is missing, expected it with --key or --verify'),
        (['MODEL', '--new-key', 'a.pem'], '--new-key is given with a model, expected it without'),
        (['MODEL', '--verify', 'a.pem', '-o', 'b.onnx'], '--verify is given with --output'),
        (['MODEL', '--verify', 'no.pem'], 'no.pem cannot be read: No such file'),
        (['MODEL', '--key', 'PUBLIC'], 'ours.pub.pem is not a readable private key'),
    ],
)
def test_wrong_usage_is_refused(packed, key, words, message, capsys):
    paths = {'MODEL': packed, 'PUBLIC': key[1]}
    assert run('sign', *(paths.get(word, word) for word in words)) == 2
    assert message in capsys.readouterr().err
    with pytest.raises(SystemExit):
        run('check', packed, '--trusted-keys', '')
    assert "'' is not a path of a key" in capsys.readouterr().err
