# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
import re
from xml.etree import ElementTree as ET

from distill_runtime.errors import ConfigError
from distill_runtime.share import share_path
from distill_runtime.spec.robots import load_profile, load_robot, profile_names, read_profile
import pytest

NUM_JOINTS = {
    'anymal_c': 12,
    'booster_t1': 23,
    'spot': 12,
    'unitree_a1': 12,
    'unitree_b2': 12,
    'unitree_g1_12dof': 12,
    'unitree_g1_29dof': 29,
    'unitree_go1': 12,
    'unitree_go2': 12,
    'unitree_h1': 19,
    'unitree_h1_2': 27,
}

# Folders of the shared robots, each a MuJoCo model from a source other than the profile's.
SHARED_ROBOTS = {
    'anymal_c': 'anymal_c',
    'unitree_g1_12dof': 'g1_12dof',
    'unitree_g1_29dof': 'g1',
    'unitree_go1': 'go1',
    'unitree_go2': 'go2',
}

# This model gives the right hip the range of the left one, unmirrored. That of Unitree and the
# model g1_12dof mirror it.
WRONG_IN_MUJOCO = {('unitree_g1_29dof', 'right_hip_roll_joint')}

PROFILE = """\
source: a drawing
joints: [hip, knee]
limits:
  position: [[-1, 1.0], [0.0, 2.0]]
  velocity: [10.0, 20.0]
  effort: [30.0, 40.0]
"""


def mujoco_ranges(path):
    """Return the range of each hinge of a MuJoCo model, from its own or its class's attributes."""
    root = ET.parse(path).getroot()
    of_class = {
        default.get('class'): joint.get('range')
        for default in root.iter('default')
        for joint in default.findall('joint')
    }
    ranges = {}
    for joint in root.find('worldbody').iter('joint'):
        text = joint.get('range') or of_class.get(joint.get('class'))
        if text is not None:
            ranges[joint.get('name')] = tuple(float(bound) for bound in text.split())
    return ranges


def test_profiles_are_those_of_the_interface():
    assert profile_names() == sorted(NUM_JOINTS)


@pytest.mark.parametrize('name', NUM_JOINTS)
def test_profile_is_complete(name):
    robot = load_profile(name)
    assert robot.name == name
    assert len(robot.joints) == NUM_JOINTS[name]
    assert robot.position is not None
    assert all(abs(bound) < 9.5 for limits in robot.position for bound in limits)
    # no public source gives the joint speeds of Spot
    assert (robot.velocity is None) == (name == 'spot')
    assert robot.velocity is None or all(5.0 < value < 50.0 for value in robot.velocity)
    assert all(1.0 < value < 400.0 for value in robot.effort)
    assert re.match(r'github [\w.-]+/[\w.-]+ @ [0-9a-f]{7} \S+$', robot.source)


@pytest.mark.parametrize('name', NUM_JOINTS)
def test_left_and_right_mirror_each_other(name):
    robot = load_profile(name)
    position = dict(zip(robot.joints, robot.position, strict=True))
    effort = dict(zip(robot.joints, robot.effort, strict=True))
    pairs = [(joint, mirrored(joint)) for joint in robot.joints if mirrored(joint) != joint]
    assert pairs
    for joint, other in pairs:
        assert effort[joint] == effort[other]
        lower, upper = position[joint]
        # 0.02 rad: Spot's knees and the T1's shoulders differ by as much from side to side
        same = pytest.approx((lower, upper), abs=0.02)
        mirror = pytest.approx((-upper, -lower), abs=0.02)
        assert position[other] == same or position[other] == mirror


def mirrored(joint):
    """Return the name of the joint on the other side; sagittal joints have none."""
    swap = {'left': 'right', 'Left': 'Right', 'FL': 'FR', 'RL': 'RR', 'LF': 'RF', 'LH': 'RH'}
    swap |= {right: left for left, right in swap.items()}
    return '_'.join(swap.get(part, part) for part in joint.split('_'))


@pytest.mark.parametrize(('name', 'folder'), SHARED_ROBOTS.items())
def test_positions_are_those_of_the_mujoco_model(shared_data, name, folder):
    path = shared_data / 'robots' / folder / f'{folder}.xml'
    if not path.is_file():
        pytest.skip(f'no {path} here')
    robot = load_profile(name)
    ranges = mujoco_ranges(path)
    assert set(ranges) == set(robot.joints)
    for joint, limits in zip(robot.joints, robot.position, strict=True):
        if (name, joint) not in WRONG_IN_MUJOCO:
            assert limits == pytest.approx(ranges[joint], abs=5e-6)


def test_motor_order_of_the_g1_is_that_of_a_deployed_policy(shared_data):
    folder = shared_data / 'policies' / 'unitree_rl_lab_g1'
    joints = json.loads((folder / 'contract.json').read_text())['joints']
    deployed = (folder / 'deploy.yaml').read_text()
    motors = json.loads(re.match(r'joint_ids_map: (\[.*?\])', deployed, re.DOTALL).group(1))
    motor_order = load_profile('unitree_g1_29dof').joints
    assert [motor_order[motor] for motor in motors] == joints


def test_motor_order_of_the_h1_skips_the_unused_motor():
    # github unitreerobotics/unitree_rl_gym deploy/deploy_real/configs/h1.yaml
    leg_motors = [7, 3, 4, 5, 10, 8, 0, 1, 2, 11]
    legs = [
        f'{side}_{joint}_joint'
        for side in ('left', 'right')
        for joint in ('hip_yaw', 'hip_roll', 'hip_pitch', 'knee', 'ankle')
    ]
    by_motor = load_profile('unitree_h1').by_motor
    assert by_motor[9] is None
    assert [by_motor[motor] for motor in leg_motors] == legs


def test_robot_is_a_profile_or_a_urdf(tmp_path):
    assert load_robot('spot') == load_profile('spot')
    urdf = '<robot name="r"><joint name="wheel" type="continuous"/></robot>'
    for name in ('r.urdf', 'r.xml'):
        (tmp_path / name).write_text(urdf)
        assert load_robot(str(tmp_path / name)).joints == ('wheel',)
    assert load_robot(f' {urdf}').joints == ('wheel',)


@pytest.mark.parametrize(
    ('name', 'message'),
    [
        (
            'unitree_go3',
            r"^robot profile 'unitree_go3' is unknown, expected one of \['anymal_c', ",
        ),
        ('', r"^robot profile '' is unknown, expected one of"),
        ('../robots/spot', r"^\.\./robots/spot ends in '', expected a URDF that ends in one of"),
        ('no.urdf', r'^no\.urdf cannot be read: No such file or directory$'),
        ('a/go1.urdf.xacro', r'^a/go1\.urdf\.xacro is a xacro file, .*xacro > a/go1\.urdf$'),
    ],
)
def test_unknown_robot_is_refused(name, message):
    with pytest.raises(ConfigError, match=message):
        load_robot(name)


@pytest.mark.parametrize('name', ['../robots/spot', 'spot.yaml', 'SPOT', '/etc/passwd'])
def test_profile_is_only_a_known_stem(name):
    with pytest.raises(ConfigError, match=r'is unknown, expected one of \['):
        load_profile(name)


def test_profile_file_becomes_a_description(tmp_path):
    path = tmp_path / 'leg.yaml'
    path.write_text(PROFILE)
    robot = read_profile(path)
    assert (robot.name, robot.source) == ('leg', 'a drawing')
    assert robot.joints == ('hip', 'knee')
    assert robot.position == ((-1.0, 1.0), (0.0, 2.0))
    assert robot.velocity == (10.0, 20.0)
    assert robot.effort == (30.0, 40.0)


@pytest.mark.parametrize(
    ('old', 'new', 'message'),
    [
        ('velocity', 'velocty', r'limits\.velocty is unknown, expected one of \[.*velocity'),
        ('source: a drawing\n', '', r'source is missing, expected a string'),
        ('joints: [hip, knee]\n', '', r'joints is missing'),
        ('[hip, knee]', 'hip', r"joints is 'hip', expected"),
        ('[hip, knee]', '[hip, 3]', r'joints\[1\] is 3, expected a string'),
        ('[hip, knee]', '[hip, hip]', r"joints has 'hip' 2 times, expected unique names"),
        ('[0.0, 2.0]', '[0.0]', r'limits\.position\[1\] has 1 elements, expected 2'),
        ('[0.0, 2.0]', '[2.0, 0.0]', r'position\[knee\] is \[2.0, 0.0\], expected lower < upper'),
        ('[30.0, 40.0]', '[30.0]', r'effort has 1 elements, expected 2, one per joint'),
        ('30.0', '.inf', r'limits\.effort\[0\] is inf, expected a finite number'),
        ('40.0', '1e3', r"limits\.effort\[1\] is '1e3', expected a number"),
        ('  effort', '  velocity', r'velocity is a duplicate key, again in line 6, expected once'),
    ],
)
def test_wrong_profile_is_refused_by_file_and_key(tmp_path, old, new, message):
    path = tmp_path / 'leg.yaml'
    path.write_text(PROFILE.replace(old, new))
    with pytest.raises(ConfigError, match=r'leg\.yaml: ' + message):
        read_profile(path)


@pytest.mark.parametrize('text', ['', '- hip', 'hip'])
def test_profile_without_keys_is_refused(tmp_path, text):
    path = tmp_path / 'leg.yaml'
    path.write_text(text)
    with pytest.raises(ConfigError, match=r'leg\.yaml is not a mapping, expected the keys source'):
        read_profile(path)


def test_every_profile_names_its_source():
    for path in (share_path() / 'config' / 'robots').iterdir():
        assert re.match(r'# .*Names.* source names', path.read_text()), path
