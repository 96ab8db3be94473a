# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import math

from distill_runtime.core.sensors import SensorLayout
from distill_runtime.errors import ConfigError
from distill_runtime.spec.compile import compile_spec, sensor_layout
import numpy as np
import pytest
from support.rig import Rig
from support.specs import DEFAULT, JOINTS, make_spec

PHASE = {'term': 'gait_phase', 'frequency': 1, 'offsets': [0], 'components': ['cos'],
         'advance': 'after'}  # fmt: skip
SPEED = {'term': 'joint_velocity'}
SCAN = {'term': 'external', 'topic': '/scan', 'width': 3}


def test_layout_is_in_policy_order_unless_robot_joints_are_given():
    assert sensor_layout(make_spec()).joints == JOINTS
    assert sensor_layout(make_spec(), ('x', *JOINTS)).joints == ('x', *JOINTS)


def test_external_read_twice_is_one_input():
    layout = sensor_layout(make_spec(SCAN, {**SCAN, 'scale': 2.0}))
    assert [(entry.topic, entry.width) for entry in layout.externals] == [('/scan', 3)]


@pytest.mark.parametrize(
    ('change', 'what'),
    [
        ({'width': 7}, 'widths or ages'),
        ({'max_age': 1.0}, 'widths or ages'),
        ({'message': 'PoseStamped'}, 'message types'),
    ],
)
def test_external_read_in_two_ways_is_refused(change, what):
    scan = {**SCAN, 'width': 7 if 'message' in change else 3}
    with pytest.raises(ConfigError, match=rf"^external '/scan' has two {what}, expected one$"):
        sensor_layout(make_spec(scan, {**scan, **change}))


@pytest.mark.parametrize(
    ('term', 'layout', 'message'),
    [
        (
            SPEED,
            ('hip', 'ankle'),
            r"joint 'knee' is in the policy but not on the robot, which has ",
        ),
        (SCAN, JOINTS, r"external input '/scan' is not in the sensor layout"),
    ],
)
def test_layout_that_lacks_something_is_refused(term, layout, message):
    with pytest.raises(ConfigError, match=f'^{message}'):
        compile_spec(make_spec(term), SensorLayout(joints=layout))


@pytest.mark.parametrize(
    ('term', 'needs'),
    [
        ({'term': 'joint_velocity'}, (False, False, False)),
        ({'term': 'last_action'}, (False, False, False)),
        ({'term': 'projected_gravity'}, (True, False, False)),
        ({'term': 'base_orientation', 'quaternion': 'xyzw'}, (True, False, False)),
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
    assert joints.default_command.tolist() == [DEFAULT[0], 0.0, 0.0]


def test_unknown_limits_are_infinite():
    compiled = compile_spec(make_spec(mode=['position', 'velocity', 'effort']))
    joints = compiled.joints
    assert joints.lower.tolist() == compiled.command_lower.tolist() == [-math.inf] * 3
    assert joints.upper.tolist() == compiled.command_upper.tolist() == [math.inf] * 3
    assert joints.effort.tolist() == [math.inf] * 3
    assert joints.stiffness is None


def test_joint_indices_point_at_the_robot_and_the_period_is_in_nanoseconds():
    spec = make_spec(period=1 / 30)
    compiled = compile_spec(spec, SensorLayout(joints=('knee', 'x', 'ankle', 'hip')))
    assert compiled.period_ns == 33_333_333
    assert compiled.joints.position_index.tolist() == [3, 0, 2]
    assert compiled.joints.velocity_index.tolist() == [7, 4, 6]


def test_plan_cannot_be_changed():
    term = {'term': 'joint_velocity', 'clip': [-1, 1]}
    compiled = compile_spec(make_spec(term, action={'clip': [-1, 1]}))
    entry = compiled.inputs[0]
    arrays = [entry.index, entry.offset, entry.scale, *entry.clip_before, entry.layout,
              compiled.action.scale, compiled.action.offset, *compiled.action.clip,
              compiled.joints.lower, compiled.joints.default_command,
              compiled.command_lower]  # fmt: skip
    assert not any(array.flags.writeable for array in arrays)


def test_two_tensors_are_planned_each():
    tensors = [
        {'name': 'a', 'terms': [{'term': 'joint_velocity'}]},
        {'name': 1, 'terms': [{'term': 'last_action'}, {'term': 'projected_gravity'}]},
    ]
    compiled = compile_spec(make_spec(inputs=tensors))
    assert [(entry.name, len(entry.layout)) for entry in compiled.inputs] == [('a', 3), ('1', 6)]
    segments = np.concatenate([entry.index for entry in compiled.inputs])
    assert len(set(segments.tolist())) == 9


POSITION = {'term': 'joint_position', 'relative': True}
GRAVITY = {'term': 'projected_gravity'}


def entry_of(*terms, **changes):
    return compile_spec(make_spec(*terms, **changes)).inputs[0]


def test_clips_go_before_or_after_the_scale_term_by_term():
    after = {**GRAVITY, 'clip': [None, 2], 'order': 'scale_then_clip'}
    entry = entry_of({**POSITION, 'clip': [-1, 1]}, after)
    assert entry.clip_before[1].tolist() == [1.0] * 3 + [math.inf] * 3
    assert entry.clip_after[0].tolist() == [-math.inf] * 6
    assert entry.clip_after[1].tolist() == [math.inf] * 3 + [2.0] * 3
    assert entry_of(after).clip_before is None


def test_depth_is_that_of_the_oldest_frame():
    sparse = {'steps': [0, 7], 'major': 'frame', 'fill': 'zeros'}
    assert entry_of(GRAVITY, history=sparse).depth == 8
    assert entry_of(GRAVITY).depth == 1


def test_layout_picks_window_elements_oldest_first():
    frames = {'length': 2, 'order': 'newest_first', 'fill': 'first'}
    terms = ({**POSITION, 'joints': ['hip']}, {**POSITION, 'joints': ['knee']})
    # window: frame of the step before (0, 1), then the newest (2, 3)
    assert entry_of(*terms, history={**frames, 'major': 'frame'}).layout.tolist() == [2, 3, 0, 1]
    assert entry_of(*terms, history={**frames, 'major': 'term'}).layout.tolist() == [2, 0, 3, 1]


ROBOT = ('tail', 'ankle', 'hip', 'knee')
POSE = {'term': 'external', 'topic': 'goal', 'width': 7, 'message': 'PoseStamped'}
CLOCK = {'term': 'gait_phase', 'frequency': 12.5, 'offsets': [0.0, math.pi / 2]}


def observed(*terms, ticks=1, output=0.0, **changes):
    """Return the observation after some ticks of a robot with known sensor values."""
    rig = Rig(make_spec(*terms, **changes), output, ROBOT, start_in='policy', tilt_limit=0.0)
    sensors = rig.sensors
    sensors.joint_position[:] = [9.0, 0.25, 0.5, 0.75]
    sensors.joint_velocity[:] = [9.0, -3.0, -1.0, -2.0]
    sensors.angular_velocity[:] = [0.125, 0.25, 0.375]
    sensors.quat_base_to_world[:] = [math.sqrt(0.8), math.sqrt(0.2), 0.0, 0.0]
    sensors.velocity_command[:] = [0.5, -0.25, 1.0]
    sensors.base_linear_velocity[:] = [1.5, 2.5, 3.5]
    for number, external in enumerate(sensors.externals):
        external[:] = np.arange(1.0, len(external) + 1) + 10 * number
    for _ in range(ticks):
        step = rig.tick()
    assert step.has_policy_step, step.reason
    return step.observation.tolist()


@pytest.mark.parametrize(
    ('term', 'expected'),
    [
        ({'term': 'base_linear_velocity'}, [1.5, 2.5, 3.5]),
        ({'term': 'base_angular_velocity'}, [0.125, 0.25, 0.375]),
        ({'term': 'base_angular_velocity', 'scale': 0.25}, [0.03125, 0.0625, 0.09375]),
        ({'term': 'projected_gravity'}, [0.0, -0.8, -0.6]),
        ({'term': 'base_orientation', 'quaternion': 'wxyz'}, [0.8**0.5, 0.2**0.5, 0.0, 0.0]),
        ({'term': 'base_orientation', 'quaternion': 'xyzw'}, [0.2**0.5, 0.0, 0.0, 0.8**0.5]),
        ({'term': 'constant', 'values': [2.0, -0.5], 'scale': [1.0, 4.0]}, [2.0, -2.0]),
        ({'term': 'velocity_command'}, [0.5, -0.25, 1.0]),
        ({'term': 'velocity_command', 'scale': [2, 2, 0.25]}, [1.0, -0.5, 0.25]),
        ({'term': 'velocity_command', 'components': ['yaw', 'vx']}, [1.0, 0.5]),
        ({'term': 'velocity_command', 'components': ['vy'], 'scale': 4}, [-1.0]),
        ({'term': 'joint_position', 'relative': False}, [0.5, 0.75, 0.25]),
        ({'term': 'joint_position', 'relative': True}, [0.4, 0.15, 0.75]),
        (
            {'term': 'joint_position', 'relative': True, 'joints': ['ankle', 'hip']},
            [0.75, 0.4],
        ),
        (
            {'term': 'joint_position', 'relative': True, 'masked': ['hip', 'ankle']},
            [0.0, 0.15, 0.0],
        ),
        (
            {'term': 'joint_position', 'relative': False, 'joints': ['knee', 'hip'],
             'masked': ['knee']},
            [0.0, 0.5],
        ),
        ({'term': 'joint_velocity'}, [-1.0, -2.0, -3.0]),
        ({'term': 'joint_velocity', 'joints': ['ankle'], 'scale': 0.5}, [-1.5]),
        ({'term': 'joint_velocity', 'masked': ['knee']}, [-1.0, 0.0, -3.0]),
        ({'term': 'last_action'}, [0.0, 0.0, 0.0]),
        ({'term': 'external', 'topic': '/scan', 'width': 4}, [1.0, 2.0, 3.0, 4.0]),
        (POSE, [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0]),
        ({**POSE, 'quaternion': 'wxyz'}, [1.0, 2.0, 3.0, 7.0, 4.0, 5.0, 6.0]),
        ({**CLOCK, 'components': ['cos', 'sin'], 'advance': 'after'}, [1.0, 0.0, 0.0, 1.0]),
        ({**CLOCK, 'components': ['sin', 'cos'], 'advance': 'after'}, [0.0, 1.0, 1.0, 0.0]),
        ({**CLOCK, 'components': ['cos', 'sin'], 'advance': 'before'}, [0.0, -1.0, 1.0, 0.0]),
    ],
)  # fmt: skip
def test_first_observation_of_each_term(term, expected):
    assert observed(term) == pytest.approx(expected, abs=1e-6)


def test_terms_follow_one_another_in_the_order_of_the_spec():
    observation = observed(
        {'term': 'velocity_command', 'components': ['vx']},
        {'term': 'joint_velocity', 'joints': ['knee']},
        {'term': 'velocity_command', 'components': ['yaw']},
    )
    assert observation == [0.5, -2.0, 1.0]


def test_last_action_is_the_raw_output_of_the_step_before():
    assert observed({'term': 'last_action', 'scale': 2.0}, ticks=2, output=0.25) == [0.5] * 3


def test_two_terms_of_one_clock_share_it():
    term = {**CLOCK, 'components': ['sin'], 'advance': 'after'}
    # a clock advanced twice a step would be back at its start
    assert observed(term, term, ticks=2) == pytest.approx([1.0, 0.0] * 2, abs=1e-6)


def test_clocks_of_different_frequency_run_side_by_side():
    fast = {**CLOCK, 'offsets': [0.0], 'components': ['cos'], 'advance': 'after'}
    slow = {**fast, 'frequency': 6.25}
    assert observed(fast, slow, ticks=3) == pytest.approx([-1.0, 0.0], abs=1e-6)


def test_repeated_externals_read_the_same_elements():
    one = {'term': 'external', 'topic': 'one', 'width': 2}
    two = {'term': 'external', 'topic': 'two', 'width': 1}
    assert observed(two, one, two) == [1.0, 11.0, 12.0, 1.0]


def test_external_of_another_width_in_the_layout_is_refused():
    wide = make_spec({'term': 'external', 'topic': 't', 'width': 3})
    narrow = make_spec({'term': 'external', 'topic': 't', 'width': 2})
    with pytest.raises(
        ConfigError, match=r"^external 't' has width 3, expected 2 as in the sensor layout$"
    ):
        compile_spec(wide, sensor_layout(narrow))
