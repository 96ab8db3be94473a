# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from dataclasses import replace
import math
import re

from distill_runtime.errors import ConfigError
from distill_runtime.spec.robots import load_urdf, MAX_BYTES, read_urdf
import pytest

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
        return load_urdf(path)

    return load_text


def test_text_is_read_as_a_file_is(load):
    read, loaded = read_urdf(f'\n  {ARM}'), load(ARM)
    assert read.source == 'URDF text'
    assert replace(read, source=loaded.source) == loaded
    assert read_urdf(HINGE.replace(' name="r"', '')).name == 'robot'
    with pytest.raises(ConfigError, match=r'^URDF text: the root element is <sdf>, expected <rob'):
        read_urdf('<sdf/>')
    with pytest.raises(ConfigError, match=r'^URDF text: <!DOCTYPE robot> is not allowed'):
        read_urdf(BILLION_LAUGHS)


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


def test_robot_without_a_name_is_named_after_its_file(load):
    assert load(HINGE.replace(' name="r"', '')).name == 'arm'


def test_limits_of_a_continuous_joint_do_not_bound_its_position(load):
    robot = load(HINGE.replace('revolute', 'continuous'))
    assert robot.position == ((-math.inf, math.inf),)


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
        ('effort="40"', 'effort="0"', r'effort\[hip\] is 0.0, expected above 0'),
        ('upper="1"', 'upper="-2"', r'position\[hip\] is \[-1.0, -2.0\], expected lower < upper'),
        ('revolute', 'fixed', r'joints is empty, expected at least one joint'),
    ],
)
def test_wrong_urdf_is_refused(load, old, new, message):
    with pytest.raises(ConfigError, match=r'arm\.urdf: ' + message):
        load(HINGE.replace(old, new))


def test_doubled_joint_is_refused(load):
    joint = re.search(r'<joint.*</joint>', HINGE).group()
    with pytest.raises(ConfigError, match=r"joint 'hip' occurs twice, expected unique names"):
        load(HINGE.replace(joint, joint + joint))


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


def test_missing_file_is_refused(tmp_path):
    with pytest.raises(ConfigError, match=r'no\.urdf cannot be read: No such file or directory$'):
        load_urdf(tmp_path / 'no.urdf')
    with pytest.raises(ConfigError, match=r'cannot be read: Is a directory$'):
        load_urdf(tmp_path)
