# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""A simulated quadruped walks: sim_node instead of the robot, and student.launch.py.

Every argument of student.launch.py holds here, too; where both nodes are concerned both get it.
"""

from __future__ import annotations

from distill_runtime.ros import ros2_bag
from distill_runtime.ros.launch_files import arguments, end_launch
from launch import LaunchContext, LaunchDescription, LaunchDescriptionEntity
from launch.actions import IncludeLaunchDescription, OpaqueFunction
from launch.launch_description_sources import PythonLaunchDescriptionSource
from launch.substitutions import LaunchConfiguration, PathJoinSubstitution
from launch_ros.actions import Node
from launch_ros.parameter_descriptions import ParameterValue
from launch_ros.substitutions import FindPackageShare
import yaml

TEXTS = ('model', 'spec', 'robot', 'robot_description', 'scene', 'command_type')


def generate_launch_description() -> LaunchDescription:
    """Return the simulator and the policy's node."""
    share = FindPackageShare('distill_runtime')
    return LaunchDescription(
        [
            *arguments(
                (
                    'model',
                    PathJoinSubstitution([share, 'models', 'quadruped_student.onnx']),
                    'ONNX file of the policy',
                ),
                ('scene', '', 'MJCF; the quadruped if empty'),
                (
                    'velocity',
                    '[0.5, 0.0, 0.0]',
                    'vx, vy in m/s, yaw rate in rad/s; [] to publish cmd_vel yourself',
                ),
                ('start_in', 'policy', 'standby, or policy at once'),
                (
                    'command_type',
                    'joint_state',
                    'what joint_command is, whatever params_file says',
                ),
                start_in=['standby', 'policy'],
                command_type=['joint_state', 'position_array', 'trajectory', 'effort'],
            ),
            # rejected before anything runs: launch leaves processes running that are just starting
            OpaqueFunction(function=_check),
            IncludeLaunchDescription(
                PythonLaunchDescriptionSource(
                    PathJoinSubstitution([share, 'launch', 'student.launch.py'])
                ),
                # launch passes on the others; one without default must be given
                launch_arguments=[('model', LaunchConfiguration('model'))],
            ),
            OpaqueFunction(function=_simulator),
        ]
    )


def _check(context: LaunchContext) -> None:
    """Refuse a velocity that is none."""
    _velocity(context.launch_configurations['velocity'])


def _simulator(context: LaunchContext) -> list[LaunchDescriptionEntity]:
    """Return the robot, once student.launch.py has given its arguments their defaults."""
    text = context.launch_configurations
    parameters: dict[str, object] = {
        name: ParameterValue(LaunchConfiguration(name), value_type=str) for name in TEXTS
    }
    parameters['publish_clock'] = ParameterValue(
        LaunchConfiguration('use_sim_time'), value_type=bool
    )
    velocity = _velocity(text['velocity'])
    if velocity:
        parameters['velocity_command'] = velocity
    return [
        Node(
            package='distill_runtime',
            executable='sim_node',
            name='sim_node',
            namespace=text['namespace'],
            parameters=[parameters],
            remappings=[(name, text[name]) for name in ros2_bag.REMAPPED if text[name] != name],
            output='screen',
            on_exit=end_launch,
        )
    ]


def _velocity(text: str) -> list[float]:
    """Return vx, vy in [m]/[s] and the yaw rate in [rad]/[s]; [] if another node sends cmd_vel.

    Raises:
        RuntimeError: If the text is no list of numbers.
    """
    try:
        return [float(number) for number in yaml.safe_load(text)]
    except (TypeError, ValueError, yaml.YAMLError):
        raise RuntimeError(
            f'velocity is {text}, expected [vx, vy, yaw rate] in m/s and rad/s, or [] '
            'where you publish cmd_vel yourself'
        ) from None
