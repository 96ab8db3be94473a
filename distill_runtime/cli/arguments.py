# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Arguments that several commands have."""

from __future__ import annotations

import argparse


def add_policy_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the model, and what completes it."""
    parser.add_argument('model', metavar='MODEL', help='ONNX policy')
    parser.add_argument(
        '--spec',
        metavar='F',
        default='',
        help='spec file that overrides or completes what the model says',
    )
    parser.add_argument('--robot', default='', help='robot profile, or path of a URDF')


def add_topic_argument(parser: argparse._ActionsContainer) -> None:
    """Add the names that topics have in a recording; check_bag.read_topics reads them."""
    parser.add_argument(
        '--topic',
        metavar='NAME:=TOPIC',
        action='append',
        default=[],
        help='topic of the recording that is joint_states, imu, odom, cmd_vel or joint_command',
    )
