# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Load a model, check it against the configured robot, and warm it up."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
import time

from distill_runtime.core.compiled_spec import CompiledSpec
from distill_runtime.core.instance.policy_instance import PolicyInstance
from distill_runtime.core.runner import PolicyRunner
from distill_runtime.core.swap.compatibility import differences
from distill_runtime.data.flight_recorder.records import change_body, TopicFrame
from distill_runtime.errors import ConfigError, ModelError
from distill_runtime.policy.model import load_policy, LoadedPolicy
from distill_runtime.policy.model_file.model_files import inspect_model, model_files
from distill_runtime.policy.model_file.onnx_facts import MAX_BYTES, size_of
from distill_runtime.policy.session import TimedPolicy
from distill_runtime.policy.trust import make_trust
from distill_runtime.policy.validation import self_test
from distill_runtime.ros.loop.tick_topics import PolicyMessages
from distill_runtime.ros.node_config import StudentNodeConfig
from distill_runtime.ros.recorder.definitions import frames, model_facts
from distill_runtime.spec.compile import compile_spec, external_terms
from distill_runtime.spec.robots import load_robot
from distill_runtime.spec.spec import PolicySpec
from distill_runtime.spec.terms import External

_MAX_SIZE = 64_000_000  # freeing this much memory takes 3 ms, in which no thread runs
_WARM_RUNS = 20
_FIRST_RUNS = 3  # they bring the weights into memory
_CONFIGURE = 'deactivate and clean up the node, set model, and configure it again'


@dataclass(frozen=True, kw_only=True, eq=False)
class LoadedModel:
    """A model that can become active: its policy, and what topics and recorder need of it."""

    policy: LoadedPolicy
    instance: PolicyInstance
    timed: TimedPolicy
    config: StudentNodeConfig
    """Parameters that name its files."""
    messages: PolicyMessages
    """Messages of its observations and actions."""
    frames: dict[tuple[bool, bool], tuple[TopicFrame, ...]]
    """Topics of one recorded tick, by whether the policy ran and whether a command was sent."""
    facts: dict[str, str]
    """Values of ~/model: what a replay needs to know of it."""
    change: bytes
    """``frames`` and ``facts`` as the flight recorder stores them at a swap."""

    @property
    def name(self) -> str:
        """File name and the first digits of the hash, for log and messages."""
        return f'{self.policy.path.name} ({self.policy.sha256[:12]})'


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


class ModelFactory:
    """Makes the loaded models of one node.

    The first is that of its configuration; later ones must fit the same robot and inputs.
    """

    def __init__(
        self, node_name: str, labels: tuple[str, ...], spec: PolicySpec, runner: PolicyRunner
    ) -> None:
        """Keep what later models must fit: spec and runner of the configuration.

        Args:
            node_name: Full name of the node.
            labels: Of ~/tick.
            spec: Spec of the policy that the node was configured with.
            runner: Runner of that policy.
        """
        self._node_name = node_name
        self._labels = labels
        self._spec = spec
        self._runner = runner

    def first(
        self, policy: LoadedPolicy, timed: TimedPolicy, config: StudentNodeConfig
    ) -> LoadedModel:
        """Return the model of the policy that the runner was made with."""
        return self._loaded(policy, self._runner.switcher.active, timed, config)

    def make(self, config: StudentNodeConfig) -> LoadedModel:
        """Load, check and warm up another model; any thread may call.

        Raises:
            DistillError: If it is invalid, or does not fit the configured robot and inputs.
        """
        runner = self._runner
        _check_size(Path(config.model).expanduser())
        policy = load_chosen_policy(config)
        timed = TimedPolicy(policy.session)
        _warm_up(policy, timed, runner)
        robot = config.robot or config.robot_description
        *_, findings = self_test(policy, load_robot(robot) if robot else None)
        errors = [finding for finding in findings if finding.severity == 'error']
        if errors:
            texts = '; '.join(f'{finding.code}: {finding.message}' for finding in errors)
            raise ModelError(f'{policy.path} has problems: {texts}')
        compiled = _compile(policy, self._spec, runner)
        instance = PolicyInstance(compiled, timed, runner.config.checks)
        return self._loaded(policy, instance, timed, config)

    def _loaded(
        self,
        policy: LoadedPolicy,
        instance: PolicyInstance,
        timed: TimedPolicy,
        config: StudentNodeConfig,
    ) -> LoadedModel:
        joints = self._runner.compiled.joints.names
        recorded = frames(self._node_name, self._labels, joints, policy.spec)
        facts = model_facts(policy, config, self._runner)
        return LoadedModel(
            policy=policy,
            instance=instance,
            timed=timed,
            config=config,
            messages=PolicyMessages(policy.spec, policy.sha256),
            frames=recorded,
            facts=facts,
            change=change_body(recorded.values(), facts),
        )


def load_chosen_policy(config: StudentNodeConfig) -> LoadedPolicy:
    """Load the policy that the parameters name, if model_root and trusted_keys allow it.

    Raises:
        DistillError: If there is none, one of its files lies outside model_root, it is not signed
            with one of trusted_keys, or it is invalid.
    """
    if not config.model:
        raise ConfigError("model is '', expected the path of an ONNX file")
    return load_policy(
        Path(config.model).expanduser(),
        spec=config.spec or None,
        robot=config.robot or config.robot_description,
        provider=config.provider,
        trust=make_trust(config.model_root, config.trusted_keys),
    )


def _check_size(path: Path) -> None:
    """Reject a model whose memory takes too long to free: that stops the control thread.

    Raises:
        DistillError: If it is too large, or cannot be read.
    """
    size = size_of(path, MAX_BYTES)
    if size <= _MAX_SIZE:
        size = sum(size_of(file, MAX_BYTES) for file in model_files(path, inspect_model(path)))
    if size > _MAX_SIZE:
        raise ModelError(
            f'{path} has {size / 1e6:.0f} MB, expected at most {_MAX_SIZE / 1e6:.0f} MB while the '
            f'node runs: {_CONFIGURE}'
        )


def _compile(policy: LoadedPolicy, configured: PolicySpec, runner: PolicyRunner) -> CompiledSpec:
    """Compile a policy for the sensors and commands of a runner."""
    spec, path = policy.spec, policy.path
    base = runner.compiled
    subscribed = {_subscription(term) for term in external_terms(configured)}
    for term in external_terms(spec):
        if _subscription(term) not in subscribed:
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
    """Return what a node subscribes to for a term."""
    return term.topic, term.width, term.max_age, term.message


def _warm_up(policy: LoadedPolicy, timed: TimedPolicy, runner: PolicyRunner) -> None:
    """Run a network until all of it is in memory, and reject one that is too slow."""
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
