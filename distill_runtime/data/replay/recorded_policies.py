# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Who acts in a recording: the policy that is replayed, others by what was recorded of them."""

from __future__ import annotations

from collections.abc import Mapping

from distill_runtime.core.arrays import IndexArray
from distill_runtime.core.compiled_spec import CompiledSpec
from distill_runtime.core.config import RunnerConfig
from distill_runtime.core.instance.policy_instance import PolicyInstance
from distill_runtime.core.runner import PolicyRunner
from distill_runtime.data.recording.internals import VectorSeries
from distill_runtime.data.recording.node_info import RecordedModel
from distill_runtime.data.recording.tick_log import TickLog
from distill_runtime.errors import ConfigError
from distill_runtime.policy.model import LoadedPolicy
from distill_runtime.spec.compile import compile_spec, sensor_layout
from distill_runtime.spec.spec import PolicySpec
from distill_runtime.wire.tick_fields import model_number

from .swap_driver import Cast, RecordedActions


def make_cast(
    policy: LoadedPolicy,
    config: RunnerConfig,
    log: TickLog,
    models: tuple[RecordedModel, ...],
    actions: VectorSeries | None,
    rows: IndexArray | None,
) -> tuple[PolicyRunner, Cast] | None:
    """Return the runner of a recording in which the model changed, and who acts in it.

    Args:
        policy: The one that is replayed.
        config: Of the runner.
        log: The ticks.
        models: What the node said of its models.
        actions: What was recorded of all networks; those of another width are missing.
        rows: Row in actions of each tick.

    Returns:
        None where the model did not change, or too little was recorded of the others.
    """
    numbers = log.model.tolist()
    own = model_number(policy.sha256)
    others = set(numbers) - {own}
    specs = {model.number: model.spec for model in models if model.spec is not None}
    if own not in numbers or not others or actions is None or rows is None:
        return None
    if not others <= set(specs):
        return None
    try:
        plans = _plans(policy, {number: specs[number] for number in others})
    except ConfigError:
        return None
    if any(compiled.action.width != actions.values.shape[1] for compiled in plans.values()):
        return None
    networks = {
        number: RecordedActions(compiled, actions.values[:], rows)
        for number, compiled in plans.items()
    }
    first = numbers[0]
    if first == own:
        runner = policy.runner(config)
        actors = {own: runner.switcher.active}
    else:
        runner = PolicyRunner(plans[first], networks[first], config)
        own_plan = compile_spec(policy.spec, runner.compiled.layout)
        actors = {
            first: runner.switcher.active,
            own: PolicyInstance(own_plan, policy.session, config.checks),
        }
    for number, compiled in plans.items():
        if number not in actors:
            actors[number] = PolicyInstance(compiled, networks[number], config.checks)
    return runner, Cast(own, actors, tuple(networks.values()), numbers, models)


def _plans(policy: LoadedPolicy, specs: Mapping[int, PolicySpec]) -> dict[int, CompiledSpec]:
    """Compile other policies for the sensors and the order of commands of the own one."""
    layout = sensor_layout(policy.spec)
    return {
        number: compile_spec(spec, layout, policy.spec.joints) for number, spec in specs.items()
    }
