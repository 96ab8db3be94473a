# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Build what a control loop works with from the parameters."""

from __future__ import annotations

from collections.abc import Mapping
import contextlib
from dataclasses import replace

from distill_runtime.core.checks.registry import CheckConfig
from distill_runtime.core.compiled_spec import CompiledSpec
from distill_runtime.core.runner import PolicyRunner
from distill_runtime.core.sensors import Sensors
from distill_runtime.policy.session import TimedPolicy
from distill_runtime.ros.loop.commands import command_writer, CommandOutput
from distill_runtime.ros.loop.inputs import Inputs
from distill_runtime.ros.loop.loop_context import LoopContext
from distill_runtime.ros.loop.raw_subscription import Estop
from distill_runtime.ros.loop.realtime import lock_memory
from distill_runtime.ros.loop.tick_topics import Internals, PolicyMessages
from distill_runtime.ros.models.loader import load_chosen_policy, ModelFactory
from distill_runtime.ros.models.registry import ModelRegistry
from distill_runtime.spec.compile import compile_spec, sensor_layout
from distill_runtime.spec.spec import PolicySpec
from rclpy.node import Node

from .node_config import StudentNodeConfig
from .robot_description import read_description


def assemble(
    node: Node, config: StudentNodeConfig, checks: Mapping[str, CheckConfig]
) -> LoopContext:
    """Load and check the model, and create its topics.

    Args:
        node: Owner of the topics.
        config: Its parameters.
        checks: Its parameters of the checks.

    Raises:
        DistillError: If anything is wrong; all topics are withdrawn again.
    """
    description = read_description(node, config.robot_description)
    config = replace(config, robot_description=description)
    policy = load_chosen_policy(config)
    timed = TimedPolicy(policy.session)
    compiled = compile_spec(policy.spec, sensor_layout(policy.spec))
    runner = PolicyRunner(compiled, timed, config.runner_config(policy.spec.period, checks))
    sensors = Sensors(runner.compiled.layout)
    writer = command_writer(config.command_type, runner)
    if config.lock_memory:
        lock_memory()
    inputs = _subscribe(node, config, policy.spec, runner.compiled, sensors)
    with contextlib.ExitStack() as undo:
        undo.callback(inputs.destroy)
        estop = Estop(node)
        undo.callback(estop.destroy)
        output = CommandOutput(node, writer, config.shadow)
        undo.callback(output.destroy)
        internals = Internals(node, inputs, PolicyMessages(policy.spec, policy.sha256))
        undo.callback(internals.destroy)
        internals.publish_details(config.publish_internals)
        name = node.get_fully_qualified_name()
        model_factory = ModelFactory(name, internals.labels, policy.spec, runner)
        undo.pop_all()
    return LoopContext(
        node=node,
        config=config,
        model_factory=model_factory,
        registry=ModelRegistry(model_factory.first(policy, timed, config)),
        runner=runner,
        sensors=sensors,
        inputs=inputs,
        estop=estop,
        output=output,
        internals=internals,
    )


def _subscribe(
    node: Node,
    config: StudentNodeConfig,
    spec: PolicySpec,
    compiled: CompiledSpec,
    sensors: Sensors,
) -> Inputs:
    """Subscribe to the inputs of a policy."""
    return Inputs(
        node,
        spec,
        compiled,
        sensors,
        is_lockstep=config.trigger == 'joint_states',
        needs_velocity=config.command_type == 'effort',
        has_stamped_command=config.enable_stamped_cmd_vel,
        uses_arrival=config.input_stamps == 'arrival',
    )
