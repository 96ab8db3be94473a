# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import os
import shutil
import stat
import subprocess

from distill_runtime.errors import ConfigError, SignatureError
from distill_runtime.policy.keys import (
    check_signature,
    is_valid,
    read_private_key,
    read_public_key,
    read_public_keys,
    sign_model,
    write_new_key,
)
from distill_runtime.policy.model_file.protobuf import bytes_field
from distill_runtime.policy.signature import join_signatures, split_signatures, statement
import pytest
from support.models import save_linear

needs_openssl = pytest.mark.skipif(shutil.which('openssl') is None, reason='no openssl here')


def no_password():
    raise AssertionError('asked for a password')


@pytest.fixture
def model(tmp_path):
    path = save_linear(tmp_path / 'walk.onnx', [[1.0]], metadata={'distill_runtime.spec': '{}'})
    return path.read_bytes()


@pytest.fixture
def make(tmp_path):
    """Make a key; return its two halves."""

    def make(name):
        public, _ = write_new_key(tmp_path / f'{name}.pem')
        return read_private_key(tmp_path / f'{name}.pem', no_password), read_public_key(public)

    return make


def openssl(*words, **options):
    return subprocess.run(
        ['openssl', *map(str, words)], check=True, capture_output=True, **options
    )


def test_new_pair_replaces_no_file_and_is_complete_or_absent(tmp_path):
    path, public = tmp_path / 'robot.pem', tmp_path / 'robot.pub.pem'
    public.write_text('of another key')
    with pytest.raises(ConfigError, match=r'robot\.pub\.pem exists already'):
        write_new_key(path)
    assert os.listdir(tmp_path) == ['robot.pub.pem']
    public.unlink()
    assert write_new_key(path)[0] == public
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    before = path.read_bytes()
    with pytest.raises(ConfigError, match=r'robot\.pem exists already, not overwriting$'):
        write_new_key(path)
    assert path.read_bytes() == before
    assert sorted(os.listdir(tmp_path)) == ['robot.pem', 'robot.pub.pem']
    with pytest.raises(ConfigError, match='cannot be written: No such file or directory'):
        write_new_key(tmp_path / 'absent' / 'robot.pem')


def test_model_of_another_key_is_refused_naming_both(model, make):
    private, other = make('theirs')
    _, public = make('ours')
    with pytest.raises(SignatureError) as refusal:
        check_signature(sign_model(model, private), 'walk.onnx', [public])
    mark = str(other).rpartition('(')[2][:-1]
    assert f"walk.onnx is signed with ['{mark}'], expected a signature of one of [" in str(
        refusal.value
    )
    assert str(public) in str(refusal.value)


def test_every_byte_is_covered(model, make):
    private, public = make('ours')
    signed = sign_model(model, private)
    for index in range(len(signed)):
        altered = bytearray(signed)
        altered[index] ^= 0x01
        with pytest.raises(SignatureError):
            check_signature(bytes(altered), 'walk.onnx', [public])
    for size in range(len(signed)):
        with pytest.raises(SignatureError):
            check_signature(signed[:size], 'walk.onnx', [public])


@pytest.mark.parametrize('position', ['before', 'first'])
def test_field_that_no_reader_knows_is_covered_too(model, make, position):
    private, public = make('ours')
    body, signatures = split_signatures(sign_model(model, private))
    more = bytes_field(777, b'anything')
    altered = bytes(body) + more if position == 'before' else more + bytes(body)
    with pytest.raises(SignatureError, match=r'was altered after it was signed with .*ours'):
        check_signature(join_signatures(altered, signatures), 'walk.onnx', [public])


def test_one_valid_signature_is_enough(model, make):
    (old, old_public), (new, new_public) = make('old'), make('new')
    body, (first, second) = split_signatures(sign_model(sign_model(model, old), new))
    wrong = type(second)(key=second.key, value=first.value)
    content = join_signatures(body, [wrong, first])
    assert check_signature(content, 'w', [old_public, new_public]) == old_public
    with pytest.raises(SignatureError, match='was altered'):
        check_signature(content, 'w', [new_public])


def test_altered_model_and_duplicate_metadata_are_not_signed(model, make):
    (old, _), (new, _) = make('old'), make('new')
    _, signatures = split_signatures(sign_model(model, old))
    altered = join_signatures(model + bytes_field(6, b'text'), signatures)
    with pytest.raises(SignatureError, match='is not valid: it was altered, pack it again'):
        sign_model(altered, new)
    more = bytes_field(14, bytes_field(1, b'distill_runtime.spec') + bytes_field(2, b'x'))
    with pytest.raises(SignatureError, match=r"^metadata keys \['distill_runtime\.spec'\] are"):
        sign_model(model + more, new)


def test_key_that_is_no_point_of_the_curve_is_no_valid_one(model, make):
    private, _ = make('ours')
    body, (signature,) = split_signatures(sign_model(model, private))
    assert is_valid(signature, body)
    for key in (b'\xff' * 32, b'\x02' + b'\x00' * 31, b'\x00' * 32):
        assert not is_valid(type(signature)(key=key, value=signature.value), body)


@needs_openssl
def test_openssl_verifies_a_signature_by_hand(model, make, tmp_path):
    private, public = make('ours')
    body, (signature,) = split_signatures(sign_model(model, private))
    (tmp_path / 'text').write_bytes(statement(body))
    (tmp_path / 'sig').write_bytes(signature.value)
    openssl(
        'pkeyutl', '-verify', '-rawin', '-pubin', '-inkey', public.path,
        '-sigfile', tmp_path / 'sig', '-in', tmp_path / 'text',
    )  # fmt: skip


@needs_openssl
def test_keys_of_openssl_do_and_passwords_are_asked_for(model, tmp_path):
    private, public = tmp_path / 'a.pem', tmp_path / 'a.pub.pem'
    options = ['-aes256', '-pass', 'pass:secret']
    openssl('genpkey', '-algorithm', 'ed25519', *options, '-out', private)
    openssl('pkey', '-in', private, '-passin', 'pass:secret', '-pubout', '-out', public)
    signed = sign_model(model, read_private_key(private, lambda: 'secret'))
    (key,) = read_public_keys([str(public)])
    check_signature(signed, 'walk.onnx', [key])
    der = openssl('pkey', '-pubin', '-in', public, '-outform', 'DER').stdout
    digest = openssl('dgst', '-sha256', '-r', input=der).stdout.decode()
    assert digest[:32] in str(key)
    for wrong in ('wrong', ''):
        with pytest.raises(ConfigError, match='expected Ed25519 and its password'):
            read_private_key(private, lambda wrong=wrong: wrong)


@needs_openssl
def test_key_of_another_kind_is_refused(tmp_path):
    path = tmp_path / 'rsa.pem'
    openssl('genpkey', '-algorithm', 'rsa', '-pkeyopt', 'rsa_keygen_bits:2048', '-out', path)
    with pytest.raises(ConfigError, match=r'rsa\.pem holds a .*RSAPrivateKey, expected Ed25519'):
        read_private_key(path, no_password)
    openssl('pkey', '-in', path, '-pubout', '-out', tmp_path / 'rsa.pub.pem')
    with pytest.raises(ConfigError, match=r'holds a .*RSAPublicKey, expected Ed25519'):
        read_public_key(tmp_path / 'rsa.pub.pem')


@pytest.mark.parametrize(
    ('content', 'message'),
    [
        (b'', 'holds 0 blocks of PEM, expected 1 key'),
        (b'-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n', 'is not a public key'),
        (b'-----BEGIN PUBLIC KEY-----\n' * 2, 'holds 2 blocks of PEM, expected 1 key'),
        (b'x' * 2**17, 'is larger than 65536 bytes'),
        (b'-----BEGIN PRIVATE KEY-----', 'key.pem is a private key, expected the public one'),
        (None, r'key\.pem cannot be read: No such file'),
    ],
)
def test_file_that_holds_no_public_key_is_refused(tmp_path, content, message):
    public, _ = write_new_key(tmp_path / 'ours.pem')
    path = tmp_path / 'key.pem'
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ConfigError, match=message):
        read_public_keys([str(public), str(path)])
