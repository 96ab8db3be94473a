# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Changes the model of a node that is configured, whether or not it walks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
import contextlib
import gc
import sys
import threading
import time

from distill_runtime.core.instance.policy_instance import PolicyInstance
from distill_runtime.core.swap.candidate import Candidate
from distill_runtime.core.swap.swap import Swap, SwapState
from distill_runtime.errors import ConfigError, ModelError
from distill_runtime.ros.loop.loop_context import LoopContext
from distill_runtime.ros.node_config import StudentNodeConfig
from distill_runtime.ros.parameter_service import BUSY

from .loaded_model import LoadedModel

_SWITCH_INTERVAL = 1e-4  # s
_PATIENCE = 0.5  # s
_POLL = 0.001  # s
ON_REQUEST = 'rollback was called'
"""Why a policy comes back where someone wanted it, rather than a fault."""


class ModelSwapper:
    """Loads a model, has it follow the one that acts, and waits until it acts.

    Any thread may call; one call at a time is served, others are refused.
    """

    def __init__(
        self, context: LoopContext, gate: threading.Lock, newest_tick: Callable[[], int | None]
    ) -> None:
        """Serve one configured node.

        Args:
            context: What its control loop connects.
            gate: Held while a control loop begins or ends, and while something is handed to it.
            newest_tick: Gives the time of the newest tick in [ns]; None while no control loop
                runs.
        """
        self._context = context
        self._newest_tick = newest_tick
        self._is_busy = threading.Lock()
        self._is_closed = False
        self.gate = gate

    @property
    def is_busy(self) -> bool:
        """Whether a model is on its way, or its arrival is still to be told."""
        switcher = self._context.runner.switcher
        return self._is_busy.locked() or switcher.is_swapping or bool(switcher.news)

    def close(self) -> None:
        """Refuse what is on its way and has not been handed over: the node is cleaned up."""
        with self.gate:
            self._is_closed = True

    def swap(self, config: StudentNodeConfig, why: str) -> str:
        """Let the model of a config act; return what became of it.

        Args:
            config: Names its files, and how it is to take over.
            why: What makes it come.

        Raises:
            DistillError: If it is refused; the model that acts stays.
        """
        with self._alone():
            with _quick_switches():
                model = self._context.model_factory.make(config)
            return self._enter(model, config, why)

    def roll_back(self) -> str:
        """Return to the model that acted before; return what became of it.

        Raises:
            DistillError: If there is none, or it is refused.
        """
        context = self._context
        with self._alone():
            switcher = context.runner.switcher
            previous = switcher.previous
            if previous is None:
                raise ConfigError('no model has acted before this one')
            model = context.registry[previous.instance]
            self._ask_back()
            if switcher.active is model.instance:
                return f'{model.name} acts'
            if switcher.follows_previous(self._newest_tick() or 0):
                problem = previous.problem or 'there was no tick'
                raise ModelError(f'{model.name} cannot act: {problem}')
            return self._enter(model, model.config, ON_REQUEST)

    def _enter(self, model: LoadedModel, config: StudentNodeConfig, why: str) -> str:
        """Hand a policy over, when it has seen what is remembered; return what became of it."""
        context = self._context
        switcher = context.runner.switcher
        shadow = Candidate(model.instance, context.runner.config, config.max_divergence)
        swap = Swap(shadow, config.terms, why)
        with _quick_switches():
            swap.prime(switcher.ring.copy())
        if shadow.problem:
            raise ModelError(f'{model.policy.path}: {shadow.problem}')
        self._hold(model)
        with self.gate:
            if self._is_closed:
                raise ConfigError(f'{model.policy.path}: the node was cleaned up meanwhile')
            switcher.offer(swap)
            if self._newest_tick() is None:
                switcher.settle(context.node.get_clock().now().nanoseconds)
        return self._outcome(swap, model)

    def _ask_back(self) -> None:
        """Return to the policy before, if it is kept up to date."""
        switcher = self._context.runner.switcher
        with self.gate:
            tick_ns = self._newest_tick()
            if not switcher.follows_previous(tick_ns or 0):
                return
            switcher.ask_back(ON_REQUEST)
            if tick_ns is None:
                switcher.settle(self._context.node.get_clock().now().nanoseconds)
        self._wait(lambda: not (switcher.is_asked_back or self._is_untold()))
        switcher.ask_back('')

    def _outcome(self, swap: Swap, model: LoadedModel) -> str:
        """Wait for the switch, and say what became of it."""
        shadow_time = swap.terms.shadow_time
        if not shadow_time:
            self._wait(lambda: swap.state is not SwapState.WAITING and not self._is_untold())
        if swap.state in (SwapState.REFUSED, SwapState.ROLLED_BACK):
            raise ModelError(f'{model.policy.path}: {swap.reason}')
        if swap.state is SwapState.WAITING:
            wait = f'runs in shadow for {shadow_time:g} s' if shadow_time else 'waits for a tick'
            return f'{model.name} {wait}, then it acts'
        return f'{model.name} acts'

    def _is_untold(self) -> bool:
        """Whether the thread that ticks has still to tell what it did."""
        return self._newest_tick() is not None and bool(self._context.runner.switcher.news)

    def _wait(self, is_done: Callable[[], bool]) -> None:
        """Wait for the thread that ticks, as long as it does: it may have nothing to tick for."""
        tick_ns, end = self._newest_tick(), time.monotonic() + _PATIENCE
        while not is_done() and time.monotonic() < end:
            time.sleep(_POLL)
            newest_ns = self._newest_tick()
            if newest_ns != tick_ns:
                tick_ns, end = newest_ns, time.monotonic() + _PATIENCE

    def _hold(self, model: LoadedModel) -> None:
        """Hold a policy, and let go of those that no one can return to."""
        switcher, registry = self._context.runner.switcher, self._context.registry
        registry.add(model)
        # the thread that ticks may exchange the one that acts and the one before, between any
        # two of these: who was either is seen in one place or the other
        before, acts = _instance(switcher.previous), switcher.active
        pair = before, acts, _instance(switcher.previous), registry.active.instance
        registry.dismiss(model.instance, *pair)
        gc.collect()

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        if self._context.runner.switcher.is_swapping or not self._is_busy.acquire(blocking=False):
            raise ConfigError(BUSY)
        try:
            yield
        finally:
            self._is_busy.release()


def _instance(shadow: Candidate | None) -> PolicyInstance | None:
    return None if shadow is None else shadow.instance


@contextlib.contextmanager
def _quick_switches() -> Iterator[None]:
    """Have threads hand the interpreter over soon: the one that ticks must not wait for it."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(_SWITCH_INTERVAL)
    try:
        yield
    finally:
        sys.setswitchinterval(interval)
