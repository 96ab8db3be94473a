# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from types import SimpleNamespace

from distill_runtime.ros.models.registry import ModelRegistry


def make_model():
    return SimpleNamespace(instance=object())


def test_first_model_is_active_until_another_is_activated():
    first, second = make_model(), make_model()
    registry = ModelRegistry(first)
    registry.add(second)
    assert registry.active is first
    assert registry[second.instance] is second
    assert registry.activate(second.instance) is registry.active is second


def test_only_models_of_retained_instances_are_kept():
    models = [make_model() for _ in range(3)]
    first, second, third = (model.instance for model in models)
    registry = ModelRegistry(models[0])
    registry.add(models[1])
    registry.add(models[2])
    registry.retain(third, first, None)
    assert [registry.find(instance) for instance in (first, second, third)] == [
        models[0], None, models[2]
    ]  # fmt: skip
