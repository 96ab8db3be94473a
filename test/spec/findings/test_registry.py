# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import re

from distill_runtime.policy.model import load_policy
from distill_runtime.spec.findings import registry as doctor
from distill_runtime.spec.findings.finding import Case, Finding
from distill_runtime.spec.findings.sources import rounded
from distill_runtime.spec.robot_description import RobotDescription
from distill_runtime.spec.sources import merge_sources, SourcedSpec, SpecSource
import pytest
from support.specs import JOINTS, make_spec, spec_mapping
import yaml

LIMITS = {'position': [[-1, 1], [0, 2], [-2, 0]], 'effort': [20, 20, 20]}
GAINS = {'stiffness': [30, 30, 30], 'damping': [1, 1, 1]}
GOLDEN = {'observation': [[0, 0, 0]], 'action': [[0, 0, 0]]}
VALID = {'limits': LIMITS, **GAINS, 'golden': GOLDEN}
GYRO = {'term': 'base_angular_velocity', 'scale': 0.25}
SPEED = {'term': 'joint_velocity', 'scale': 0.05}
MODES = {'limits': None, 'mode': ['position', 'velocity', 'effort'], 'stiffness': [9, 0, 0]}
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


@pytest.mark.parametrize(
    ('terms', 'changes'),
    [
        ((), {}),
        ((RELATIVE,), {}),
        ((), {'period': 0.5}),
        ((), {'period': 0.001}),
        ((), {'action': {'clip': [-1.0, 1.0]}}),
        ((), {'action': {'scale': [0.01, 2.0, -0.25]}}),
        # the network gives the targets itself
        ((), {'action': {'scale': 1.0, 'offset': [0.0, 0.0, 0.0]}}),
        # the target clip makes up for a wide clip
        ((), {'action': {'clip': [-100, 100], 'target_clip': [[-1, 1], [0, 2], [-2, 0]]}}),
        (
            ({'term': 'velocity_command'}, SPEED),
            {'command': {'lower': [-1] * 3, 'upper': [1] * 3}},
        ),
    ],
)
def test_plausible_spec_has_no_findings(terms, changes):
    assert findings(*terms, **changes) == {}


OF_TERMS = {
    'warning input.base_linear_velocity: .*JointState and Imu do not give it': [
        {'term': 'base_linear_velocity'}
    ],
    'info input.external: 7 elements come from /scan, Float32MultiArray, of any age': [
        {'term': 'external', 'topic': '/scan', 'width': 7}
    ],
    'warning input.offline: 3 elements come from wrench.force of /wrench, geometry_msgs/msg/Wrench'
    'Stamped, of any age: only recordings supply it, the node refuses': [
        {
            'term': 'external',
            'topic': '/wrench',
            'width': 3,
            'message': 'geometry_msgs/msg/WrenchStamped',
            'field': 'wrench.force',
        }
    ],
    'warning command.missing: .* any velocity command reaches the network': [
        {'term': 'velocity_command'}
    ],
    'warning scale.partial: base_angular_velocity has a scale and joint_velocity has none': [
        GYRO,
        {**SPEED, 'scale': 1},
    ],
    'warning scale.partial: joint_velocity has a scale and base_angular_velocity has none': [
        {**GYRO, 'scale': 1},
        SPEED,
    ],
    'info scale.none: no term has a scale': [{**GYRO, 'scale': 1}, {**SPEED, 'scale': 1}],
    'warning scale.negative: projected_gravity has the negative scale -1': [
        {'term': 'projected_gravity', 'scale': -1.0}
    ],
    'info input.joint_position_absolute: .* the default position is not subtracted': [
        {'term': 'joint_position', 'relative': False}
    ],
}
OF_CHANGES = {
    'info golden.missing: golden is missing': {'golden': None},
    'warning period.implausible: period is 0.6 s, 1.66667 Hz': {'period': 0.6},
    'warning period.implausible: period is 0.0005 s, 2000 Hz': {'period': 0.0005},
    'warning limits.position.missing: .* position commands of hip, knee, ankle': {
        'limits': {'effort': [20, 20, 20]}
    },
    'info limits.effort.missing: limits.effort is missing': {
        'limits': {'position': LIMITS['position']}
    },
    'warning limits.velocity.missing: .* the velocity commands of knee': MODES,
    'warning limits.effort.missing: .* the effort commands of ankle': MODES,
    'warning gains.missing: .* are missing': {'stiffness': None, 'damping': None},
    'warning gains.implausible: .* of knee are 0 N m/rad, 1 N m s/rad: nothing pulls': {
        'stiffness': [30, 0, 30]
    },
    r'warning gains.implausible: .* nothing damps it \(2 of 3 joints\)': {'damping': [0, 0, 1]},
    'warning gains.implausible: .* were they swapped': {'damping': [40, 1, 1]},
    'warning gains.implausible: .* stiffer than': {'stiffness': [6000, 1, 1]},
    r'warning action.scale_implausible: .* knee is 0.005 rad per .* \(2 of 3 joints\)': {
        'action': {'scale': [0.5, 0.005, 3.0]}
    },
    r'warning action.offset_off_default: .* knee is 0 rad, .* 0.6 rad \(1 of 3 joints\)': {
        'action': {'offset': [0.1, 0.0, -0.5]}
    },
    r'info action.range_outside_limits: .* -0.2 .. 1.4 rad, .* 0 .. 2 rad \(2 of 3 joints\)': {
        'action': {'clip': [-1.6, 1.6]}
    },
    r'info action.range_outside_limits: .* -0.5 .. 2 rad, .* 0 .. 2 rad \(1 of 3 joints\)': {
        'action': {'target_clip': [[-1, 1], [-0.5, 2], [-2, 0]]}
    },
}


@pytest.mark.parametrize(
    ('line', 'terms', 'changes'),
    [
        *((line, terms, {}) for line, terms in OF_TERMS.items()),
        *((line, [], changes) for line, changes in OF_CHANGES.items()),
    ],
)
def test_finding(line, terms, changes):
    found = findings(*terms, **changes).values()
    lines = [f'{entry.severity} {entry.code}: {entry.message}' for entry in found]
    assert [text for text in lines if re.match(line, text)]
    assert all(entry.hint for entry in found)


def test_conflict_names_joint_both_values_and_both_sources():
    (found,) = findings(others=[{'limits': {'effort': [20, 35, 10]}}]).values()
    assert (found.code, found.severity) == ('source.conflict', 'warning')
    assert found.message == (
        'limits.effort[knee] is 20 in a.yaml, which is used, but 35 in b.yaml, and 1 more'
    )
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


@pytest.mark.parametrize(
    ('changes', 'message'),
    [
        ({}, None),
        ({'action': {'scale': [0.5, 0.25, -0.5, 0.25]}}, None),
        (
            {'stiffness': [30, 30, 60, 60]},
            'stiffness of left_hip is 30 but that of right_hip is 60 (2 of 2 pairs differ)',
        ),
        (
            {'action': {'scale': [0.5, 0.5, 0.25, 0.5]}},
            'the size of outputs.action.scale of left_hip is 0.5 but that of right_hip is 0.25 '
            '(1 of 2 pairs differ)',
        ),
    ],
)
def test_left_and_right_that_differ_are_named(changes, message):
    found = twins(**changes)
    assert [entry.message for entry in found.values()] == ([message] if message else [])


def test_the_worst_come_first():
    info, warning, error, second = (
        Finding(code=code, severity=severity, message='', hint='')
        for code, severity in (('a', 'info'), ('b', 'warning'), ('c', 'error'), ('d', 'error'))
    )
    found = doctor.sorted_findings([info, error, warning, second])
    assert found == (error, second, warning, info)


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


METADATA = 'policy.onnx metadata: action_scale'


def rounded_in(source=METADATA, field='outputs.action.scale', terms=(), **changes):
    spec = make_spec(*terms, **changes)
    sourced = SourcedSpec(spec=spec, sources={field: source}, conflicts=())
    return list(rounded(Case(sourced=sourced)))


def test_wrist_of_a_g1_is_a_warning():
    # 0.0745 became 0.075 in a file that was shipped
    (finding,) = rounded_in(action={'scale': [0.439, 0.075, 0.25]})
    assert (finding.code, finding.severity) == ('scale.rounded', 'warning')
    assert 'outputs.action.scale[knee] is 0.075 in policy.onnx metadata' in finding.message
    assert 'off by 0.67% (2 numbers' in finding.message


@pytest.mark.parametrize(('scale', 'severity'), [(0.099, 'warning'), (0.101, 'info')])
def test_half_a_percent_is_the_border(scale, severity):
    (finding,) = rounded_in(action={'scale': scale})
    assert finding.severity == severity


@pytest.mark.parametrize('scale', [0.25, 0.5, 1.0, 0.0745, 1 / 3, 2])
def test_number_with_fewer_or_more_decimals_is_none(scale):
    assert rounded_in(action={'scale': scale}) == []


@pytest.mark.parametrize(
    'source',
    ['policy.yaml', 'policy.onnx:distill_runtime.spec', 'policy.onnx metadata: kp', ''],
)
def test_sources_that_keep_all_digits_are_none(source):
    assert rounded_in(source, action={'scale': 0.075}) == []


def test_gains_and_scales_of_terms_count_too():
    gains = {'stiffness': [19.739] * 3, 'damping': [1.5] * 3}
    (finding,) = rounded_in('policy.onnx metadata: joint_stiffness', 'stiffness', **gains)
    assert (finding.severity, '3 numbers' in finding.message) == ('info', True)
    terms = [{'term': 'joint_velocity', 'scale': 0.051}]
    (finding,) = rounded_in('policy.onnx metadata: observation_names', 'inputs', terms)
    assert 'inputs[0].joint_velocity.scale is 0.051' in finding.message


def test_metadata_of_a_real_policy_is_seen_to_be_rounded(shared_data, tmp_path):
    model = shared_data / 'policies' / 'mjlab_anymal_c' / 'policy.onnx'
    known = yaml.safe_load('{period: 0.02, name: anymal}')
    known['inputs'] = [{'name': 'obs', 'terms': [{'term': t} for t in (
        'base_linear_velocity', 'base_angular_velocity', 'projected_gravity'
    )] + [{'term': 'joint_position', 'relative': True}] + [{'term': t} for t in (
        'joint_velocity', 'last_action', 'velocity_command'
    )]}]  # fmt: skip
    (tmp_path / 'known.yaml').write_text(yaml.safe_dump(known))
    sourced = load_policy(model, tmp_path / 'known.yaml').sourced
    (finding,) = rounded(Case(sourced=sourced))
    assert (finding.code, finding.severity) == ('scale.rounded', 'info')
