# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""`distill-runtime sign`: sign models for robots that run signed ones only."""

from __future__ import annotations

import argparse
from pathlib import Path

from distill_runtime.cli.terminal.arguments import add_keys_argument

DESCRIPTION = """
Sign a packed model with an Ed25519 key. A robot whose student_node has the public key in its
parameter trusted_keys runs this file, and refuses all others: unsigned, altered, or signed with
another key. The signature is at the end of the model file and covers all bytes before it: graph,
weights, spec, gains, limits, golden vectors. Only a self-contained model can be signed, so pack it
first.
"""
EPILOG = """
examples:
  once: make a key. KEY.pem stays on the signing computer, readable by its owner only; KEY.pub.pem
  goes onto the robots
      distill-runtime sign --new-key release.pem
  for each model: pack, check, sign, and verify as a robot would
      distill-runtime pack policy.onnx --robot unitree_g1_29dof -o walk.onnx
      distill-runtime check walk.onnx --robot unitree_g1_29dof
      distill-runtime sign walk.onnx --key release.pem
      distill-runtime sign walk.onnx --verify release.pub.pem
  on the robot
      distill-runtime run walk.onnx -p "trusted_keys:=['/etc/robot/release.pub.pem']"

to change keys: sign with the new one too (a file holds up to 16 signatures, one trusted signature
is enough), let the robots trust both, then only the new one. Keys of openssl work too, optionally
with a password: openssl genpkey -algorithm ed25519 -aes256 -out release.pem. docs/security.md
explains what signatures protect from.

exit status: 0 signed, made or verified, 1 --verify: not signed by one of the keys, 2 a file is
refused, or wrong usage
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument('model', metavar='MODEL', nargs='?', help='packed ONNX model')
    action = parser.add_mutually_exclusive_group(required=True)
    action.add_argument('--key', metavar='KEY.pem', help='private key to sign with')
    add_keys_argument(
        action,
        '--verify',
        'public key, may be repeated: is the model signed with one of them, and unaltered?',
    )
    action.add_argument(
        '--new-key', metavar='KEY.pem', help='make a key, and KEY.pub.pem with its public half'
    )
    parser.add_argument(
        '-o', '--output', metavar='OUT.onnx', help='file to write; without it MODEL is signed'
    )
    parser.add_argument('--force', action='store_true', help='replace OUT.onnx if it exists')


def run(args: argparse.Namespace) -> int:
    """Carry out the command; return the exit status."""
    from distill_runtime.cli.terminal.extras import installed
    from distill_runtime.errors import ConfigError

    with installed('apt install python3-cryptography, or pip install "distill_runtime[sign]"'):
        import distill_runtime.policy.keys  # noqa: F401
    if args.new_key:
        if args.model or args.output:
            raise ConfigError('--new-key is given with a model, expected it without')
        return _make_key(Path(args.new_key).expanduser())
    if not args.model:
        raise ConfigError('MODEL is missing, expected it with --key or --verify')
    model = Path(args.model).expanduser()
    if args.verify:
        if args.output:
            raise ConfigError(
                '--verify is given with --output, expected it without: it writes nothing'
            )
        return _verify(model, args.verify)
    output = Path(args.output).expanduser() if args.output else None
    return _sign(model, Path(args.key).expanduser(), output, args.force)


def _make_key(path: Path) -> int:
    from distill_runtime.policy.keys import write_new_key

    public, mark = write_new_key(path)
    print(f'{path}: private key, keep it on this computer, readable by its owner only')
    print(f'{public}: public key {mark}, for trusted_keys of the robots')
    return 0


def _verify(model: Path, keys: list[str]) -> int:
    from distill_runtime.errors import SignatureError
    from distill_runtime.policy.keys import check_signature, read_public_keys
    from distill_runtime.policy.model_file.onnx_facts import MAX_BYTES, read_file

    trusted = read_public_keys(keys)
    try:
        key = check_signature(read_file(model, MAX_BYTES), str(model), trusted)
    except SignatureError as refusal:
        print(refusal)
        return 1
    print(f'model {model} is signed with {key}, unaltered')
    return 0


def _sign(model: Path, key: Path, output: Path | None, is_forced: bool) -> int:
    from getpass import getpass
    import hashlib

    from distill_runtime.errors import ConfigError, ModelError
    from distill_runtime.policy.keys import read_private_key, sign_model
    from distill_runtime.policy.model import load_policy
    from distill_runtime.policy.model_file.model_files import write_model
    from distill_runtime.policy.model_file.onnx_facts import MAX_BYTES, read_file
    from distill_runtime.policy.signature import fingerprint, split_signatures
    from distill_runtime.policy.trust import SIGNED_ONLY

    if output is not None and output.exists() and not is_forced:
        raise ConfigError(f'{output} exists already, not overwriting: give --force to replace it')
    private = read_private_key(key, lambda: getpass(f'password of {key}: '))
    content = read_file(model, MAX_BYTES)
    try:
        policy = load_policy(model, trust=SIGNED_ONLY)
    except (ConfigError, ModelError) as error:
        raise ModelError(
            f'{model} is not self-contained, expected a model of distill-runtime pack: {error}'
        ) from error
    if policy.sha256 != hashlib.sha256(content).hexdigest():
        raise ModelError(f'{model} changed while it was read: try again')
    try:
        signed = sign_model(content, private)
    except ModelError as error:
        raise ModelError(f'{model} is not signed: {error}') from error
    target = model.resolve() if output is None else output
    write_model(target, signed, overwrite=output is None or is_forced)
    marks = [fingerprint(signature.key) for signature in split_signatures(signed).signatures]
    print(f'{target}: policy {policy.spec.name}, sha256 {hashlib.sha256(signed).hexdigest()}')
    print(f'signed with {", ".join(marks)}')
    return 0
