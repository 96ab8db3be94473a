# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from distill_runtime.errors import ConfigError
from distill_runtime.spec.term import check_clip, clip_pairs
import pytest


def test_one_pair_serves_all_elements():
    assert clip_pairs((-1.0, 2.0), 3) == ((-1.0, 2.0),) * 3


def test_one_pair_each_is_taken_as_it_is():
    pairs = ((-1.0, 2.0), (None, 3.0))
    assert clip_pairs(pairs, 2) == pairs


def test_open_pair_is_no_list_of_pairs():
    assert clip_pairs((None, 1.0), 2) == ((None, 1.0), (None, 1.0))


def test_no_clip_has_no_pairs():
    assert clip_pairs(None, 3) == ()
    check_clip(None, 3)


@pytest.mark.parametrize(
    ('clip', 'message'),
    [
        ((), r'^clip is empty, expected \[lower, upper\], or one such pair per element$'),
        (((-1.0, 1.0),) * 3, r'^clip has 3 pairs, expected 2$'),
        ((1.0, -1.0), r'^clip is \[1\.0, -1\.0\], expected the lower bound first$'),
        ((1.0, 1.0), r'^clip is \[1\.0, 1\.0\], expected the lower bound first$'),
        ((float('nan'), 1.0), r'^clip is \[nan, 1\.0\], expected the lower bound first$'),
    ],
)
def test_anything_else_is_refused(clip, message):
    with pytest.raises(ConfigError, match=message):
        check_clip(clip, 2)
