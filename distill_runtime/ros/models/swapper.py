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
        self, parts: LoopContext, gate: threading.Lock, newest_tick: Callable[[], int | None]
    ) -> None:
        """Serve one configured node.

        Args:
            parts: What its control loop connects.
            gate: Held while a control loop begins or ends, and while something is handed to it.
            newest_tick: Gives the time of the newest tick in [ns]; None while no control loop
                runs.
        """
        self._parts = parts
        self._newest_tick = newest_tick
        self._is_busy = threading.Lock()
        self._is_closed = False
        self.gate = gate

    @property
    def is_busy(self) -> bool:
        """Whether a model is on its way, or its arrival is still to be told."""
        switcher = self._parts.runner.switcher
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
                occupant = self._parts.casting.make(config)
            return self._enter(occupant, config, why)

    def roll_back(self) -> str:
        """Return to the model that acted before; return what became of it.

        Raises:
            DistillError: If there is none, or it is refused.
        """
        parts = self._parts
        with self._alone():
            switcher = parts.runner.switcher
            previous = switcher.previous
            if previous is None:
                raise ConfigError('no model has acted before this one')
            occupant = parts.cast[previous.instance]
            self._ask_back()
            if switcher.active is occupant.instance:
                return f'{occupant.name} acts'
            if switcher.follows_previous(self._newest_tick() or 0):
                problem = previous.problem or 'there was no tick'
                raise ModelError(f'{occupant.name} cannot act: {problem}')
            return self._enter(occupant, occupant.config, ON_REQUEST)

    def _enter(self, occupant: LoadedModel, config: StudentNodeConfig, why: str) -> str:
        """Hand a policy over, when it has seen what is remembered; return what became of it."""
        parts = self._parts
        switcher = parts.runner.switcher
        shadow = Candidate(occupant.instance, parts.runner.config, config.max_divergence)
        swap = Swap(shadow, config.terms, why)
        with _quick_switches():
            swap.prime(switcher.ring.copy())
        if shadow.problem:
            raise ModelError(f'{occupant.policy.path}: {shadow.problem}')
        self._hold(occupant)
        with self.gate:
            if self._is_closed:
                raise ConfigError(f'{occupant.policy.path}: the node was cleaned up meanwhile')
            switcher.offer(swap)
            if self._newest_tick() is None:
                switcher.settle(parts.node.get_clock().now().nanoseconds)
        return self._outcome(swap, occupant)

    def _ask_back(self) -> None:
        """Return to the policy before, if it is kept up to date."""
        switcher = self._parts.runner.switcher
        with self.gate:
            tick_ns = self._newest_tick()
            if not switcher.follows_previous(tick_ns or 0):
                return
            switcher.ask_back(ON_REQUEST)
            if tick_ns is None:
                switcher.settle(self._parts.node.get_clock().now().nanoseconds)
        self._wait(lambda: not (switcher.is_asked_back or self._is_untold()))
        switcher.ask_back('')

    def _outcome(self, swap: Swap, occupant: LoadedModel) -> str:
        """Wait for the switch, and say what became of it."""
        shadow_time = swap.terms.shadow_time
        if not shadow_time:
            self._wait(lambda: swap.state is not SwapState.WAITING and not self._is_untold())
        if swap.state in (SwapState.REFUSED, SwapState.ROLLED_BACK):
            raise ModelError(f'{occupant.policy.path}: {swap.reason}')
        if swap.state is SwapState.WAITING:
            wait = f'runs in shadow for {shadow_time:g} s' if shadow_time else 'waits for a tick'
            return f'{occupant.name} {wait}, then it acts'
        return f'{occupant.name} acts'

    def _is_untold(self) -> bool:
        """Whether the thread that ticks has still to tell what it did."""
        return self._newest_tick() is not None and bool(self._parts.runner.switcher.news)

    def _wait(self, is_done: Callable[[], bool]) -> None:
        """Wait for the thread that ticks, as long as it does: it may have nothing to tick for."""
        tick_ns, end = self._newest_tick(), time.monotonic() + _PATIENCE
        while not is_done() and time.monotonic() < end:
            time.sleep(_POLL)
            newest_ns = self._newest_tick()
            if newest_ns != tick_ns:
                tick_ns, end = newest_ns, time.monotonic() + _PATIENCE

    def _hold(self, occupant: LoadedModel) -> None:
        """Hold a policy, and let go of those that no one can return to."""
        switcher, cast = self._parts.runner.switcher, self._parts.cast
        cast.add(occupant)
        # the thread that ticks may exchange the one that acts and the one before, between any
        # two of these: who was either is seen in one place or the other
        before, acts = _instance(switcher.previous), switcher.active
        pair = before, acts, _instance(switcher.previous), cast.active.instance
        cast.dismiss(occupant.instance, *pair)
        gc.collect()

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        if self._parts.runner.switcher.is_swapping or not self._is_busy.acquire(blocking=False):
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
