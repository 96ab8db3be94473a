# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from dataclasses import replace
import json
import math
import re
from xml.etree import ElementTree as ET

from distill_runtime.errors import ConfigError
from distill_runtime.share import share_path
from distill_runtime.spec.findings.joint_order import mirror_pairs
from distill_runtime.spec.robots import (
    load_profile,
    load_robot,
    MAX_BYTES,
    profile_names,
    read_profile,
)
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
    pairs = mirror_pairs(robot.joints)
    assert pairs
    for joint, other in pairs:
        assert effort[joint] == effort[other]
        lower, upper = position[joint]
        # 0.02 rad: Spot's knees and the T1's shoulders differ by as much from side to side
        same = pytest.approx((lower, upper), abs=0.02)
        mirror = pytest.approx((-upper, -lower), abs=0.02)
        assert position[other] == same or position[other] == mirror


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


@pytest.mark.parametrize(
    ('old', 'new', 'message'),
    [
        ('velocity', 'velocty', r': limits\.velocty is unknown, expected one of \[.*velocity'),
        ('source: a drawing\n', '', r': source is missing, expected a string'),
        ('[hip, knee]', '[hip, 3]', r': joints\[1\] is 3, expected a string'),
        ('[0.0, 2.0]', '[0.0]', r': limits\.position\[1\] has 1 elements, expected 2'),
        (
            '[0.0, 2.0]',
            '[2.0, 0.0]',
            r': position\[knee\] is \[2.0, 0.0\], expected lower < upper',
        ),
        ('30.0', '.inf', r': limits\.effort\[0\] is inf, expected a finite number'),
        ('40.0', '1e3', r": limits\.effort\[1\] is '1e3', expected a number"),
        (
            '  effort',
            '  velocity',
            r': velocity is a duplicate key, again in line 6, expected once',
        ),
        (PROFILE, '- hip', r' is not a mapping, expected the keys source, joints, limits$'),
    ],
)
def test_wrong_profile_is_refused_by_file_and_key(tmp_path, old, new, message):
    path = tmp_path / 'leg.yaml'
    path.write_text(PROFILE)
    assert read_profile(path).name == 'leg'
    path.write_text(PROFILE.replace(old, new))
    with pytest.raises(ConfigError, match=r'leg\.yaml' + message):
        read_profile(path)


def test_every_profile_names_its_source():
    for path in (share_path() / 'config' / 'robots').iterdir():
        assert re.match(r'# .*Names.* source names', path.read_text()), path


ARM = """<?xml version="1.0"?>
<!-- lift, then turn -->
<robot name="arm">
  <link name="base"/>
  <joint name="world" type="fixed"/>
  <joint name="lift" type="prismatic">
    <limit lower="0.0" upper="0.4" velocity="0.1" effort="200"/>
    <safety_controller soft_lower_limit="0.1" soft_upper_limit="0.3" k_velocity="1"/>
  </joint>
  <joint name="turn" type="continuous"><limit velocity="2.5" effort="12"/></joint>
  <joint name="shoulder" type="revolute">
    <limit lower="-1.5e0" upper="0.5" velocity="3" effort="40"/>
  </joint>
  <joint name="finger" type="revolute">
    <limit lower="0" upper="1" velocity="1" effort="1"/><mimic joint="shoulder"/>
  </joint>
  <joint name="wheel" type="continuous"/>
  <transmission name="t"><joint name="lift"/></transmission>
</robot>
"""

HINGE = (
    '<robot name="r"><joint name="hip" type="revolute">'
    '<limit lower="-1" upper="1" velocity="3" effort="40"/></joint></robot>'
)

BILLION_LAUGHS = (
    '<!DOCTYPE robot [<!ENTITY l0 "lol">'
    + ''.join(f'<!ENTITY l{i} "{f"&l{i - 1};" * 10}">' for i in range(1, 10))
    + ']><robot name="&l9;"/>'
)


@pytest.fixture
def load(tmp_path):
    def load_text(text):
        path = tmp_path / 'arm.urdf'
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return load_robot(str(path))

    return load_text


def test_text_is_read_as_a_file_is(load):
    read, loaded = load_robot(f'\n  {ARM}'), load(ARM)
    assert read.source == 'URDF text'
    assert replace(read, source=loaded.source) == loaded
    assert load_robot(HINGE.replace(' name="r"', '')).name == 'robot'
    with pytest.raises(ConfigError, match=r'^URDF text: the root element is <sdf>, expected <rob'):
        load_robot('<sdf/>')
    with pytest.raises(ConfigError, match=r'^URDF text: <!DOCTYPE robot> is not allowed'):
        load_robot(BILLION_LAUGHS)


def test_actuated_joints_are_read_in_file_order(load, tmp_path):
    robot = load(ARM)
    assert robot.name == 'arm'
    assert robot.source == str(tmp_path / 'arm.urdf')
    assert robot.joints == ('lift', 'turn', 'shoulder', 'wheel')
    assert robot.position == (
        (0.0, 0.4),
        (-math.inf, math.inf),
        (-1.5, 0.5),
        (-math.inf, math.inf),
    )
    assert robot.velocity == (0.1, 2.5, 3.0, math.inf)
    assert robot.effort == (200.0, 12.0, 40.0, math.inf)
    assert load(HINGE.replace(' name="r"', '')).name == 'arm'


@pytest.mark.parametrize(
    'text',
    [
        BILLION_LAUGHS,
        '<!DOCTYPE robot SYSTEM "file:///etc/passwd"><robot name="r"/>',
        '<!DOCTYPE robot [<!ENTITY x SYSTEM "file:///etc/passwd">]><robot name="&x;"/>',
        '<!DOCTYPE robot [<!ENTITY % x SYSTEM "http://localhost/x.dtd"> %x;]><robot name="r"/>',
    ],
    ids=['billion laughs', 'external subset', 'external entity', 'parameter entity'],
)
def test_document_type_is_refused_before_any_entity_expands(load, text):
    with pytest.raises(ConfigError, match=r'arm\.urdf: <!DOCTYPE robot> is not allowed'):
        load(text)


@pytest.mark.parametrize(
    ('old', 'new', 'message'),
    [
        ('</robot>', '', r'not well-formed XML, no element found: line 1.*, expected a URDF'),
        ('robot', 'mujoco', r'the root element is <mujoco>, expected <robot>: is it a URDF\?'),
        ('name="hip" ', '', r'a <joint> has no name, expected one'),
        (
            '<joint',
            '<joint name="hip" type="fixed"/><joint',
            r"joint 'hip' occurs twice, expected un",
        ),
        ('revolute', 'ball', r"joint 'hip' has type 'ball', expected one of \['revolute', "),
        (' lower="-1"', '', r"joint 'hip': limit.lower is missing, expected a number"),
        (
            'velocity="3"',
            'velocity="fast"',
            r"joint 'hip': limit.velocity = 'fast', expected",
        ),
        ('effort="40"', 'effort="nan"', r"joint 'hip': limit.effort = 'nan', expected a number"),
        (
            'effort="40"',
            'effort="${e}"',
            r"joint 'hip': limit.effort = '\$\{e\}', expected a number",
        ),
        ('revolute', 'fixed', r'joints is empty, expected at least one joint'),
    ],
)
def test_wrong_urdf_is_refused(load, old, new, message):
    with pytest.raises(ConfigError, match=r'arm\.urdf: ' + message):
        load(HINGE.replace(old, new))


def test_xacro_is_refused_with_the_way_out(load):
    text = (
        '<robot name="r" xmlns:xacro="http://www.ros.org/wiki/xacro">'
        '<xacro:include filename="leg.xacro"/></robot>'
    )
    with pytest.raises(ConfigError, match=r'has xacro elements, expected plain URDF: run xacro'):
        load(text)


@pytest.mark.parametrize(
    'text',
    [
        b'',
        b'\x00\xff\xfe',
        b'<?xml version="1.0" encoding="utf-7"?><robot/>',
        b'<?xml version="1.0" encoding="nonsense"?><robot/>',
        b'<robot>' * 100_000,
    ],
    ids=['empty', 'binary', 'utf-7', 'unknown encoding', 'never closed'],
)
def test_what_is_not_xml_is_refused_in_one_line(load, text):
    with pytest.raises(ConfigError, match=r'arm\.urdf: not well-formed XML') as refusal:
        load(text)
    assert '\n' not in str(refusal.value)


def test_deep_nesting_does_no_harm(load):
    text = HINGE.replace('<joint', '<a>' * 100_000 + '</a>' * 100_000 + '<joint')
    assert load(text).joints == ('hip',)


def test_huge_file_is_refused(load):
    with pytest.raises(ConfigError, match=rf'is larger than {MAX_BYTES} bytes'):
        load(HINGE + ' ' * MAX_BYTES)


def test_missing_urdf_is_refused(tmp_path):
    with pytest.raises(ConfigError, match=r'no\.urdf cannot be read: No such file or directory$'):
        load_robot(str(tmp_path / 'no.urdf'))
    (tmp_path / 'folder.urdf').mkdir()
    with pytest.raises(ConfigError, match=r'cannot be read: Is a directory$'):
        load_robot(str(tmp_path / 'folder.urdf'))
