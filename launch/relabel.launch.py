# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Label recordings with teachers; lists are separated by spaces.

ros2 launch distill_runtime relabel.launch.py bags:="walk/ run/" student:=student.onnx \
    teachers:="flat=a.onnx stairs=b.onnx" output:=labels/
"""

from __future__ import annotations

import dataclasses

from distill_runtime.data.relabel.options import HELP, RelabelOptions
from distill_runtime.ros.launch_files import end_launch
from launch import LaunchContext, LaunchDescription, LaunchDescriptionEntity
from launch.actions import DeclareLaunchArgument, OpaqueFunction
from launch_ros.actions import Node
import yaml

REQUIRED = ('bags', 'output', 'student', 'teachers')


def generate_launch_description() -> LaunchDescription:
    """Return the node, with an argument for each of its parameters."""
    arguments = [
        DeclareLaunchArgument(
            field.name,
            default_value=None if field.name in REQUIRED else _text(field.default),
            description=HELP[field.name],
        )
        for field in dataclasses.fields(RelabelOptions)
    ]
    return LaunchDescription([*arguments, OpaqueFunction(function=_actions)])


def _text(default: object) -> str:
    """Return the default of an argument."""
    return '' if isinstance(default, tuple) else str(default)


def _actions(context: LaunchContext) -> list[LaunchDescriptionEntity]:
    parameters: dict[str, object] = {}
    for field in dataclasses.fields(RelabelOptions):
        text = context.launch_configurations[field.name]
        if isinstance(field.default, tuple):
            parameters[field.name] = text.split() or ['']
        elif isinstance(field.default, str):
            parameters[field.name] = text
        else:
            parameters[field.name] = yaml.safe_load(text)
    return [
        Node(
            package='distill_runtime',
            executable='relabel_node',
            output='screen',
            parameters=[parameters],
            on_exit=end_launch,
        )
    ]
