# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from distill_runtime.sim.scene import clearance, floor_geoms
import mujoco
import pytest

SCENE = """
<mujoco>
  <worldbody>
    <geom name="floor" type="plane" size="0 0 1" {floor}/>
    <geom name="picture" type="box" size="1 1 1" contype="0" conaffinity="0"/>
    <body name="step" pos="5 0 0"><geom name="step" type="box" size="1 1 0.2"/></body>
    <body name="ball" pos="{x} 0 1">
      <freejoint/>
      <geom name="ball" type="sphere" size="0.1" {ball}/>
      <geom name="shell" type="sphere" size="0.5" contype="0" conaffinity="0"/>
    </body>
  </worldbody>
  {pairs}
</mujoco>
"""


def distance(**fields):
    text = SCENE.format(**{'floor': '', 'ball': '', 'pairs': '', 'x': 0, **fields})
    model = mujoco.MjModel.from_xml_string(text)
    data = mujoco.MjData(model)
    mujoco.mj_kinematics(model, data)
    return clearance(model, data, model.body('ball').id, floor_geoms(model))


def test_floor_is_fixed_and_can_collide():
    model = mujoco.MjModel.from_xml_string(SCENE.format(floor='', ball='', pairs='', x=0))
    assert [model.geom(geom).name for geom in floor_geoms(model)] == ['floor', 'step']


def test_clearance_is_that_of_the_nearest_geom_that_collides():
    assert distance() == pytest.approx(0.9)


def test_clearance_over_a_step_is_less():
    assert distance(x=5) == pytest.approx(0.7)


def test_masks_decide_what_collides():
    assert distance(floor='contype="1" conaffinity="0"', ball='contype="0"') == pytest.approx(0.9)
    unmatched = distance(floor='contype="2" conaffinity="0"', ball='contype="0" conaffinity="4"')
    assert unmatched == float('inf')


def test_explicit_pair_collides_without_masks():
    pairs = '<contact><pair geom1="ball" geom2="floor"/></contact>'
    none = 'contype="0" conaffinity="0"'
    assert distance(floor=none, ball=none, pairs=pairs) == pytest.approx(0.9)
