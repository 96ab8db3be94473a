# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Play a recording into a student_node that computes everything and sends nothing.

All topics are in a namespace, the clock too: a running robot is not disturbed.
For a verdict take `distill-runtime replay`, which needs no ROS.
"""

from __future__ import annotations

from distill_runtime.ros import ros2_bag
from distill_runtime.ros.launch_files import arguments, end_launch
from launch import LaunchContext, LaunchDescription, LaunchDescriptionEntity
from launch.actions import EmitEvent, ExecuteProcess, OpaqueFunction, RegisterEventHandler
from launch.event_handlers import OnProcessStart
from launch.events import matches_action
from launch.substitutions import LaunchConfiguration, PathJoinSubstitution
from launch_ros.actions import LifecycleNode
from launch_ros.event_handlers import OnStateTransition
from launch_ros.events.lifecycle import ChangeState
from launch_ros.parameter_descriptions import ParameterValue
from launch_ros.substitutions import FindPackageShare
from lifecycle_msgs.msg import Transition

GLOBAL = ('/clock', '/diagnostics')
"""Topics outside of any namespace."""


def generate_launch_description() -> LaunchDescription:
    """Return the node and the player."""
    share = FindPackageShare('distill_runtime')
    return LaunchDescription(
        [
            *arguments(
                ('bag', None, 'recording: folder, .mcap or .db3'),
                ('model', None, 'ONNX file of the policy'),
                ('spec', '', 'spec file of the model'),
                ('robot', '', 'robot profile, a file stem of config/robots'),
                (
                    'params_file',
                    PathJoinSubstitution([share, 'config', 'student_node.yaml']),
                    'parameters of student_node; what moves or records is turned off',
                ),
                ('rate', '1.0', 'of real time'),
                ('namespace', 'replay', 'of node, topics and clock'),
                *((name, f'/{name}', 'its name in the recording') for name in ros2_bag.INPUTS),
            ),
            OpaqueFunction(function=_actions),
        ]
    )


def _actions(context: LaunchContext) -> list[LaunchDescriptionEntity]:
    """Return the node, and the player that starts once it is active."""
    if not ros2_bag.is_there():
        raise RuntimeError(
            'no ros2 bag here, expected the one of ROS 2 (apt: ros-$ROS_DISTRO-rosbag2); '
            'distill-runtime replay BAG MODEL runs a policy over a recording without it'
        )
    text = context.launch_configurations
    externals = ros2_bag.external_topics(text['model'], text['spec'], text['robot'])
    recorded = [text[name] for name in ros2_bag.INPUTS] + ros2_bag.resolved(externals)
    renamed = ros2_bag.resolved([*ros2_bag.INPUTS, *externals], text['namespace'])
    moved = {
        name: f'/{text["namespace"].strip("/")}{name}'.replace('//', '/')
        for name in (*GLOBAL, *(topic for topic in externals if topic.startswith('/')))
    }
    names = {source: moved.get(name, name) for source, name in zip(recorded, renamed, strict=True)}
    student = _student(moved)
    player = ExecuteProcess(
        cmd=ros2_bag.play_words(text['bag'], {**names, '/clock': moved['/clock']}, text['rate']),
        name='player',
        output='screen',
        on_exit=end_launch,
    )
    return [
        student,
        RegisterEventHandler(
            OnProcessStart(
                target_action=student,
                on_start=[_change(student, Transition.TRANSITION_CONFIGURE)],
            )
        ),
        *(
            RegisterEventHandler(
                OnStateTransition(
                    target_lifecycle_node=student,
                    start_state=start,
                    goal_state=goal,
                    entities=[action],
                )
            )
            for start, goal, action in (
                ('configuring', 'unconfigured', OpaqueFunction(function=_refuse)),
                ('configuring', 'inactive', _change(student, Transition.TRANSITION_ACTIVATE)),
                ('activating', 'active', player),
            )
        ),
    ]


def _refuse(context: LaunchContext) -> None:
    """End the launch: the node has logged why."""
    raise RuntimeError('student_node refused its configuration: its last lines above say why')


def _change(student: LifecycleNode, transition: int) -> EmitEvent:
    """Return the request for a change of state."""
    return EmitEvent(
        event=ChangeState(lifecycle_node_matcher=matches_action(student), transition_id=transition)
    )


def _student(moved: dict[str, str]) -> LifecycleNode:
    """Return the node.

    Args:
        moved: New names of topics that its namespace leaves where they are.
    """
    return LifecycleNode(
        package='distill_runtime',
        executable='student_node',
        name=ros2_bag.NODE,
        namespace=LaunchConfiguration('namespace'),
        parameters=[
            LaunchConfiguration('params_file'),
            {
                name: ParameterValue(LaunchConfiguration(name), value_type=str)
                for name in ('model', 'spec', 'robot')
            },
            {
                'shadow': True,
                'use_sim_time': True,
                'autostart': False,
                'start_in': 'policy',
                'publish_internals': True,
                'blackbox_dir': '',
                'record_to': '',
                'realtime_priority': 0,
                'lock_memory': False,
                'cpu_affinity': [-1],
            },
        ],
        remappings=list(moved.items()),
        output='screen',
        on_exit=end_launch,
    )
