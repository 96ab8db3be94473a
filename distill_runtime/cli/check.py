# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""`distill-runtime check`: do a model, its spec and a robot agree? Run it before motors do."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from distill_runtime.cli.terminal.arguments import (
    add_keys_argument,
    add_policy_arguments,
    add_topic_argument,
    read_topics,
)

if TYPE_CHECKING:
    from distill_runtime.cli.check_output.bag import BagInspection
    from distill_runtime.policy.validation import Validation

DESCRIPTION = """
Load a model as the node would, and show its contract with the robot: the index of each term in the
observation, its scale and the order of its frames, joints in policy and in robot order, gains,
limits, how outputs become commands, and the source of each field. Then run it: golden vectors,
inference on random observations, and the first step of a robot that stands still and level in its
default pose ("at rest" in the tables). Each finding comes with a hint. With a recording of the
robot (--bag) the policy also runs over the recorded sensors: units, frames and signs of the inputs
are checked, and whether the targets explain the recorded commands or efforts.
"""
EPILOG = """
how to read it:
  at rest     observation of the network: projected_gravity 0 0 -1, relative joint positions 0; and
              the first target relative to the default: small, similar on both sides
  newest      indices of the newest frame: before or after the others?
  robot #     motor index of a joint on the robot; without --robot names are not compared

examples:
  distill-runtime check student.onnx
  distill-runtime check policy.onnx --robot unitree_g1_29dof
  distill-runtime check policy.onnx --spec policy.yaml --robot robot.urdf
  distill-runtime check policy.onnx --robot unitree_go2 --bag walk/ --topic imu:=/imu/data
  distill-runtime check walk.onnx --trusted-keys release.pub.pem
  distill-runtime check policy.onnx --json - | jq '.findings[] | select(.severity == "error")'

json: deployable, findings [code, severity, message, hint], spec, sources {field: where from},
conflicts, model {path, sha256, inputs, outputs, opset, signatures [key, valid]}, observation
(index ranges, both ends in them), dry_run, limits {soft, clip, torque: share of the targets of
golden vectors or dry run that each limit changes}, target_at_rest, bag (with --bag) {path, topics,
ticks, valid_ticks, reference, explained {joint: share}}

exit status: 0 deployable (there may be warnings), 1 errors: the file is a model, but its spec is
missing, incomplete or wrong, or its network is, 2 no readable model, spec file or recording, or
wrong usage
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    add_policy_arguments(parser)
    parser.add_argument(
        '--bag', metavar='B', help='recording of the robot: rosbag2 folder, .mcap, .db3 or .bag'
    )
    add_topic_argument(parser)
    add_keys_argument(
        parser,
        '--trusted-keys',
        'public key, may be repeated: load as a robot with these trusted_keys would; files '
        'beside the model are ignored',
    )
    parser.add_argument('--json', metavar='F', help='write the result to a file; -: print it')


def run(args: argparse.Namespace) -> int:
    """Carry out the command; return the exit status."""
    import dataclasses

    from distill_runtime.cli.check_output.model import read_model_facts
    from distill_runtime.cli.check_output.page import check_page
    from distill_runtime.cli.check_output.report import check_report
    from distill_runtime.cli.terminal.output import write_json
    from distill_runtime.cli.terminal.page import print_page
    from distill_runtime.policy.trust import make_trust
    from distill_runtime.policy.validation import file_findings, validate_model
    from distill_runtime.spec.files import MAX_BYTES, read_bytes
    from distill_runtime.spec.findings.registry import sorted_findings

    model = Path(args.model).expanduser()
    spec = Path(args.spec).expanduser() if args.spec else None
    if spec is not None:
        read_bytes(spec, MAX_BYTES)  # a missing file is wrong usage; wrong content is a finding
    trust = make_trust(trusted_keys=args.trusted_keys)
    found = validate_model(model, spec, args.robot, trust)
    facts = read_model_facts(found)
    found = dataclasses.replace(
        found,
        findings=sorted_findings(
            [*found.findings, *file_findings(facts.onnx), *facts.signature.findings()]
        ),
    )
    bag = _read_bag(found, args) if args.bag else None
    if bag is not None:
        found = dataclasses.replace(
            found, findings=sorted_findings([*found.findings, *bag.inspection.findings])
        )
    if args.json:
        report = check_report(found, facts)
        write_json(args.json, report if bag is None else {**report, 'bag': bag.report()})
    if args.json != '-':
        recording = [] if bag is None else [bag.section()]
        print_page(check_page(found, facts.rows(found), recording))
    return 0 if found.is_deployable else 1


def _read_bag(found: Validation, args: argparse.Namespace) -> BagInspection:
    """Read and inspect the recording."""
    from distill_runtime.cli.terminal.extras import of_extra

    with of_extra('bags'):
        from distill_runtime.cli.check_output.bag import BagInspection
    return BagInspection(found, args.bag, read_topics(args.topic))
