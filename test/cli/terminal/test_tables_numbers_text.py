# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from distill_runtime.cli.terminal.tables import bounds_text, clip_text, number_range
import pytest


@pytest.mark.parametrize(
    ('values', 'text'),
    [
        ([0.05], '0.05'),
        ([2.0, 2.0, 2.0], '2'),
        ([2.0, 2.0, 0.25], '2 2 0.25'),
        ([1.0, 2.0, 3.0, -4.0, 5.0], '-4 .. 5'),
    ],
)
def test_numbers(values, text):
    assert number_range(values) == text


@pytest.mark.parametrize(
    ('clip', 'text'),
    [
        (None, '-'),
        ((-100.0, 100.0), '-100 .. 100'),
        ((None, 1.0), '-inf .. 1'),
        (((-1.0, 1.0), (-2.0, None)), '-2 .. inf (by element)'),
    ],
)
def test_clip(clip, text):
    assert clip_text(clip) == text


def test_missing_bound_is_infinite():
    assert bounds_text(None, 0.52361) == '-inf .. 0.5236'
