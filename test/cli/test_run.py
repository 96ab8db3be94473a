# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import sys

from distill_runtime.cli import run
from distill_runtime.cli.main import main, make_parser
import pytest


def parse(*words):
    return make_parser('run').parse_args(['run', *words])


def arguments(*words):
    return run.ros_arguments(parse(*words))


def test_paths_are_made_absolute(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv('HOME', '/home/robot')
    words = arguments('a.onnx', '--spec', '~/a.yaml', '--robot', 'b.urdf')
    assert f"model:='{tmp_path}/a.onnx'" in words
    assert "spec:='/home/robot/a.yaml'" in words
    assert f"robot_description:='{tmp_path}/b.urdf'" in words
    assert not any(word.startswith('robot:=') for word in words)


def test_parameters_override_files():
    words = arguments(
        '/a.onnx', '--robot', 'spot', '-p', 'shadow:=true', '--params-file', 'p.yaml', '-r', 'a:=b'
    )
    assert words == [
        'student_node', '--ros-args', '-p', 'autostart:=true', '--params-file', 'p.yaml',
        '-p', 'shadow:=true', '-p', "model:='/a.onnx'", '-p', "robot:='spot'", '-r', 'a:=b',
    ]  # fmt: skip


def test_file_names_are_quoted():
    assert "model:='/it''s: #1.onnx'" in arguments("/it's: #1.onnx")


@pytest.mark.needs('ros')
def test_node_reads_the_arguments(tmp_path):
    import rclpy
    from rclpy.context import Context

    file = tmp_path / 'p.yaml'
    file.write_text('/**:\n  ros__parameters: {model: no.onnx, tilt_limit: 0.5, ramp_time: 1.0}\n')
    words = arguments(
        "/it's: #1.onnx", '--params-file', str(file), '-p', 'tilt_limit:=0.7', '-r', '__ns:=/left'
    )
    context = Context()
    rclpy.init(args=words, context=context)
    try:
        node = rclpy.create_node(
            'student_node', context=context, automatically_declare_parameters_from_overrides=True
        )
        values = {
            name: node.get_parameter(name).value
            for name in ('model', 'tilt_limit', 'ramp_time', 'autostart')
        }
        namespace = node.get_namespace()
        node.destroy_node()
    finally:
        rclpy.shutdown(context=context)
    assert values == {
        'model': "/it's: #1.onnx", 'tilt_limit': 0.7, 'ramp_time': 1.0, 'autostart': True
    }  # fmt: skip
    assert namespace == '/left'


@pytest.mark.parametrize(
    ('words', 'message'),
    [
        (['-p', 'shadow=true'], "'shadow=true' is not of the form name:=value"),
        (['-p', 'record_to:='], "'record_to:=' is not of the form name:=value"),
        (['-p', 'model:=b.onnx'], 'model is given by MODEL, not by -p'),
        (['-p', 'student_node:robot:=spot'], 'robot is given by --robot, not by -p'),
        (['-p', 'robot_description:=a.urdf'], 'robot_description is given by --robot'),
        (['-r', 'imu'], "'imu' is not of the form from:=to"),
        ([], 'required: MODEL'),
    ],
)
def test_wrong_usage_ends_with_2(capsys, words, message):
    model = ['a.onnx'] if words else []
    with pytest.raises(SystemExit) as error:
        parse(*model, *words)
    assert error.value.code == 2
    assert message in capsys.readouterr().err


def test_missing_ros_is_one_line_with_a_hint(capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, 'rclpy', None)
    for name in [name for name in sys.modules if name.startswith('distill_runtime.ros')]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.delattr('distill_runtime.ros', raising=False)
    assert main(['run', 'a.onnx']) == 2
    message = capsys.readouterr().err
    assert 'rclpy is not installed: source a ROS 2' in message
    assert message.count('\n') == 1


def test_exit_status_is_that_of_the_node(monkeypatch):
    pytest.importorskip('rclpy')
    from distill_runtime.ros import student_node

    given = []
    monkeypatch.setattr(student_node, 'main', lambda args: given.append(args) or 2)
    assert main(['run', '/a.onnx']) == 2
    assert given[0] == arguments('/a.onnx')
