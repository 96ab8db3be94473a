# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Run a policy on a robot: student_node, and on request a recording of what it saw and did."""

from launch.actions import DeclareLaunchArgument, ExecuteProcess, Shutdown
from launch.conditions import IfCondition
from launch.substitutions import LaunchConfiguration, PathJoinSubstitution
from launch_ros.actions import LifecycleNode
from launch_ros.parameter_descriptions import ParameterValue
from launch_ros.substitutions import FindPackageShare

from launch import LaunchDescription

RECORDED_TOPICS = (
    'joint_states',
    'imu',
    'cmd_vel',
    'odom',
    'joint_command',
    'student_node/tick',
    'student_node/observation',
    'student_node/action',
)


def generate_launch_description() -> LaunchDescription:
    """Return the node and the recorder."""
    share = FindPackageShare('distill_runtime')
    arguments = [
        DeclareLaunchArgument('model', description='ONNX file of the policy'),
        DeclareLaunchArgument('spec', default_value='', description='spec file of the model'),
        DeclareLaunchArgument(
            'robot', default_value='', description='robot profile, a file stem of config/robots'
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
        DeclareLaunchArgument('use_sim_time', default_value='false', description='follow /clock'),
        DeclareLaunchArgument(
            'record', default_value='false', description='record inputs, commands and ticks (MCAP)'
        ),
        DeclareLaunchArgument(
            'record_to', default_value='student_bag', description='folder of the recording'
        ),
    ]
    student = LifecycleNode(
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
        ],
        output='screen',
        on_exit=Shutdown(reason='student_node ended'),
    )
    recorder = ExecuteProcess(
        cmd=[
            *('ros2', 'bag', 'record', '--storage', 'mcap', '--output'),
            LaunchConfiguration('record_to'),
            *(
                PathJoinSubstitution(['/', LaunchConfiguration('namespace'), topic])
                for topic in RECORDED_TOPICS
            ),
        ],
        condition=IfCondition(LaunchConfiguration('record')),
        output='screen',
    )
    return LaunchDescription([*arguments, student, recorder])
