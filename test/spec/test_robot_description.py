# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import math

from distill_runtime.errors import ConfigError
from distill_runtime.spec.robot_description import RobotDescription
import pytest


def make_description(**changes):
    values = {
        'name': 'leg',
        'joints': ('hip', 'knee'),
        'position': ((-1.0, 1.0), (0.0, 2.0)),
        'velocity': (10.0, 20.0),
        'effort': (30.0, 40.0),
        'source': 'a drawing',
    }
    return RobotDescription(**{**values, **changes})


def test_unknown_limits_may_be_none():
    robot = make_description(position=None, velocity=None, effort=None)
    assert robot.joints == ('hip', 'knee')


def test_infinity_is_no_limit():
    free = ((-math.inf, math.inf), (0.0, math.inf))
    assert make_description(position=free, velocity=(math.inf, 1.0)).position == free


def test_motors_are_numbered_around_the_unused_ones():
    assert make_description().by_motor == ('hip', 'knee')
    robot = make_description(unused_motors=(2, 0))
    assert robot.by_motor == (None, 'hip', None, 'knee')


@pytest.mark.parametrize(
    ('message', 'changes'),
    {
        r"^name is '', expected the name of the robot$": {'name': ''},
        r'^joints is empty, expected at least one joint$': {'joints': ()},
        r"^joints has an element '', expected the name of a joint$": {'joints': ('hip', '')},
        r"^joints has 'hip' 2 times, expected unique names$": {'joints': ('hip', 'hip')},
        r'^position has 1 elements, expected 2, one per joint$': {'position': ((-1.0, 1.0),)},
        r'^position\[knee\] is \[2.0, 2.0\], expected lower < upper$': {
            'position': ((-1.0, 1.0), (2.0, 2.0))
        },
        r'^position\[hip\] is \[nan, 1.0\]': {'position': ((math.nan, 1.0), (0.0, 2.0))},
        r'^position\[knee\] is \[0.0, nan\]': {'position': ((0.0, 1.0), (0.0, math.nan))},
        r'^position\[hip\] is \[inf, inf\]': {'position': ((math.inf, math.inf), (0.0, 2.0))},
        r'^velocity has 3 elements, expected 2, one per joint': {'velocity': (1.0, 2.0, 3.0)},
        r'^velocity\[knee\] is 0.0, expected above 0$': {'velocity': (1.0, 0.0)},
        r'^velocity\[hip\] is nan, expected above 0$': {'velocity': (math.nan, 1.0)},
        r'^effort has 0 elements, expected 2, one per joint$': {'effort': ()},
        r'^unused_motors is \[3\], expected different numbers below 3$': {'unused_motors': (3,)},
        r'^unused_motors is \[0, 0\], expected different numbers ': {'unused_motors': (0, 0)},
        r'^effort\[hip\] is -1.0, expected above 0$': {'effort': (-1.0, 1.0)},
    }.items(),
)
def test_wrong_description_is_refused(changes, message):
    with pytest.raises(ConfigError, match=message):
        make_description(**changes)
