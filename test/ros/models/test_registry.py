# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from types import SimpleNamespace

from distill_runtime.ros.models.registry import ModelRegistry
import pytest


def occupant():
    return SimpleNamespace(instance=object())


def test_first_one_acts_until_another_is_turned_to():
    first, second = occupant(), occupant()
    cast = ModelRegistry(first)
    cast.add(second)
    assert cast.active is first
    assert cast[second.instance] is second
    assert cast.turn_to(second.instance) is cast.active is second


def test_only_who_is_needed_is_held():
    first, second, third = occupant(), occupant(), occupant()
    cast = ModelRegistry(first)
    cast.add(second)
    cast.add(third)
    cast.dismiss(third.instance, first.instance, None)
    assert cast[first.instance] is first
    assert cast[third.instance] is third
    with pytest.raises(KeyError):
        cast[second.instance]
