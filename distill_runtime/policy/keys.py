# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Ed25519 keys in PEM files: create and read them, sign and verify models."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
import os
from pathlib import Path

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from distill_runtime.errors import ConfigError, SignatureError
from distill_runtime.spec.files import read_bytes

from .signature import (
    doubled_keys,
    fingerprint,
    join_signatures,
    Signature,
    split_signatures,
    statement,
)

_MAX_BYTES = 2**16
_MAKE = 'make one with distill-runtime sign --new-key KEY.pem'


@dataclass(frozen=True, kw_only=True)
class TrustedKey:
    """A public key, and the file that it was read from."""

    path: Path
    raw: bytes
    """32 bytes."""

    def __str__(self) -> str:
        """Name file and key."""
        return f'{self.path} ({fingerprint(self.raw)})'


def check_signature(content: bytes, where: str, keys: Sequence[TrustedKey]) -> TrustedKey:
    """Return the key that a model is signed with; content is all of its file, where its path.

    Raises:
        SignatureError: If it is not signed with one of the keys, or was altered since.
    """
    names = f'one of {[str(key) for key in keys]}'
    try:
        body, signatures = split_signatures(content)
    except SignatureError as error:
        raise SignatureError(f'model {where} is refused by trusted_keys: {error}') from None
    if not signatures:
        raise SignatureError(
            f'model {where} is not signed, expected a signature of {names}: distill-runtime sign '
            'makes it'
        )
    by_key = {key.raw: key for key in keys}
    known = [signature for signature in signatures if signature.key in by_key]
    if not known:
        raise SignatureError(
            f'model {where} is signed with {[fingerprint(entry.key) for entry in signatures]}, '
            f'expected a signature of {names}: sign it with that key, or trust the key that it has'
        )
    for signature in known:
        if is_valid(signature, body):
            return by_key[signature.key]
    raise SignatureError(
        f'model {where} was altered after it was signed with {by_key[known[0].key]}: get it again '
        'from where it was signed'
    )


def read_public_keys(paths: Sequence[str]) -> tuple[TrustedKey, ...]:
    """Read public keys from PEM files.

    Raises:
        ConfigError: If one cannot be read or is not a public key; none is skipped.
    """
    return tuple(read_public_key(Path(path).expanduser()) for path in paths)


def read_public_key(path: Path) -> TrustedKey:
    """Read an Ed25519 public key, a SubjectPublicKeyInfo in PEM.

    Raises:
        ConfigError: If the file cannot be read or is not such a key.
    """
    content = _one_pem(path)
    if b'PRIVATE KEY' in content:
        raise ConfigError(
            f'{path} is a private key, expected the public one; keep the private key on the '
            f'signing computer: openssl pkey -in {path.name} -pubout -out {path.stem}.pub.pem'
        )
    try:
        key = serialization.load_pem_public_key(content)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise ConfigError(
            f'{path} is not a public key in PEM, expected Ed25519: {_MAKE}'
        ) from error
    if not isinstance(key, Ed25519PublicKey):
        raise ConfigError(f'{path} holds a {type(key).__name__}, expected Ed25519: {_MAKE}')
    return TrustedKey(path=path, raw=_raw(key))


def read_private_key(path: Path, ask_password: Callable[[], str]) -> Ed25519PrivateKey:
    """Read an Ed25519 private key, a PKCS8 in PEM.

    Raises:
        ConfigError: If the file cannot be read, is not such a key, or the password is wrong.
    """
    content = _one_pem(path)
    try:
        is_encrypted = b'ENCRYPTED' in content
        password = ask_password().encode() if is_encrypted else None
        key = serialization.load_pem_private_key(content, password)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise ConfigError(
            f'{path} is not a readable private key in PEM, expected Ed25519'
            + (' and its password' if is_encrypted else f': {_MAKE}')
        ) from error
    if not isinstance(key, Ed25519PrivateKey):
        raise ConfigError(f'{path} holds a {type(key).__name__}, expected Ed25519: {_MAKE}')
    return key


def write_new_key(path: Path) -> tuple[Path, str]:
    """Create a key pair and write both files; only the owner can read the private one.

    Args:
        path: File of the private key; the public one gets .pub before its suffix.

    Returns:
        File of the public key, and its fingerprint.

    Raises:
        ConfigError: If one of the files exists, or cannot be written.
    """
    public_path = path.with_name(f'{path.stem}.pub{path.suffix}')
    key = Ed25519PrivateKey.generate()
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    public = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    _create(path, private, 0o600)
    try:
        _create(public_path, public, 0o644)
    except ConfigError:
        path.unlink()
        raise
    return public_path, fingerprint(_raw(key.public_key()))


def sign_model(content: bytes, key: Ed25519PrivateKey) -> bytes:
    """Add a signature to a model file; replace one of the same key.

    Raises:
        SignatureError: If the file is not a model, has duplicate metadata keys, or has an
            invalid signature.
    """
    doubled = doubled_keys(content)
    if doubled:
        raise SignatureError(
            f'metadata keys {doubled} are duplicated, expected each once: readers differ in which '
            'one they use'
        )
    body, signatures = split_signatures(content)
    raw = _raw(key.public_key())
    kept = [signature for signature in signatures if signature.key != raw]
    for signature in kept:
        if not is_valid(signature, body):
            raise SignatureError(
                f'its signature of {fingerprint(signature.key)} is not valid: it was altered, '
                'pack it again'
            )
    new = Signature(key=raw, value=key.sign(statement(body)))
    return join_signatures(body, [*kept, new])


def is_valid(signature: Signature, body: bytes | memoryview) -> bool:
    """Whether a signature is valid for its key; the key need not be trusted."""
    try:
        public = Ed25519PublicKey.from_public_bytes(signature.key)
        public.verify(signature.value, statement(body))
    except (InvalidSignature, ValueError):
        return False
    return True


def _raw(key: Ed25519PublicKey) -> bytes:
    raw: bytes = key.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    return raw


def _one_pem(path: Path) -> bytes:
    """Read a key file; refuse more than one key, which would be ignored silently."""
    content = read_bytes(path, _MAX_BYTES)
    count = content.count(b'-----BEGIN ')
    if count != 1:
        raise ConfigError(f'{path} holds {count} blocks of PEM, expected 1 key: {_MAKE}')
    return content


def _create(path: Path, content: bytes, mode: int) -> None:
    """Create a file atomically; refuse to replace one."""
    part = path.with_name(f'.{path.name}.{os.getpid()}.tmp')
    try:
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), 'wb') as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.link(part, path)  # unlike a rename, it replaces nothing
    except FileExistsError as error:
        raise ConfigError(f'{path} exists already, not overwriting') from error
    except OSError as error:
        raise ConfigError(f'{path} cannot be written: {error.strerror}') from error
    finally:
        part.unlink(missing_ok=True)
