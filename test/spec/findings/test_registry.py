# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from dataclasses import replace
import re

from distill_runtime.spec.findings import registry as doctor
from distill_runtime.spec.findings.finding import Case, Finding
from distill_runtime.spec.robot_description import RobotDescription
from distill_runtime.spec.sources import merge_sources, SpecSource
import pytest
from support.specs import JOINTS, spec_mapping

LIMITS = {'position': [[-1, 1], [0, 2], [-2, 0]], 'effort': [20, 20, 20]}
GAINS = {'stiffness': [30, 30, 30], 'damping': [1, 1, 1]}
GOLDEN = {'observation': [[0, 0, 0]], 'action': [[0, 0, 0]]}
VALID = {'limits': LIMITS, **GAINS, 'golden': GOLDEN}
GYRO = {'term': 'base_angular_velocity', 'scale': 0.25}
SPEED = {'term': 'joint_velocity', 'scale': 0.05}
RELATIVE = {'term': 'joint_position', 'relative': True}


def make_case(*terms, robot=None, others=(), **changes):
    """Return the case of a valid spec with some changes; None takes a key away."""
    values = spec_mapping(*(terms or (SPEED,)), **{**VALID, **changes})
    values = {key: value for key, value in values.items() if value is not None}
    sources = [SpecSource(name='a.yaml', values=values)]
    sources += [SpecSource(name='b.yaml', values=other) for other in others]
    return Case(sourced=merge_sources(sources), robot=robot)


def findings(*terms, **changes):
    return {found.code: found for found in doctor.examine(make_case(*terms, **changes))}


def test_valid_spec_has_no_findings():
    assert findings() == {}


def test_target_clip_within_the_limits_makes_up_for_a_wide_clip():
    action = {'clip': [-100, 100], 'target_clip': [[-1, 1], [0, 2], [-2, 0]]}
    assert findings(action=action) == {}


def test_network_that_gives_the_targets_itself_has_no_offset():
    assert findings(action={'scale': 1.0, 'offset': [0.0, 0.0, 0.0]}) == {}


@pytest.mark.parametrize(
    ('terms', 'changes', 'code', 'severity', 'message'),
    [
        ((), {'golden': None}, 'golden.missing', 'info', 'golden is missing'),
        ((), {'period': 0.6}, 'period.implausible', 'warning', 'period is 0.6 s, 1.66667 Hz'),
        ((), {'period': 0.0005}, 'period.implausible', 'warning', '2000 Hz'),
        (
            ({'term': 'base_linear_velocity'}, SPEED),
            {},
            'input.base_linear_velocity',
            'warning',
            'JointState and Imu do not give it',
        ),
        (
            ({'term': 'external', 'topic': '/scan', 'width': 7}, SPEED),
            {},
            'input.external',
            'info',
            '7 elements come from /scan, Float32MultiArray, of any age',
        ),
        (
            ({'term': 'velocity_command'}, SPEED),
            {},
            'command.missing',
            'warning',
            'any velocity command reaches the network',
        ),
        (
            (GYRO, {'term': 'joint_velocity'}),
            {},
            'scale.partial',
            'warning',
            'base_angular_velocity has a scale and joint_velocity has none',
        ),
        (
            ({'term': 'base_angular_velocity'}, SPEED),
            {},
            'scale.partial',
            'warning',
            'joint_velocity has a scale and base_angular_velocity has none',
        ),
        (
            ({'term': 'base_angular_velocity'}, {'term': 'joint_velocity'}),
            {},
            'scale.none',
            'info',
            'no term has a scale',
        ),
        (
            ({'term': 'projected_gravity', 'scale': -1.0}, SPEED),
            {},
            'scale.negative',
            'warning',
            'projected_gravity has the negative scale -1',
        ),
        (
            ({'term': 'joint_position', 'relative': False}, SPEED),
            {},
            'input.joint_position_absolute',
            'info',
            'the default position is not subtracted',
        ),
        (
            (),
            {'limits': {'effort': [20, 20, 20]}},
            'limits.position.missing',
            'warning',
            'nothing bounds the position commands of hip, knee, ankle',
        ),
        (
            (),
            {'limits': {'position': LIMITS['position']}},
            'limits.effort.missing',
            'info',
            'limits.effort is missing',
        ),
        (
            (),
            {'limits': None, 'mode': ['position', 'velocity', 'effort'], 'stiffness': [9, 0, 0]},
            'limits.velocity.missing',
            'warning',
            'nothing bounds the velocity commands of knee',
        ),
        (
            (),
            {'limits': None, 'mode': ['position', 'velocity', 'effort'], 'stiffness': [9, 0, 0]},
            'limits.effort.missing',
            'warning',
            'nothing bounds the effort commands of ankle',
        ),
        (
            (),
            {'stiffness': None, 'damping': None},
            'gains.missing',
            'warning',
            'stiffness and damping are missing',
        ),
        (
            (),
            {'stiffness': [30, 0, 30]},
            'gains.implausible',
            'warning',
            'stiffness, damping of knee are 0 N m/rad, 1 N m s/rad: nothing pulls it',
        ),
        ((), {'damping': [0, 0, 1]}, 'gains.implausible', 'warning', r'hip .* \(2 of 3 joints\)'),
        ((), {'damping': [40, 1, 1]}, 'gains.implausible', 'warning', 'were they swapped'),
        ((), {'stiffness': [6000, 1, 1]}, 'gains.implausible', 'warning', 'stiffer than'),
        (
            (),
            {'action': {'scale': [0.5, 0.005, 3.0]}},
            'action.scale_implausible',
            'warning',
            r'scale of knee is 0.005 rad per unit .* \(2 of 3 joints\)',
        ),
        (
            (),
            {'action': {'offset': [0.1, 0.0, -0.5]}},
            'action.offset_off_default',
            'warning',
            r'offset of knee is 0 rad, its default position 0.6 rad \(1 of 3 joints\)',
        ),
        (
            (),
            {'action': {'clip': [-1.6, 1.6]}},
            'action.range_outside_limits',
            'info',
            r'knee would go to -0.2 .. 1.4 rad, its limits are 0 .. 2 rad \(2 of 3 joints\)',
        ),
        (
            (),
            {'action': {'target_clip': [[-1, 1], [-0.5, 2], [-2, 0]]}},
            'action.range_outside_limits',
            'info',
            r'knee would go to -0.5 .. 2 rad, its limits are 0 .. 2 rad \(1 of 3 joints\)',
        ),
    ],
)
def test_finding(terms, changes, code, severity, message):
    found = findings(*terms, **changes)
    assert found[code].severity == severity
    assert re.search(message, found[code].message)
    assert found[code].hint


@pytest.mark.parametrize(
    'changes',
    [
        {'period': 0.5},
        {'period': 0.001},
        {'action': {'clip': [-1.0, 1.0]}},
        {'action': {'scale': [0.01, 2.0, -0.25]}},
        {'command': {'lower': [-1, -1, -1], 'upper': [1, 1, 1]}},
    ],
)
def test_what_is_plausible_is_not_found(changes):
    assert findings({'term': 'velocity_command'}, SPEED, **changes).keys() <= {'command.missing'}


def test_position_only_policy_needs_no_imu_and_no_scale():
    assert findings(RELATIVE) == {}


def test_conflict_names_joint_both_values_and_both_sources():
    found = findings(others=[{'limits': {'effort': [20, 35, 10]}, 'name': 'other'}])
    assert set(found) == {'source.conflict'}
    conflicts = [
        item.message
        for item in doctor.examine(make_case(others=[{'limits': {'effort': [20, 35, 10]}}]))
    ]
    assert conflicts == [
        'limits.effort[knee] is 20 in a.yaml, which is used, but 35 in b.yaml, and 1 more'
    ]


def test_another_name_is_no_warning():
    assert findings(others=[{'name': 'other'}])['source.conflict'].severity == 'info'


def test_joints_of_the_robot_that_stay_alone_are_named():
    robot = RobotDescription(
        name='biped',
        joints=(*JOINTS, 'neck'),
        position=None,
        velocity=None,
        effort=None,
        source='test',
    )
    assert 'does not move: neck' in findings(robot=robot)['joints.unmatched'].message


TWINS = ['left_hip', 'left_knee', 'right_hip', 'right_knee']


def twins(**changes):
    return findings(
        joints=TWINS,
        default_position=[0.1, 0.6, -0.1, 0.6],
        limits={'position': [[-1, 2], [0, 2], [-2, 1], [0, 2]], 'effort': [20, 40, 20, 40]},
        golden={'observation': [[0, 0, 0, 0]], 'action': [[0, 0, 0, 0]]},
        **{'stiffness': [30, 60, 30, 60], 'damping': [1, 1, 1, 1], **changes},
    )


def test_mirrored_robot_has_no_findings():
    assert twins() == {}


def test_gains_in_another_joint_order_are_not_mirrored():
    found = twins(stiffness=[30, 30, 60, 60])['joints.asymmetric']
    assert found.message == (
        'stiffness of left_hip is 30 but that of right_hip is 60 (2 of 2 pairs differ)'
    )


def test_action_scale_in_another_order_is_not_mirrored():
    assert 'joints.asymmetric' in twins(action={'scale': [0.5, 0.5, 0.25, 0.5]})
    assert 'joints.asymmetric' not in twins(action={'scale': [0.5, 0.25, -0.5, 0.25]})


def test_the_worst_come_first():
    def finding(severity, code):
        return Finding(code=code, severity=severity, message='', hint='')

    info, warning, error = (finding(name, name) for name in ('info', 'warning', 'error'))
    second = replace(error, code='second')
    assert doctor.sorted_findings([info, error, warning, second]) == (
        error,
        second,
        warning,
        info,
    )


def test_unstated_field_is_reported_with_its_hint():
    hints = {'outputs.action.clip': 'give the bounds', 'command': 'give the trained range'}
    source = SpecSource(
        name='a', values=spec_mapping({'term': 'velocity_command'}, SPEED, **VALID), hints=hints
    )
    found = {entry.code: entry for entry in doctor.examine(Case(sourced=merge_sources([source])))}
    assert found['source.unstated'].severity == 'info'
    assert found['source.unstated'].message == 'outputs.action.clip is given by no source'
    assert found['source.unstated'].hint == 'give the bounds'
    assert found['command.missing'].hint == 'give the trained range'
