# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Arguments that several commands have."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from functools import partial

MODEL_PARAMETERS = {
    'model': 'MODEL',
    'spec': '--spec',
    'robot': '--robot',
    'robot_description': '--robot',
}
"""Parameters of student_node that add_policy_arguments gives, and how."""


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


def add_param_argument(
    parser: argparse._ActionsContainer, text: str, given: Mapping[str, str] = MODEL_PARAMETERS
) -> None:
    """Add parameters of student_node, each in the form of ROS: name:=value, the value as YAML.

    Args:
        parser: Gets the option.
        text: Its help.
        given: Parameters that other arguments set: those are refused here.
    """
    parser.add_argument(
        '-p',
        '--param',
        metavar='NAME:=VALUE',
        action='append',
        default=[],
        type=partial(_parameter, given),
        help=text,
    )


def add_keys_argument(parser: argparse._ActionsContainer, option: str, text: str) -> None:
    """Add public keys: one per option, so that what follows is not taken for a key."""
    parser.add_argument(
        option, metavar='PUB.pem', action='append', default=[], type=_key, help=text
    )


def quoted(text: str) -> str:
    """Write a string as YAML does: ROS reads the values of parameters so."""
    return "'" + text.replace("'", "''") + "'"


def _parameter(given: Mapping[str, str], text: str) -> str:
    name, separator, value = text.partition(':=')
    if not (separator and name and value):
        raise argparse.ArgumentTypeError(f'{text!r} is not of the form name:=value')
    own = name.rpartition(':')[2]
    if own in given:
        raise argparse.ArgumentTypeError(f'{own} is given by {given[own]}, not by -p')
    return text


def _key(text: str) -> str:
    """Refuse the '' of an empty shell variable: it would mean that no key is needed."""
    if not text:
        raise argparse.ArgumentTypeError("'' is no path of a key")
    return text
