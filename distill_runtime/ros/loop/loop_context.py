# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""What a control loop connects."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from distill_runtime.core.runner import PolicyRunner
from distill_runtime.core.sensors import Sensors
from distill_runtime.core.swap.swap import Swap, SwapState
from distill_runtime.ros.models.loaded_model import ModelFactory
from distill_runtime.ros.models.registry import ModelRegistry
from distill_runtime.ros.models.swap_values import swap_values
from distill_runtime.ros.node_config import StudentNodeConfig
from rclpy.node import Node

from .commands import CommandOutput
from .estop import Estop
from .inputs import Inputs
from .tick_topics import Internals


@dataclass(frozen=True, kw_only=True)
class LoopContext:
    """What a control loop connects."""

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

    def destroy(self) -> None:
        """Withdraw all topics."""
        for part in (self.inputs, self.estop, self.output, self.internals):
            part.destroy()


def turn(context: LoopContext, swap: Swap) -> tuple[Swap, Mapping[str, str]]:
    """Turn to the policy that acts after a swap; return the swap with its values for ~/model."""
    if swap.state is SwapState.REFUSED:
        return swap, {}
    registry, switcher = context.registry, context.runner.switcher
    gone = registry.active
    if swap.state is SwapState.ROLLED_BACK and switcher.previous is not None:
        gone = registry[switcher.previous.instance]  # it may have come and gone within one step
    context.internals.policy = registry.turn_to(switcher.active).messages
    return swap, swap_values(swap, gone)
