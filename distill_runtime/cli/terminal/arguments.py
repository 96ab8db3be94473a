# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Command-line arguments that several commands share."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from functools import partial

from distill_runtime.spec.mapping import read_pairs

MODEL_PARAMETERS = {
    'model': 'MODEL',
    'spec': '--spec',
    'robot': '--robot',
    'robot_description': '--robot',
}
"""Parameters of student_node that add_policy_arguments sets, with the argument."""


def add_policy_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the model, its spec file and its robot."""
    parser.add_argument('model', metavar='MODEL', help='ONNX policy')
    parser.add_argument(
        '--spec',
        metavar='F',
        default='',
        help='spec file that overrides or completes the spec of the model',
    )
    parser.add_argument('--robot', default='', help='robot profile, or path of a URDF')


def add_topic_argument(parser: argparse._ActionsContainer) -> None:
    """Add topic remappings for a recording; ``read_topics`` parses them."""
    parser.add_argument(
        '--topic',
        metavar='NAME:=TOPIC',
        action='append',
        default=[],
        help='topic of the recording that is joint_states, imu, odom, cmd_vel or joint_command',
    )


def add_worker_arguments(parser: argparse._ActionsContainer) -> None:
    """Add where to do work on many recordings."""
    parser.add_argument(
        '--workers', metavar='N', type=_positive, default=1, help='processes (default: 1)'
    )
    parser.add_argument(
        '--ray',
        metavar='ADDRESS',
        default='',
        help="run on a Ray cluster instead: its address, 'auto', or 'local' to start one of "
        '--workers processes; every machine must see the files under the same path',
    )


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(
            f'{text} is not a number of processes, expected 1 or more'
        )
    return number


def read_topics(words: Sequence[str]) -> dict[str, str]:
    """Parse topic remappings such as imu:=/imu/data.

    Raises:
        ConfigError: If one is not of this form.
    """
    return read_pairs(words, '--topic', 'NAME:=TOPIC, such as imu:=/imu/data')


def add_param_argument(
    parser: argparse._ActionsContainer, text: str, given: Mapping[str, str] = MODEL_PARAMETERS
) -> None:
    """Add parameters of student_node in ROS form: name:=value, the value as YAML.

    Args:
        parser: Parser to add the option to.
        text: Help of the option.
        given: Parameters that other arguments set, refused here.
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
    """Add public keys, one per option, so that no following argument is read as a key."""
    parser.add_argument(
        option, metavar='PUB.pem', action='append', default=[], type=_key, help=text
    )


def quoted(text: str) -> str:
    """Quote a string for YAML, which is how ROS parses parameter values."""
    return "'" + text.replace("'", "''") + "'"


def _parameter(given: Mapping[str, str], text: str) -> str:
    name, separator, value = text.partition(':=')
    if not (separator and name and value):
        raise argparse.ArgumentTypeError(f'{text!r} is not of the form name:=value')
    parameter = name.rpartition(':')[2]
    if parameter in given:
        raise argparse.ArgumentTypeError(f'{parameter} is given by {given[parameter]}, not by -p')
    return text


def _key(text: str) -> str:
    """Reject '', as from an empty shell variable: it would disable signature checks."""
    if not text:
        raise argparse.ArgumentTypeError("'' is not a path of a key")
    return text
