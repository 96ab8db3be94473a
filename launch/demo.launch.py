# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""A simulated quadruped walks: sim_node in the place of the robot, and student.launch.py."""

from launch.actions import DeclareLaunchArgument, IncludeLaunchDescription
from launch.launch_description_sources import PythonLaunchDescriptionSource
from launch.substitutions import LaunchConfiguration, PathJoinSubstitution
from launch_ros.actions import Node
from launch_ros.parameter_descriptions import ParameterValue
from launch_ros.substitutions import FindPackageShare

from launch import LaunchDescription


def generate_launch_description() -> LaunchDescription:
    """Return the simulator and the policy's node."""
    share = FindPackageShare('distill_runtime')
    arguments = [
        DeclareLaunchArgument(
            'model',
            default_value=PathJoinSubstitution([share, 'models', 'quadruped_student.onnx']),
            description='ONNX file of the policy',
        ),
        DeclareLaunchArgument('robot', default_value='', description='robot profile'),
        DeclareLaunchArgument(
            'scene', default_value='', description='MJCF; the quadruped if empty'
        ),
        DeclareLaunchArgument(
            'velocity',
            default_value='[0.5, 0.0, 0.0]',
            description='vx, vy in m/s, yaw rate in rad/s; [] to publish cmd_vel yourself',
        ),
        DeclareLaunchArgument('record', default_value='false', description='record the run'),
        DeclareLaunchArgument(
            'record_to', default_value='student_bag', description='folder of the recording'
        ),
    ]
    simulator = Node(
        package='distill_runtime',
        executable='sim_node',
        name='sim_node',
        parameters=[
            {
                name: ParameterValue(LaunchConfiguration(name), value_type=str)
                for name in ('model', 'robot', 'scene')
            },
            {'velocity_command': LaunchConfiguration('velocity')},
        ],
        output='screen',
    )
    student = IncludeLaunchDescription(
        PythonLaunchDescriptionSource(
            PathJoinSubstitution([share, 'launch', 'student.launch.py'])
        ),
        launch_arguments={
            'model': LaunchConfiguration('model'),
            'robot': LaunchConfiguration('robot'),
            'record': LaunchConfiguration('record'),
            'record_to': LaunchConfiguration('record_to'),
            'start_in': 'policy',
        }.items(),
    )
    return LaunchDescription([*arguments, simulator, student])
