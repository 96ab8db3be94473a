# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import hashlib

from distill_runtime.errors import SignatureError
from distill_runtime.policy.model_file.protobuf import bytes_field
from distill_runtime.policy.signature import (
    doubled_keys,
    fingerprint,
    join_signatures,
    MAX_SIGNATURES,
    Signature,
    SIGNATURE_KEY,
    split_signatures,
    statement,
)
from hypothesis import given
from hypothesis import strategies as st
import onnx
import pytest
from support.models import save_linear

FIRST = Signature(key=b'k' * 32, value=b's' * 64)
SECOND = Signature(key=b'l' * 32, value=b't' * 64)


@pytest.fixture(scope='module')
def body(tmp_path_factory):
    path = tmp_path_factory.mktemp('models') / 'walk.onnx'
    return save_linear(path, [[1.0]], metadata={'distill_runtime.spec': '{}'}).read_bytes()


def entry(key, value):
    return bytes_field(14, bytes_field(1, key) + bytes_field(2, value))


def value_of(signatures):
    """Return the text of the entry."""
    model = onnx.load_from_string(join_signatures(b'', signatures))
    return model.metadata_props[0].value.encode()


def test_model_without_a_signature_is_all_body(body):
    assert split_signatures(body) == (body, ())


def test_signing_appends_and_keeps_every_byte(body):
    signed = join_signatures(body, [FIRST, SECOND])
    assert signed.startswith(body)
    assert split_signatures(signed) == (body, (FIRST, SECOND))


def test_signed_model_is_the_same_to_the_library(body):
    before, after = (onnx.load_from_string(c) for c in (body, join_signatures(body, [FIRST])))
    assert after.graph == before.graph
    (*others, last) = after.metadata_props
    assert (others, last.key) == (list(before.metadata_props), SIGNATURE_KEY)
    del after.metadata_props[-1]
    assert after == before


def test_what_is_signed_is_the_hash_of_the_unsigned_file(body):
    digest = hashlib.sha256(body).hexdigest()
    assert statement(body) == f'distill_runtime model signature 1\n{digest}\n'.encode()


def test_fingerprint_is_that_of_the_key_in_der():
    der = bytes.fromhex('302a300506032b6570032100') + b'k' * 32
    assert fingerprint(b'k' * 32) == FIRST.fingerprint == hashlib.sha256(der).hexdigest()[:32]


@pytest.mark.parametrize(
    'more',
    [
        bytes_field(6, b'a text'),  # doc_string: a field that onnx knows
        bytes_field(999, b'anything'),  # and one that it does not
        b'\x08\x07',  # ir_version once more
        entry(b'distill_runtime.spec', b'{"name": "other"}'),
        bytes_field(7, b''),  # a second graph is merged with the first
    ],
)
def test_nothing_may_follow_the_signature(body, more):
    onnx.load_from_string(join_signatures(body, [FIRST]) + more)  # a reader would take it
    with pytest.raises(SignatureError, match='is not the end of the file, expected no byte'):
        split_signatures(join_signatures(body, [FIRST]) + more)


def test_invalid_bytes_after_the_signature_are_refused(body):
    with pytest.raises(SignatureError, match='it cannot be read as ONNX: '):
        split_signatures(join_signatures(body, [FIRST]) + b'\x00\x00\x0b')


def test_two_entries_are_refused(body):
    once = join_signatures(body, [FIRST])
    with pytest.raises(SignatureError, match='several signature entries, expected one'):
        split_signatures(join_signatures(once, [SECOND]))


@pytest.mark.parametrize(
    'tail',
    [
        # the parts of an entry in another order, one of them twice, more in it
        bytes_field(14, bytes_field(2, b'V') + bytes_field(1, b'K')),
        bytes_field(14, bytes_field(1, b'other') + bytes_field(1, b'K') + bytes_field(2, b'V')),
        bytes_field(14, bytes_field(1, b'K') + bytes_field(2, b'x') + bytes_field(2, b'V')),
        bytes_field(14, bytes_field(1, b'K') + bytes_field(2, b'V') + bytes_field(3, b'')),
        # its number or its size in more bytes than it takes
        b'\xf2\x00' + entry(b'K', b'V')[1:],
    ],
)
def test_entry_has_one_form_only(body, tail):
    text = value_of([FIRST])
    key = SIGNATURE_KEY.encode()
    for short, long in ((b'K', key), (b'V', text)):
        tail = rebuilt(tail, short, long)
    with pytest.raises(SignatureError):
        split_signatures(body + tail)


def rebuilt(tail, short, long):
    """Replace a letter by a text and set the sizes right."""
    from distill_runtime.policy.model_file.protobuf import fields

    lead = b'\xf2\x00' if tail.startswith(b'\xf2\x00') else b''
    plain = b'\x72' + tail[2:] if lead else tail
    ((_, content),) = fields(memoryview(plain))
    parts = b''.join(
        bytes_field(number, long if bytes(value) == short else bytes(value))
        for number, value in fields(content)
    )
    whole = bytes_field(14, parts)
    return lead + whole[1:] if lead else whole


@pytest.mark.parametrize(
    'text',
    [
        b'ed25519',
        b'ed25519 a b c',
        b'rsa ' + value_of([FIRST]).partition(b' ')[2],
        value_of([FIRST]).replace(b'=', b''),
        value_of([FIRST])[:-8],
        b'\xff\xfe',
    ],
)
def test_damaged_entry_is_refused(body, text):
    with pytest.raises(SignatureError, match='expected ed25519, a key and a signature in Base64'):
        split_signatures(body + entry(SIGNATURE_KEY.encode(), text))


@pytest.mark.parametrize('change', [b'{} ', b' {}', b'{}\n', b'{}\r\n', b'\n{}'])
def test_white_space_around_a_signature_is_refused(body, change):
    text = change.replace(b'{}', value_of([FIRST]))
    with pytest.raises(SignatureError):
        split_signatures(body + entry(SIGNATURE_KEY.encode(), text))


def test_empty_entry_signs_nothing(body):
    signed = body + entry(SIGNATURE_KEY.encode(), b'')
    assert split_signatures(signed) == (body, ())


def test_number_of_signatures_is_limited(body):
    many = [FIRST] * (MAX_SIGNATURES + 1)
    with pytest.raises(SignatureError, match='expected at most 16 keys'):
        join_signatures(body, many)
    text = b'\n'.join([value_of([FIRST])] * (MAX_SIGNATURES + 1))
    with pytest.raises(SignatureError, match='it has 17 signatures, expected at most 16'):
        split_signatures(body + entry(SIGNATURE_KEY.encode(), text))


def test_duplicate_metadata_is_found(body):
    assert doubled_keys(body) == []
    assert doubled_keys(body + entry(b'distill_runtime.spec', b'x')) == ['distill_runtime.spec']


@pytest.mark.fuzz
@given(st.binary(max_size=200), st.booleans())
def test_split_and_join_are_inverse(noise, is_after):
    signed = join_signatures(b'', [FIRST])
    content = signed + noise if is_after else noise + signed
    try:
        body, signatures = split_signatures(content)
    except SignatureError:
        return
    assert not signatures or join_signatures(body, signatures) == content
