# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from types import SimpleNamespace

from distill_runtime.ros.models.registry import Cast
import pytest


def occupant():
    return SimpleNamespace(actor=object())


def test_first_one_acts_until_another_is_turned_to():
    first, second = occupant(), occupant()
    cast = Cast(first)
    cast.add(second)
    assert cast.active is first
    assert cast[second.actor] is second
    assert cast.turn_to(second.actor) is cast.active is second


def test_only_who_is_needed_is_held():
    first, second, third = occupant(), occupant(), occupant()
    cast = Cast(first)
    cast.add(second)
    cast.add(third)
    cast.dismiss(third.actor, first.actor, None)
    assert cast[first.actor] is first
    assert cast[third.actor] is third
    with pytest.raises(KeyError):
        cast[second.actor]
