# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""The loaded models of a node: the active one, the previous one, the candidate."""

from __future__ import annotations

from distill_runtime.core.instance.policy_instance import PolicyInstance

from .loader import LoadedModel


class ModelRegistry:
    """Finds the loaded model of a policy instance.

    Models are freed by ``retain``, never by the control thread: to free a network takes time.

    Attributes:
        active: The model whose policy runs.
    """

    def __init__(self, first: LoadedModel) -> None:
        """Make the model of the configuration the active one."""
        self.active = first
        self._models = {first.instance: first}

    def add(self, model: LoadedModel) -> None:
        """Register a model."""
        self._models[model.instance] = model

    def __getitem__(self, instance: PolicyInstance) -> LoadedModel:
        """Return the model of an instance."""
        return self._models[instance]

    def find(self, instance: PolicyInstance) -> LoadedModel | None:
        """Return the model of an instance; None if it was freed meanwhile."""
        return self._models.get(instance)

    def activate(self, instance: PolicyInstance) -> LoadedModel:
        """Make the model of an instance the active one, and return it."""
        self.active = self._models[instance]
        return self.active

    def retain(self, *needed: PolicyInstance | None) -> None:
        """Free all models but those of some instances."""
        models = self._models
        self._models = {instance: models[instance] for instance in models if instance in needed}
