# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import math

from distill_runtime.errors import ConfigError
from distill_runtime.spec.mapping import read_dataclass, to_mapping
from distill_runtime.spec.spec import Limits
import pytest

MAPPING = {'position': [[-1.0, 2.0], [None, None]], 'velocity': [3.0, None]}


def test_null_is_no_limit():
    limits = read_dataclass(Limits, MAPPING, 'limits')
    assert limits.position == ((-1.0, 2.0), (-math.inf, math.inf))
    assert limits.velocity == (3.0, math.inf)
    assert limits.effort is None


def test_mapping_reads_back_without_infinities():
    assert to_mapping(read_dataclass(Limits, MAPPING, 'limits')) == MAPPING
    assert to_mapping(Limits()) == {}


@pytest.mark.parametrize(
    ('mapping', 'message'),
    [
        ({'torque': []}, r"^limits\.torque is unknown, expected one of \['effort', 'position', "),
        ({'position': [[1]]}, r'^limits\.position\[0\] has 1 elements, expected 2$'),
        ({'position': [1, 2]}, r'^limits\.position is \[1, 2\], expected a list of a list of 2'),
        ({'velocity': [math.inf]}, r'^limits\.velocity\[0\] is inf, expected a finite number$'),
        ({'effort': ['1']}, r"^limits\.effort is \['1'\], expected "),
        ([], r'^limits is \[\], expected a mapping$'),
    ],
)
def test_anything_else_is_refused(mapping, message):
    with pytest.raises(ConfigError, match=message):
        read_dataclass(Limits, mapping, 'limits')
