# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""What a control loop works with, from configure to cleanup."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from distill_runtime.core.runner import PolicyRunner
from distill_runtime.core.sensors import Sensors
from distill_runtime.core.step import Step
from distill_runtime.core.swap.swap import Swap, SwapState
from distill_runtime.ros.models.loader import LoadedModel, ModelFactory, ModelRegistry
from distill_runtime.ros.node_config import StudentNodeConfig
from rclpy.node import Node

from .commands import CommandOutput
from .inputs import Inputs
from .raw_subscription import Estop
from .tick_topics import Internals


class LoopObserver(Protocol):
    """Sees what a control loop does; called by its thread."""

    def on_tick(self, step: Step, stamp_ns: int, latency_ns: int, missed: int) -> None:
        """See a tick: its result, its time, how long it took, deadlines missed so far."""

    def on_swap(self, model: LoadedModel, swap: Mapping[str, str]) -> None:
        """See which model is active from the next tick on, and the values of ~/model about it."""

    def on_crash(self, reason: str, stamp_ns: int) -> None:
        """See why the loop ends, and when."""


class SwapEvent(NamedTuple):
    """A swap that has become active, was rejected or rolled back."""

    swap: Swap
    state: SwapState
    """What it had become; the swap itself may have changed since."""
    values: Mapping[str, str]
    """Values of ~/model about it; empty where the model was rejected."""


@dataclass(frozen=True, kw_only=True)
class LoopContext:
    """What a control loop works with."""

    node: Node
    config: StudentNodeConfig
    model_factory: ModelFactory
    registry: ModelRegistry
    runner: PolicyRunner
    sensors: Sensors
    inputs: Inputs
    output: CommandOutput
    estop: Estop
    internals: Internals
    swap_events: deque[SwapEvent] = field(default_factory=deque)
    """Swaps that are not reported yet, oldest first."""

    def apply_swaps(self, observer: LoopObserver | None) -> None:
        """Make the switcher's active policy the active model, and queue an event per swap.

        Called by the control thread, or while none runs.
        """
        switcher = self.runner.switcher
        while switcher.changed_swaps:
            swap, values = switcher.changed_swaps[0], dict[str, str]()
            if swap.state is not SwapState.REFUSED:
                values = self._activate(swap)
                if observer is not None:
                    observer.on_swap(self.registry.active, values)
            self.swap_events.append(SwapEvent(swap, swap.state, values))
            switcher.changed_swaps.popleft()  # last: a waiting thread finds the event in the queue

    def destroy(self) -> None:
        """Withdraw all topics."""
        for topics in (self.inputs, self.estop, self.output, self.internals):
            topics.destroy()

    def _activate(self, swap: Swap) -> dict[str, str]:
        """Make the switcher's active policy the active model; return the values of ~/model.

        A replay repeats the swap from these values.
        """
        switcher, before = self.runner.switcher, self.registry.active
        is_back = swap.state is SwapState.ROLLED_BACK
        if is_back and switcher.previous is not None:
            # it may have become active and failed within one step
            before = self.registry[switcher.previous.instance]
        self.internals.policy = self.registry.activate(switcher.active).messages
        return {
            'why': f'rolled back: {swap.reason}' if is_back else swap.why,
            'since_ns': str(swap.stamp_ns),
            'history_since_ns': str(swap.since_ns),
            'blend_time': str(swap.options.blend_time),
            'previous': before.policy.path.name,
            'previous_sha256': before.policy.sha256,
        }
