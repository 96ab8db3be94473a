# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""The policies that a node holds: who acts, who did, who may come."""

from __future__ import annotations

from distill_runtime.core.instance.policy_instance import Actor

from .loaded_model import Occupant


class Cast:
    """Finds the model of an actor.

    What is no longer needed is let go by ``dismiss``, never by the thread that ticks: to end a
    network takes time.

    Attributes:
        active: Who acts.
    """

    def __init__(self, first: Occupant) -> None:
        """Begin with the policy of the configuration."""
        self.active = first
        self._all = {first.actor: first}

    def add(self, occupant: Occupant) -> None:
        """Hold another policy."""
        self._all[occupant.actor] = occupant

    def __getitem__(self, actor: Actor) -> Occupant:
        """Return the model of an actor."""
        return self._all[actor]

    def find(self, actor: Actor) -> Occupant | None:
        """Return the model of an actor; None if it was let go meanwhile."""
        return self._all.get(actor)

    def turn_to(self, actor: Actor) -> Occupant:
        """Note who acts from now on, and return it."""
        self.active = self._all[actor]
        return self.active

    def dismiss(self, *needed: Actor | None) -> None:
        """Let go of all but some."""
        self._all = {actor: self._all[actor] for actor in self._all if actor in needed}
