# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Run a policy on a robot: student_node, and on request a recording of what it saw and did.

Exit status: 1 if the policy is refused, or if node or recorder fails; 0 after Ctrl-C.
"""

from __future__ import annotations

from distill_runtime.ros import ros2_bag
from distill_runtime.ros.launch_files import arguments, end_launch, end_with_recorder
from launch import LaunchContext, LaunchDescription, LaunchDescriptionEntity
from launch.actions import ExecuteProcess, LogInfo, OpaqueFunction
from launch.substitutions import LaunchConfiguration, PathJoinSubstitution
from launch_ros.actions import LifecycleNode
from launch_ros.parameter_descriptions import ParameterValue
from launch_ros.substitutions import FindPackageShare

BOOLEANS = ['true', 'false', 'True', 'False', '1', '0']
TEXTS = ('model', 'spec', 'robot', 'start_in')
"""Parameters that are plain text even where it looks like another type: a file named 1.onnx."""
SWITCHES = ('autostart', 'use_sim_time')


PARAMS_FILE = PathJoinSubstitution(
    [FindPackageShare('distill_runtime'), 'config', 'student_node.yaml']
)
ARGUMENTS = (
    ('model', None, 'ONNX file of the policy'),
    ('spec', '', 'spec file of the model'),
    ('robot', '', 'robot profile, a file stem of config/robots'),
    ('params_file', PARAMS_FILE, 'parameters of student_node'),
    ('autostart', 'true', 'configure and activate at start'),
    ('start_in', 'standby', 'standby, or policy at once'),
    ('namespace', '', 'of node and topics'),
    ('use_sim_time', 'false', 'follow /clock'),
    (
        'robot_description',
        '',
        'URDF in place of robot: file, XML text, or std_msgs/String topic that has it '
        '(/robot_description); empty: as in params_file',
    ),
    ('command_type', '', 'what joint_command is; empty: as in params_file'),
    ('control_rate', '', "Hz, a whole multiple of the policy's rate; empty: as in params_file"),
    ('shadow', '', 'compute everything and send no command; empty: as in params_file'),
    (
        'realtime_priority',
        '',
        'SCHED_FIFO priority of the control thread, 1 to 99, 0 for none; empty: as in params_file',
    ),
    *((name, name, 'name that this topic is to have') for name in ros2_bag.REMAPPED),
    (
        'record',
        'false',
        'record what an exact replay needs (MCAP): with ros2 bag, or by the node itself where '
        'there is none',
    ),
    ('record_to', 'student_bags', 'folder of the recordings, each named by time and node'),
)
"""Name, default and description."""
CHOICES = {
    'autostart': BOOLEANS,
    'start_in': ['standby', 'policy'],
    'use_sim_time': BOOLEANS,
    'command_type': ['', 'joint_state', 'position_array', 'trajectory', 'effort'],
    'shadow': ['', *BOOLEANS],
    'record': BOOLEANS,
}


def generate_launch_description() -> LaunchDescription:
    """Return the node and the recorder."""
    return LaunchDescription(
        [*arguments(*ARGUMENTS, **CHOICES), OpaqueFunction(function=_actions)]
    )


def _actions(context: LaunchContext) -> list[LaunchDescriptionEntity]:
    """Return the node, and what records it."""
    text = context.launch_configurations
    if text['record'].lower() not in ('true', '1'):
        return [_student(text, {})]
    folder = ros2_bag.recordings_folder(text['record_to'])
    if not ros2_bag.is_there():
        notice = f'no ros2 bag here: student_node records by itself, into the folder {folder}'
        parameters = {'record_to': ParameterValue(folder, value_type=str)}
        return [LogInfo(msg=notice), _student(text, parameters)]
    robot = text['robot'] or text['robot_description']
    externals = ros2_bag.external_topics(text['model'], text['spec'], robot)
    names = [text.get(name, name) for name in ros2_bag.RECORDED]
    topics = ros2_bag.resolved([*names, *externals], text['namespace'])
    bag = ros2_bag.new_recording(folder, text['namespace'])
    recorder = ExecuteProcess(
        cmd=ros2_bag.record_words(bag, topics),
        name='recorder',
        output='screen',
        on_exit=end_with_recorder,
    )
    # an argument that launch refuses is refused before the recorder runs
    return [_student(text, {'publish_internals': True}), recorder]


def _student(text: dict[str, str], more: dict[str, ParameterValue | bool]) -> LifecycleNode:
    """Return the node.

    Args:
        text: Values of the arguments.
        more: Parameters that its recording needs.
    """
    parameters = {
        **{name: ParameterValue(LaunchConfiguration(name), value_type=str) for name in TEXTS},
        **{name: ParameterValue(LaunchConfiguration(name), value_type=bool) for name in SWITCHES},
        **more,
    }
    for name, kind in (('robot_description', str), ('command_type', str), ('shadow', bool)):
        if text[name]:
            parameters[name] = ParameterValue(LaunchConfiguration(name), value_type=kind)
    for name in ('control_rate', 'realtime_priority'):
        if text[name]:  # the node names the parameter where it is no number
            parameters[name] = LaunchConfiguration(name)
    return LifecycleNode(
        package='distill_runtime',
        executable='student_node',
        name=ros2_bag.NODE,
        namespace=text['namespace'],
        parameters=[LaunchConfiguration('params_file'), parameters],
        remappings=[(name, text[name]) for name in ros2_bag.REMAPPED if text[name] != name],
        output='screen',
        on_exit=end_launch,
    )
