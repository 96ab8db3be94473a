# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from distill_runtime.distill.command_curve import CommandCurve
from distill_runtime.errors import ConfigError
import numpy as np
import pytest

CURVE = CommandCurve(unit=(0.5, 0.4, 1.0), wanted=(0.0, 0.2, 1.0), told=(0.0, 0.6, 1.0))


def test_default_changes_nothing():
    command = np.array([0.3, -0.2, 0.1])
    np.testing.assert_array_equal(CommandCurve().teacher_command(command), command)


@pytest.mark.parametrize(
    ('wanted', 'told'),
    [
        ([0.0, 0.0, 0.0], [0.0, 0.0, 0.0]),
        ([0.1, 0.0, 0.0], [0.3, 0.0, 0.0]),  # size 0.2 becomes 0.6
        ([0.0, -0.24, 0.0], [0.0, -0.32, 0.0]),  # 0.6 becomes 0.8
        ([0.0, 0.0, 1.0], [0.0, 0.0, 1.0]),
        ([0.3, 0.0, 0.8], [0.3, 0.0, 0.8]),  # 1 stays
        ([2.0, 0.0, 0.0], [2.0, 0.0, 0.0]),
    ],
)
def test_size_follows_the_curve_and_direction_stays(wanted, told):
    np.testing.assert_allclose(CURVE.teacher_command(np.array(wanted)), told, atol=1e-12)


@pytest.mark.parametrize(
    ('changes', 'message'),
    [
        ({'unit': (1.0, 0.0, 1.0)}, r'unit is \[1\.0, 0\.0, 1\.0\], expected above 0'),
        ({'told': (0.0, 1.0)}, 'told has 2 elements, expected as many as wanted, 3'),
        ({'wanted': (0.0, 0.2, 0.2)}, 'expected rising from 0'),
        ({'wanted': (0.1, 0.2, 1.0)}, 'expected rising from 0'),
        ({'told': (0.0, 0.6, 0.5)}, 'expected from 0 and not falling'),
        ({'told': (0.0, 0.6, 1.2)}, 'told ends at 1.2, expected the end of wanted, 1.0'),
    ],
)
def test_wrong_curve_is_refused(changes, message):
    fields = {'unit': (1.0, 1.0, 1.0), 'wanted': (0.0, 0.2, 1.0), 'told': (0.0, 0.6, 1.0)}
    with pytest.raises(ConfigError, match=message):
        CommandCurve(**{**fields, **changes})
