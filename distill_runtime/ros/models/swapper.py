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

from distill_runtime.core.instance.policy_instance import Actor
from distill_runtime.core.swap.candidate import Shadow
from distill_runtime.core.swap.swap import Swap, SwapState
from distill_runtime.errors import ConfigError, ModelError
from distill_runtime.ros.loop.loop_context import LoopParts
from distill_runtime.ros.node_config import StudentNodeConfig
from distill_runtime.ros.parameter_service import BUSY

from .loaded_model import Occupant

_SWITCH_INTERVAL = 1e-4  # s
_PATIENCE = 0.5  # s
_POLL = 0.001  # s
ON_REQUEST = 'rollback was called'
"""Why a policy comes back where someone wanted it, rather than a fault."""


class Swapper:
    """Loads a model, has it follow the one that acts, and waits until it acts.

    Any thread may call; one call at a time is served, others are refused.
    """

    def __init__(
        self, parts: LoopParts, gate: threading.Lock, newest_tick: Callable[[], int | None]
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
        pilot = self._parts.runner.pilot
        return self._is_busy.locked() or pilot.is_swapping or bool(pilot.news)

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
            pilot = parts.runner.pilot
            previous = pilot.previous
            if previous is None:
                raise ConfigError('no model has acted before this one')
            occupant = parts.cast[previous.actor]
            self._ask_back()
            if pilot.actor is occupant.actor:
                return f'{occupant.name} acts'
            if pilot.follows_previous(self._newest_tick() or 0):
                problem = previous.problem or 'there was no tick'
                raise ModelError(f'{occupant.name} cannot act: {problem}')
            return self._enter(occupant, occupant.config, ON_REQUEST)

    def load_beside(self, config: StudentNodeConfig) -> tuple[Occupant, Shadow] | None:
        """Make the model shadow_model of a config ready to run in shadow; None if it has none.

        Raises:
            DistillError: If it is refused.
        """
        if not config.shadow_model:
            return None
        with self._alone(), _quick_switches():
            occupant = self._parts.casting.make(config.for_shadow())
            shadow = Shadow(occupant.actor, self._parts.runner.config)
            shadow.prime(self._parts.runner.pilot.ring.copy())
            if shadow.problem:
                raise ModelError(f'{occupant.policy.path}: {shadow.problem}')
        return occupant, shadow

    def watch_beside(self, beside: tuple[Occupant, Shadow] | None) -> None:
        """Keep a model in shadow from now on, in place of the one that was there, or none."""
        pilot, cast = self._parts.runner.pilot, self._parts.cast
        if beside is None:
            pilot.watcher = None
        else:
            occupant, shadow = beside
            cast.add(occupant)
            pilot.watcher = shadow

    def _enter(self, occupant: Occupant, config: StudentNodeConfig, why: str) -> str:
        """Hand a policy over, when it has seen what is remembered; return what became of it."""
        parts = self._parts
        pilot = parts.runner.pilot
        shadow = Shadow(occupant.actor, parts.runner.config, config.max_divergence)
        swap = Swap(shadow, config.terms, why)
        with _quick_switches():
            swap.prime(pilot.ring.copy())
        if shadow.problem:
            raise ModelError(f'{occupant.policy.path}: {shadow.problem}')
        self._hold(occupant)
        with self.gate:
            if self._is_closed:
                raise ConfigError(f'{occupant.policy.path}: the node was cleaned up meanwhile')
            pilot.offer(swap)
            if self._newest_tick() is None:
                pilot.settle(parts.node.get_clock().now().nanoseconds)
        return self._outcome(swap, occupant)

    def _ask_back(self) -> None:
        """Return to the policy before, if it is kept up to date."""
        pilot = self._parts.runner.pilot
        with self.gate:
            tick_ns = self._newest_tick()
            if not pilot.follows_previous(tick_ns or 0):
                return
            pilot.ask_back(ON_REQUEST)
            if tick_ns is None:
                pilot.settle(self._parts.node.get_clock().now().nanoseconds)
        self._wait(lambda: not (pilot.is_asked_back or self._is_untold()))
        pilot.ask_back('')

    def _outcome(self, swap: Swap, occupant: Occupant) -> str:
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
        return self._newest_tick() is not None and bool(self._parts.runner.pilot.news)

    def _wait(self, is_done: Callable[[], bool]) -> None:
        """Wait for the thread that ticks, as long as it does: it may have nothing to tick for."""
        tick_ns, end = self._newest_tick(), time.monotonic() + _PATIENCE
        while not is_done() and time.monotonic() < end:
            time.sleep(_POLL)
            newest_ns = self._newest_tick()
            if newest_ns != tick_ns:
                tick_ns, end = newest_ns, time.monotonic() + _PATIENCE

    def _hold(self, occupant: Occupant) -> None:
        """Hold a policy, and let go of those that no one can return to."""
        pilot, cast = self._parts.runner.pilot, self._parts.cast
        cast.add(occupant)
        # the thread that ticks may exchange the one that acts and the one before, between any
        # two of these: who was either is seen in one place or the other
        before, acts = _actor(pilot.previous), pilot.actor
        pair = before, acts, _actor(pilot.previous), cast.active.actor
        cast.dismiss(occupant.actor, _actor(pilot.watcher), *pair)
        gc.collect()

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        if self._parts.runner.pilot.is_swapping or not self._is_busy.acquire(blocking=False):
            raise ConfigError(BUSY)
        try:
            yield
        finally:
            self._is_busy.release()


def _actor(shadow: Shadow | None) -> Actor | None:
    return None if shadow is None else shadow.actor


@contextlib.contextmanager
def _quick_switches() -> Iterator[None]:
    """Have threads hand the interpreter over soon: the one that ticks must not wait for it."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(_SWITCH_INTERVAL)
    try:
        yield
    finally:
        sys.setswitchinterval(interval)
