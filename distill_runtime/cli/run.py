# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""`distill-runtime run`: start student_node without launch, configured and active."""

from __future__ import annotations

import argparse
from pathlib import Path

from distill_runtime.cli.terminal.arguments import add_param_argument, add_policy_arguments, quoted

DESCRIPTION = """
Run a policy on a robot: start student_node, configure and activate it. It reads joint_states, imu
and cmd_vel, publishes joint_command, ramps to the default pose, and waits there for the service
~/start. Ctrl-C sends the fault action (damp by default) and ends. Check the model first:
distill-runtime check MODEL.
"""
EPILOG = """
examples:
  a robot by its profile; its driver listens to a position controller
    distill-runtime run policy.onnx --robot unitree_go2 -p command_type:=position_array \\
      -r joint_command:=/position_controller/commands
    ros2 service call /student_node/start std_srvs/srv/Trigger
  topics of another name, a robot of another namespace
    distill-runtime run policy.onnx -r joint_states:=/robot/joint_states -r imu:=/imu/data
    distill-runtime run policy.onnx -r __ns:=/left
  a shadow run: everything is computed and published for inspection, no command is sent
    distill-runtime run policy.onnx -p shadow:=true -p publish_internals:=true
  a recording of every run, for distill-runtime replay
    distill-runtime run policy.onnx -p record_to:=runs
  parameters from a file, one of them changed
    distill-runtime run policy.onnx --params-file robot.yaml -p tilt_limit:=0.7

exit status: 0 ended by Ctrl-C or SIGTERM, 2 the model or a parameter is refused, or wrong usage
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    add_policy_arguments(parser)
    add_param_argument(parser, 'parameter of student_node; may be repeated, overrides files')
    parser.add_argument(
        '--params-file', metavar='F', action='append', default=[], help='file of ROS parameters'
    )
    parser.add_argument(
        '-r',
        '--remap',
        metavar='from:=to',
        action='append',
        default=[],
        type=_rule,
        help='remap a topic, __node or __ns; may be repeated',
    )


def run(args: argparse.Namespace) -> int:
    """Carry out the command; return the exit status."""
    from distill_runtime.cli.terminal.extras import installed

    with installed(
        'source a ROS 2 (source /opt/ros/jazzy/setup.bash), or install its wheels with: '
        'pip install ros-jazzy-rclpy ros-jazzy-rmw-fastrtps-cpp ros-jazzy-common-interfaces'
    ):
        from distill_runtime.ros import student_node
    return student_node.main(ros_arguments(args))


def ros_arguments(args: argparse.Namespace) -> list[str]:
    """Return the arguments of student_node; later values of a parameter override earlier ones."""
    words = ['student_node', '--ros-args', '-p', 'autostart:=true']
    for file in args.params_file:
        words += ['--params-file', file]
    for assignment in args.param:
        words += ['-p', assignment]
    is_urdf = Path(args.robot).suffix in ('.urdf', '.xml')
    model = {
        'model': _absolute(args.model),
        'spec': _absolute(args.spec) if args.spec else '',
        'robot': '' if is_urdf else args.robot,
        'robot_description': _absolute(args.robot) if is_urdf else '',
    }
    for name, value in model.items():
        if value:
            words += ['-p', f'{name}:={quoted(value)}']
    for rule in args.remap:
        words += ['-r', rule]
    return words


def _absolute(path: str) -> str:
    return str(Path(path).expanduser().absolute())


def _rule(text: str) -> str:
    left, separator, right = text.partition(':=')
    if not (separator and left and right):
        raise argparse.ArgumentTypeError(f'{text!r} is not of the form from:=to')
    return text
