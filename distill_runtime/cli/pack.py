# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""`distill-runtime pack`: write a policy as one self-contained ONNX file."""

from __future__ import annotations

import argparse
from pathlib import Path

from distill_runtime.cli.terminal.arguments import add_policy_arguments

DESCRIPTION = """
Write one self-contained model file: the unchanged graph, external weights embedded, its spec at
full precision, golden vectors that verify the network at every load, and the provenance of all of
it. The file needs no side-car: copy it to the robot, and set it as the parameter model.
"""
EPILOG = """
With --robot the limits of the robot become part of the spec. Golden vectors of the model are kept;
otherwise its first steps are recorded here, at rest and on random sensors. Metadata for other
programs (joint_names, default_joint_pos, action_scale, ... as mjlab writes them) is written where
it can represent the spec. The same files give the same bytes.

examples:
  distill-runtime pack policy.onnx --robot unitree_g1_29dof -o g1_walk.onnx
  distill-runtime pack policy.onnx --spec policy.yaml -o packed.onnx
  distill-runtime check packed.onnx

exit status: 0 written, 2 the model or its spec is refused, the file exists, or wrong usage
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    add_policy_arguments(parser)
    parser.add_argument('-o', '--output', required=True, metavar='OUT.onnx', help='file to write')
    parser.add_argument('--force', action='store_true', help='replace the file if it exists')


def run(args: argparse.Namespace) -> int:
    """Carry out the command; return the exit status."""
    from distill_runtime.cli.terminal.extras import of_extra
    from distill_runtime.errors import ConfigError
    from distill_runtime.policy.model import load_policy

    with of_extra('onnx'):
        from distill_runtime.policy.pack import pack, provenance_of
    from distill_runtime.policy.model_file.model_files import sha256_of, write_model
    from distill_runtime.policy.self_test import record_self_test
    from distill_runtime.policy.signature import SIGNATURE_KEY

    model, output = Path(args.model).expanduser(), Path(args.output).expanduser()
    if output.exists() and not args.force:
        raise ConfigError(f'{output} exists already, not overwriting: give --force to replace it')
    spec = Path(args.spec).expanduser() if args.spec else None
    policy = load_policy(model, spec, args.robot)
    golden = policy.spec.golden
    origin = 'of the model'
    if golden is None:
        golden, origin = record_self_test(policy), 'recorded here'
    content = pack(model, policy.spec, golden, provenance_of(policy))
    write_model(output, content, overwrite=args.force)
    print(f'{output}: {len(content) / 1024:.0f} KiB, sha256 {sha256_of([output])}')
    print(f'policy {policy.spec.name}, {len(golden.action)} golden steps {origin}')
    sources = (source.partition(': ')[0] for source in policy.sourced.sources.values())
    print(f'spec from {", ".join(dict.fromkeys(sources))}')
    if SIGNATURE_KEY in policy.graph.metadata:
        print(f'signature of {model} is dropped: sign {output} again with distill-runtime sign')
    return 0
