# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from distill_runtime.errors import ConfigError
import pytest
from support.sim import driven


def test_joints_with_equal_lengths_are_accepted():
    assert driven(['a', 'b'], effort=(1.0, 2.0)).effort == (1.0, 2.0)


def test_policy_without_joints_is_refused():
    with pytest.raises(ConfigError, match=r'joints are \[\], expected at least one'):
        driven([])


@pytest.mark.parametrize(
    ('changes', 'message'),
    [
        ({'stiffness': (1.0,)}, 'stiffness has 1 values, expected 2'),
        ({'effort': (1.0, 2.0, 3.0)}, 'effort has 3 values, expected 2'),
        ({'modes': ('position', 'torque')}, r"modes\[b\] is 'torque', expected one of"),
    ],
)
def test_wrong_length_or_mode_is_refused(changes, message):
    with pytest.raises(ConfigError, match=message):
        driven(['a', 'b'], **changes)
