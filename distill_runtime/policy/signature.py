# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Format of the signatures in a model file.

The signatures are the last metadata entry of the file and cover every byte before it: graph,
weights, spec, golden vectors, encoder and everything else. No byte may follow, and the entry has
exactly one form. Signing appends the entry; without it, the file is the unsigned file, bit for
bit.
"""

from __future__ import annotations

import base64
import binascii
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
import hashlib
from typing import NamedTuple

from distill_runtime.errors import SignatureError
from distill_runtime.policy.model_file.file_kind import looks_like
from distill_runtime.policy.model_file.protobuf import bytes_field, fields

SIGNATURE_KEY = 'distill_runtime.signature'
MAX_SIGNATURES = 16
_METADATA = 14
"""Field number of metadata_props in a ModelProto."""
_ALGORITHM = 'ed25519'
_STATEMENT = 'distill_runtime model signature 1\n{}\n'
_DER_PREFIX = bytes.fromhex('302a300506032b6570032100')
"""Prefix of the 32 bytes of an Ed25519 key in a SubjectPublicKeyInfo, RFC 8410."""


@dataclass(frozen=True, kw_only=True)
class Signature:
    """One signature and the public key that it names."""

    key: bytes
    """Public key, 32 bytes."""
    value: bytes
    """64 bytes."""


class SignedModel(NamedTuple):
    """A model file split into content and signatures."""

    body: memoryview
    """The unsigned file, which the signatures cover."""
    signatures: tuple[Signature, ...]
    """Empty if it is not signed."""


def fingerprint(key: bytes) -> str:
    """Return 32 hexadecimal digits that identify a public key.

    They are the start of what `openssl pkey -pubin -in KEY.pub.pem -outform DER | sha256sum`
    prints.

    Args:
        key: Public key, 32 bytes.
    """
    return hashlib.sha256(_DER_PREFIX + key).hexdigest()[:32]


def statement(body: bytes | memoryview) -> bytes:
    """Return the text that is signed: purpose, and SHA-256 of the unsigned file."""
    return _STATEMENT.format(hashlib.sha256(body).hexdigest()).encode('ascii')


def split_signatures(content: bytes) -> SignedModel:
    """Split a model file; nothing is verified here.

    Raises:
        SignatureError: If it is not a model, or its signature entry is not at the end.
    """
    last, keys = _scan(content)
    if keys[SIGNATURE_KEY] == 0:
        return SignedModel(memoryview(content), ())
    if keys[SIGNATURE_KEY] > 1:
        raise SignatureError('it carries several signature entries, expected one: it was altered')
    signatures = _parse(last) if SIGNATURE_KEY.encode('ascii') in bytes(last) else ()
    tail = _tail(signatures)
    if not content.endswith(tail):
        raise SignatureError(
            'its signature entry is not the end of the file, expected no byte after it: it was '
            'altered or saved again after it was signed'
        )
    return SignedModel(memoryview(content)[: -len(tail)], signatures)


def join_signatures(body: bytes | memoryview, signatures: Sequence[Signature]) -> bytes:
    """Return the file of a model with its signatures.

    Raises:
        SignatureError: If there are too many.
    """
    if len(signatures) > MAX_SIGNATURES:
        raise SignatureError(
            f'it has {MAX_SIGNATURES} signatures already, expected at most {MAX_SIGNATURES} keys'
        )
    return bytes(body) + _tail(signatures)


def doubled_keys(content: bytes) -> list[str]:
    """Return duplicate metadata keys: readers differ in which one they use.

    Raises:
        SignatureError: If the content is not a model.
    """
    _, keys = _scan(content)
    return sorted(key for key, count in keys.items() if count > 1)


def _scan(content: bytes) -> tuple[memoryview, Counter[str]]:
    """Return the last field of a model if it is metadata, and the count of each key."""
    keys: Counter[str] = Counter()
    last = memoryview(b'')
    try:
        for number, value in fields(memoryview(content)):
            last = memoryview(b'')
            if number == _METADATA and isinstance(value, memoryview):
                last = value
                keys.update(
                    bytes(text).decode('utf-8')
                    for field, text in fields(value)
                    if field == 1 and isinstance(text, memoryview)
                )
    except ValueError as error:
        kind = looks_like(memoryview(content))
        problem = f'it is not an ONNX file but looks like {kind}' if kind else error
        raise SignatureError(f'it cannot be read as ONNX: {problem}') from None
    return last, keys


def _parse(entry: memoryview) -> tuple[Signature, ...]:
    """Parse the entry; the caller compares it with its canonical form."""
    text = b''.join(
        bytes(value)
        for number, value in fields(entry)
        if number == 2 and isinstance(value, memoryview)
    )
    signatures = []
    for line in text.splitlines():
        try:
            algorithm, key, value = line.decode('ascii').split(' ')
            signature = Signature(
                key=base64.b64decode(key, validate=True),
                value=base64.b64decode(value, validate=True),
            )
        except (ValueError, binascii.Error):
            raise SignatureError(_damaged(line)) from None
        if (algorithm, len(signature.key), len(signature.value)) != (_ALGORITHM, 32, 64):
            raise SignatureError(_damaged(line))
        signatures.append(signature)
    if len(signatures) > MAX_SIGNATURES:
        raise SignatureError(f'it has {len(signatures)} signatures, expected at most 16')
    return tuple(signatures)


def _damaged(line: bytes) -> str:
    return (
        f'its signature is {line[:60]!r}, expected ed25519, a key and a signature in Base64: it '
        'was altered'
    )


def _tail(signatures: Sequence[Signature]) -> bytes:
    """Return the metadata entry at the end of a signed file."""
    lines = (
        f'{_ALGORITHM} {base64.b64encode(signature.key).decode("ascii")} '
        f'{base64.b64encode(signature.value).decode("ascii")}'
        for signature in signatures
    )
    text = '\n'.join(lines).encode('ascii')
    entry = bytes_field(1, SIGNATURE_KEY.encode('ascii')) + bytes_field(2, text)
    return bytes_field(_METADATA, entry)
