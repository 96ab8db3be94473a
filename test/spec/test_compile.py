# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import math

from distill_runtime.core.sensors import SensorLayout
from distill_runtime.errors import ConfigError
from distill_runtime.spec.compile import compile_spec, sensor_layout
import numpy as np
import pytest
from support.specs import DEFAULT, JOINTS, make_spec

PHASE = {'term': 'gait_phase', 'frequency': 1, 'offsets': [0], 'components': ['cos'],
         'advance': 'after'}  # fmt: skip
SCAN = {'term': 'external', 'topic': '/scan', 'width': 3}


def test_layout_is_in_policy_order_unless_robot_joints_are_given():
    assert sensor_layout(make_spec()).joints == JOINTS
    assert sensor_layout(make_spec(), ('x', *JOINTS)).joints == ('x', *JOINTS)


def test_external_read_twice_is_one_input():
    layout = sensor_layout(make_spec(SCAN, {**SCAN, 'scale': 2.0}))
    assert [(entry.topic, entry.width) for entry in layout.externals] == [('/scan', 3)]


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        ({'width': 4}, r"^external '/scan' has two widths or ages, expected one$"),
        ({'max_age': 1.0}, r"^external '/scan' has two widths or ages, expected one$"),
        ({'width': 7}, r"^external '/scan' has two widths or ages, expected one$"),
    ],
)
def test_external_read_in_two_ways_is_refused(change, message):
    with pytest.raises(ConfigError, match=message):
        sensor_layout(make_spec(SCAN, {**SCAN, **change}))


def test_topic_of_two_message_types_is_refused():
    goal = {**SCAN, 'width': 7}
    with pytest.raises(ConfigError, match=r"^external '/scan' has two message types, expected"):
        sensor_layout(make_spec(goal, {**goal, 'message': 'PoseStamped'}))


def test_joint_that_the_robot_lacks_is_refused():
    with pytest.raises(
        ConfigError,
        match=r"^joint 'knee' is in the policy but not on the robot, which has \['hip', 'ank",
    ):
        compile_spec(make_spec(), SensorLayout(joints=('hip', 'ankle')))


def test_external_that_the_layout_lacks_is_refused():
    with pytest.raises(ConfigError, match=r"^external input '/scan' is not in the sensor layout"):
        compile_spec(make_spec(SCAN), SensorLayout(joints=JOINTS))


@pytest.mark.parametrize(
    ('term', 'needs'),
    [
        ({'term': 'joint_velocity'}, (False, False, False)),
        ({'term': 'last_action'}, (False, False, False)),
        ({'term': 'projected_gravity'}, (True, False, False)),
        ({'term': 'base_angular_velocity'}, (True, False, False)),
        ({'term': 'base_linear_velocity'}, (False, True, False)),
        ({'term': 'velocity_command'}, (False, False, True)),
        (PHASE, (False, False, False)),
        ({**PHASE, 'standing': {'below': 0.1, 'phase': 0}}, (False, False, True)),
        (SCAN, (False, False, False)),
    ],
)
def test_only_inputs_that_a_term_reads_are_needed(term, needs):
    compiled = compile_spec(make_spec(term))
    assert (compiled.needs_imu, compiled.needs_odometry, compiled.needs_command) == needs


def test_command_ranges_are_those_of_the_mode():
    limits = {'position': [[-1, 1]] * 3, 'velocity': [2, 3, 4], 'effort': [5, 6, 7]}
    joints = compile_spec(make_spec(limits=limits, mode=['position', 'velocity', 'effort'])).joints
    assert joints.lower.tolist() == [-1.0, -3.0, -7.0]
    assert joints.upper.tolist() == [1.0, 3.0, 7.0]
    assert joints.effort.tolist() == [5.0, 6.0, 7.0]
    assert joints.idle.tolist() == [DEFAULT[0], 0.0, 0.0]


def test_unknown_limits_are_infinite():
    joints = compile_spec(make_spec(mode=['position', 'velocity', 'effort'])).joints
    assert joints.lower.tolist() == [-math.inf] * 3
    assert joints.upper.tolist() == [math.inf] * 3
    assert joints.effort.tolist() == [math.inf] * 3
    assert joints.stiffness is None


def test_trained_range_of_the_command_is_infinite_where_unknown():
    compiled = compile_spec(make_spec())
    assert compiled.command_lower.tolist() == [-math.inf] * 3
    assert compiled.command_upper.tolist() == [math.inf] * 3


@pytest.mark.parametrize(('period', 'period_ns'), [(0.02, 20_000_000), (1 / 30, 33_333_333)])
def test_period_is_in_whole_nanoseconds(period, period_ns):
    assert compile_spec(make_spec(period=period)).period_ns == period_ns


def test_joint_indices_point_at_the_robot():
    compiled = compile_spec(make_spec(), SensorLayout(joints=('knee', 'x', 'ankle', 'hip')))
    assert compiled.joints.position_index.tolist() == [3, 0, 2]
    assert compiled.joints.velocity_index.tolist() == [7, 4, 6]


def test_plan_cannot_be_changed():
    term = {'term': 'joint_velocity', 'clip': [-1, 1]}
    compiled = compile_spec(make_spec(term, action={'clip': [-1, 1]}))
    entry = compiled.inputs[0]
    arrays = [entry.index, entry.offset, entry.scale, *entry.clip_before, entry.layout,
              compiled.action.scale, compiled.action.offset, *compiled.action.clip,
              compiled.joints.lower, compiled.joints.idle, compiled.command_lower]  # fmt: skip
    assert not any(array.flags.writeable for array in arrays)


def test_one_sided_clip_is_open_on_the_other():
    term = {'term': 'joint_velocity', 'clip': [None, 5], 'order': 'scale_then_clip'}
    entry = compile_spec(make_spec(term)).inputs[0]
    assert entry.clip_before is None
    assert entry.clip_after[0].tolist() == [-math.inf] * 3
    assert entry.clip_after[1].tolist() == [5.0] * 3


def test_two_tensors_are_planned_each():
    tensors = [
        {'name': 'a', 'terms': [{'term': 'joint_velocity'}]},
        {'name': 1, 'terms': [{'term': 'last_action'}, {'term': 'projected_gravity'}]},
    ]
    compiled = compile_spec(make_spec(inputs=tensors))
    assert [(entry.name, len(entry.layout)) for entry in compiled.inputs] == [('a', 3), ('1', 6)]
    segments = np.concatenate([entry.index for entry in compiled.inputs])
    assert len(set(segments.tolist())) == 9
