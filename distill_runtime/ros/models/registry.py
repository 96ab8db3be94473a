# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""The policies that a node holds: who acts, who did, who may come."""

from __future__ import annotations

from distill_runtime.core.instance.policy_instance import PolicyInstance

from .loaded_model import LoadedModel


class ModelRegistry:
    """Finds the model of an actor.

    What is no longer needed is let go by ``dismiss``, never by the thread that ticks: to end a
    network takes time.

    Attributes:
        active: Who acts.
    """

    def __init__(self, first: LoadedModel) -> None:
        """Begin with the policy of the configuration."""
        self.active = first
        self._all = {first.instance: first}

    def add(self, model: LoadedModel) -> None:
        """Hold another policy."""
        self._all[model.instance] = model

    def __getitem__(self, instance: PolicyInstance) -> LoadedModel:
        """Return the model of an actor."""
        return self._all[instance]

    def find(self, instance: PolicyInstance) -> LoadedModel | None:
        """Return the model of an actor; None if it was let go meanwhile."""
        return self._all.get(instance)

    def turn_to(self, instance: PolicyInstance) -> LoadedModel:
        """Note who acts from now on, and return it."""
        self.active = self._all[instance]
        return self.active

    def dismiss(self, *needed: PolicyInstance | None) -> None:
        """Let go of all but some."""
        self._all = {instance: self._all[instance] for instance in self._all if instance in needed}
