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


KEY, VALUE = SIGNATURE_KEY.encode(), value_of([FIRST])


def test_signing_appends_and_keeps_every_byte(body):
    signed = join_signatures(body, [FIRST, SECOND])
    assert signed.startswith(body)
    assert split_signatures(signed) == (body, (FIRST, SECOND))
    for unsigned in (body, body + entry(KEY, b'')):
        assert split_signatures(unsigned) == (body, ())


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
    assert fingerprint(b'k' * 32) == hashlib.sha256(der).hexdigest()[:32]


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


@pytest.mark.parametrize(
    'text',
    [
        b'ed25519',
        b'ed25519 a b c',
        b'rsa ' + VALUE.partition(b' ')[2],
        VALUE.replace(b'=', b''),
        VALUE[:-8],
        b'\xff\xfe',
    ],
)
def test_damaged_entry_is_refused(body, text):
    with pytest.raises(SignatureError, match='expected ed25519, a key and a signature in Base64'):
        split_signatures(body + entry(KEY, text))


def test_number_of_signatures_is_limited(body):
    many = [FIRST] * (MAX_SIGNATURES + 1)
    with pytest.raises(SignatureError, match='expected at most 16 keys'):
        join_signatures(body, many)
    text = b'\n'.join([VALUE] * (MAX_SIGNATURES + 1))
    with pytest.raises(SignatureError, match='it has 17 signatures, expected at most 16'):
        split_signatures(body + entry(KEY, text))


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


@pytest.mark.parametrize(
    'tail',
    [
        # the parts of an entry in another order, one of them twice, more in it
        bytes_field(14, bytes_field(2, VALUE) + bytes_field(1, KEY)),
        bytes_field(14, bytes_field(1, b'other') + bytes_field(1, KEY) + bytes_field(2, VALUE)),
        bytes_field(14, bytes_field(1, KEY) + bytes_field(2, b'x') + bytes_field(2, VALUE)),
        bytes_field(14, bytes_field(1, KEY) + bytes_field(2, VALUE) + bytes_field(3, b'')),
        b'\xf2\x00' + entry(KEY, VALUE)[1:],  # its number in more bytes than it takes
        entry(KEY, VALUE) + entry(KEY, value_of([SECOND])),
        entry(KEY, VALUE) + b'\x00\x00\x0b',
        *(
            entry(KEY, value)
            for value in (
                VALUE + b' ',
                b' ' + VALUE,
                VALUE + b'\n',
                VALUE + b'\r\n',
                b'\n' + VALUE,
            )
        ),
    ],
)
def test_entry_has_one_form_only(body, tail):
    with pytest.raises(SignatureError):
        split_signatures(body + tail)
