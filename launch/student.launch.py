# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Run a policy on a robot: student_node, and on request a recording of what it saw and did."""

from __future__ import annotations

from distill_runtime.ros import ros2_bag
from launch.actions import (
    DeclareLaunchArgument,
    ExecuteProcess,
    LogInfo,
    OpaqueFunction,
    Shutdown,
)
from launch.events.process import ProcessExited
from launch.substitutions import LaunchConfiguration, PathJoinSubstitution
from launch_ros.actions import LifecycleNode
from launch_ros.parameter_descriptions import ParameterValue
from launch_ros.substitutions import FindPackageShare

from launch import LaunchContext, LaunchDescription, LaunchDescriptionEntity


def generate_launch_description() -> LaunchDescription:
    """Return the node and the recorder."""
    share = FindPackageShare('distill_runtime')
    return LaunchDescription(
        [
            DeclareLaunchArgument('model', description='ONNX file of the policy'),
            DeclareLaunchArgument('spec', default_value='', description='spec file of the model'),
            DeclareLaunchArgument(
                'robot',
                default_value='',
                description='robot profile, a file stem of config/robots',
            ),
            DeclareLaunchArgument(
                'params_file',
                default_value=PathJoinSubstitution([share, 'config', 'student_node.yaml']),
                description='parameters of student_node',
            ),
            DeclareLaunchArgument(
                'autostart', default_value='true', description='configure and activate at start'
            ),
            DeclareLaunchArgument(
                'start_in', default_value='standby', description='standby, or policy at once'
            ),
            DeclareLaunchArgument('namespace', default_value='', description='of node and topics'),
            DeclareLaunchArgument(
                'use_sim_time', default_value='false', description='follow /clock'
            ),
            DeclareLaunchArgument(
                'record',
                default_value='false',
                description='record what an exact replay needs (MCAP): with ros2 bag, or by the '
                'node itself where there is none',
            ),
            DeclareLaunchArgument(
                'record_to', default_value='student_bag', description='folder of the recording'
            ),
            OpaqueFunction(function=_actions),
        ]
    )


def _actions(context: LaunchContext) -> list[LaunchDescriptionEntity]:
    """Return the node, and what records it."""
    text = context.launch_configurations
    if text['record'].lower() not in ('true', '1'):
        return [_student({})]
    folder = text['record_to']
    if not ros2_bag.is_there():
        told = f'no ros2 bag here: student_node records by itself, into the folder {folder}'
        return [LogInfo(msg=told), _student({'record_to': ParameterValue(folder, value_type=str)})]
    externals = ros2_bag.external_topics(text['model'], text['spec'], text['robot'])
    topics = ros2_bag.resolved([*ros2_bag.RECORDED, *externals], text['namespace'])
    recorder = ExecuteProcess(cmd=ros2_bag.record_words(folder, topics), output='screen')
    return [recorder, _student({'publish_internals': True})]


def _end(event: ProcessExited, context: LaunchContext) -> list[LaunchDescriptionEntity]:
    """End with the node, but once: Ctrl-C has ended all already."""
    return [] if context.is_shutdown else [Shutdown(reason=f'{event.process_name} ended')]


def _student(more: dict[str, ParameterValue | bool]) -> LifecycleNode:
    """Return the node.

    Args:
        more: Parameters that its recording needs.
    """
    return LifecycleNode(
        package='distill_runtime',
        executable='student_node',
        name='student_node',
        namespace=LaunchConfiguration('namespace'),
        parameters=[
            LaunchConfiguration('params_file'),
            {
                # plain text even where it looks like another type: a file named 1.onnx, say
                name: ParameterValue(LaunchConfiguration(name), value_type=str)
                for name in ('model', 'spec', 'robot', 'start_in')
            },
            {
                name: ParameterValue(LaunchConfiguration(name), value_type=bool)
                for name in ('autostart', 'use_sim_time')
            },
            *([more] if more else []),
        ],
        output='screen',
        on_exit=_end,
    )
