# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""A model made ready to act on a robot that another one walks."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
import time

from distill_runtime.core.compiled_spec import CompiledSpec
from distill_runtime.core.instance.policy_instance import PolicyInstance
from distill_runtime.core.runner import PolicyRunner
from distill_runtime.core.swap.compatibility import differences
from distill_runtime.data.flight_recorder.messages import change_body, Part
from distill_runtime.errors import ConfigError, ModelError
from distill_runtime.policy.model import LoadedPolicy
from distill_runtime.policy.model_file.model_files import inspect_model, model_files
from distill_runtime.policy.model_file.onnx_facts import MAX_BYTES, size_of
from distill_runtime.policy.session import TimedPolicy
from distill_runtime.policy.validation import self_test
from distill_runtime.ros.loop.tick_topics import PolicyMessages
from distill_runtime.ros.node_config import StudentNodeConfig
from distill_runtime.ros.recorder.definitions import frames, model_facts
from distill_runtime.spec.compile import compile_spec, external_terms
from distill_runtime.spec.robots import load_robot
from distill_runtime.spec.spec import PolicySpec
from distill_runtime.spec.terms import External

from .loader import load_chosen_policy

_LARGEST = 64_000_000  # to free as much takes 3 ms
_WARM_RUNS = 20
_FIRST_RUNS = 3  # they bring weights into memory
_CONFIGURE = 'deactivate and clean up the node, set model, and configure it anew'


@dataclass(frozen=True, kw_only=True, eq=False)
class LoadedModel:
    """A policy and where it comes from."""

    policy: LoadedPolicy
    instance: PolicyInstance
    timed: TimedPolicy
    config: StudentNodeConfig
    """Names its files."""
    messages: PolicyMessages
    """Of its observations and actions."""
    frames: dict[tuple[bool, bool], tuple[Part, ...]]
    """What its ticks leave in a journal."""
    facts: dict[str, str]
    """What a replay needs to know of it."""
    change: bytes
    """Both, as a journal holds them."""

    @property
    def name(self) -> str:
        """File name and the beginning of the hash, for people."""
        return f'{self.policy.path.name} ({self.policy.sha256[:12]})'


class ModelFactory:
    """Makes models ready for one node.

    The first is that of its configuration; those that follow must be of the same robot.
    """

    def __init__(
        self, node_name: str, labels: tuple[str, ...], spec: PolicySpec, runner: PolicyRunner
    ) -> None:
        """Begin.

        Args:
            node_name: Full name of the node.
            labels: Of ~/tick.
            spec: Of the policy that the node was configured with.
            runner: Of that policy.
        """
        self._node_name = node_name
        self._labels = labels
        self._spec = spec
        self._runner = runner

    def first(
        self, policy: LoadedPolicy, timed: TimedPolicy, config: StudentNodeConfig
    ) -> LoadedModel:
        """Return the policy that the runner was made for, which runs it as given here."""
        return self._loaded(policy, self._runner.switcher.active, timed, config)

    def make(self, config: StudentNodeConfig) -> LoadedModel:
        """Load a model, check all that can be checked, and warm it; any thread may.

        Args:
            config: Names its files.

        Raises:
            DistillError: If anything about it is wrong, or it is none of this robot.
        """
        runner = self._runner
        _refuse_large(Path(config.model).expanduser())
        policy = load_chosen_policy(config)
        timed = TimedPolicy(policy.session)
        _warm(policy, timed, runner)
        robot = config.robot or config.robot_description
        *_, findings = self_test(policy, load_robot(robot) if robot else None)
        errors = [finding for finding in findings if finding.severity == 'error']
        if errors:
            texts = '; '.join(f'{finding.code}: {finding.message}' for finding in errors)
            raise ModelError(f'{policy.path} has problems: {texts}')
        instance = PolicyInstance(
            _compiled(policy, self._spec, runner), timed, runner.config.checks
        )
        return self._loaded(policy, instance, timed, config)

    def _loaded(
        self,
        policy: LoadedPolicy,
        instance: PolicyInstance,
        timed: TimedPolicy,
        config: StudentNodeConfig,
    ) -> LoadedModel:
        joints = self._runner.compiled.joints.names
        left = frames(self._node_name, self._labels, joints, policy.spec)
        facts = model_facts(policy, config, self._runner)
        return LoadedModel(
            policy=policy,
            instance=instance,
            timed=timed,
            config=config,
            messages=PolicyMessages(policy.spec, policy.sha256),
            frames=left,
            facts=facts,
            change=change_body(left.values(), facts),
        )


def _refuse_large(path: Path) -> None:
    """Refuse what stops all threads for too long when it is let go.

    Raises:
        DistillError: If it is too large, or cannot be read.
    """
    size = size_of(path, MAX_BYTES)
    if size <= _LARGEST:
        size = sum(size_of(file, MAX_BYTES) for file in model_files(path, inspect_model(path)))
    if size > _LARGEST:
        raise ModelError(
            f'{path} has {size / 1e6:.0f} MB, expected at most {_LARGEST / 1e6:.0f} MB while the '
            f'node runs: {_CONFIGURE}'
        )


def _compiled(policy: LoadedPolicy, known: PolicySpec, runner: PolicyRunner) -> CompiledSpec:
    """Compile a policy for the sensors and commands of a runner."""
    spec, path = policy.spec, policy.path
    base = runner.compiled
    there = {
        (term.topic, term.width, term.max_age, term.message) for term in external_terms(known)
    }
    for term in external_terms(spec):
        if (term.topic, term.width, term.max_age, term.message) not in there:
            raise ConfigError(
                f'{path}: external {term.topic!r} is not among what the node was configured '
                f'to listen to, with this width, age and type: {_CONFIGURE}'
            )
    try:
        compiled = compile_spec(spec, base.layout, base.joints.names)
    except ConfigError as error:
        raise ConfigError(f'{path}: {error}') from error
    found = differences(base, compiled)
    if found:
        raise ConfigError(
            f'{path} cannot take over while the node runs: {"; ".join(found)}: {_CONFIGURE}'
        )
    return compiled


def _subscription(term: External) -> tuple[str, int, float, str]:
    """Return what a node listens to for a term."""
    return term.topic, term.width, term.max_age, term.message


def _warm(policy: LoadedPolicy, timed: TimedPolicy, runner: PolicyRunner) -> None:
    """Run a network until all of it is in memory, and refuse one that is too slow."""
    share = runner.config.checks['inference_time'].limit
    longest = share * runner.control_period_ns / 1e9
    fastest = float('inf')
    for number in range(_WARM_RUNS):
        start = time.perf_counter()
        timed.run()
        fastest = min(fastest, time.perf_counter() - start)
        if fastest > longest and number >= _FIRST_RUNS:
            break
    timed.mean_ns = 1e9 * fastest
    policy.session.reset()
    if fastest > longest:
        raise ModelError(
            f'{policy.path} takes {1e3 * fastest:.2f} ms for an inference, expected within '
            f'{1e3 * longest:.2f} ms, {share:.0%} of the control period: take a smaller network, '
            'or a lower control_rate'
        )
