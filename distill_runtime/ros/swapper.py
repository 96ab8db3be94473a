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

from distill_runtime.core.actor import Actor
from distill_runtime.core.shadow import Shadow
from distill_runtime.core.swap import Swap, SwapState
from distill_runtime.errors import ConfigError, ModelError

from .loop_parts import LoopParts
from .node_config import StudentNodeConfig
from .occupant import Occupant

_SWITCH_INTERVAL = 1e-4  # s
_PATIENCE = 0.5  # s
_POLL = 0.001  # s
_BUSY = 'another model is on its way: ask again when it is there'


class Swapper:
    """Loads a model, has it follow the one that acts, and waits until it acts.

    Any thread may call; one call at a time is served, others are refused.
    """

    def __init__(self, parts: LoopParts, is_ticking: Callable[[], bool]) -> None:
        """Serve one configured node.

        Args:
            parts: What its control loop connects.
            is_ticking: Whether a control loop runs.
        """
        self._parts = parts
        self._is_ticking = is_ticking
        self._is_busy = threading.Lock()
        self.gate = threading.Lock()
        """Held while a control loop is started, and while something is handed to it or not."""

    @property
    def is_busy(self) -> bool:
        """Whether a model is on its way."""
        return self._is_busy.locked() or self._parts.runner.pilot.is_swapping

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
            swap = self._offer(occupant, Swap(self._shadow(occupant, config), config.terms, why))
            return self._outcome(swap, occupant)

    def roll_back(self) -> str:
        """Return to the model that acted before; return what became of it.

        Raises:
            DistillError: If there is none, or it is refused.
        """
        parts = self._parts
        pilot = parts.runner.pilot
        with self._alone():
            previous = pilot.previous
            if previous is None:
                raise ConfigError('no model has acted before this one')
            occupant = parts.cast[previous.actor]
            reason, present = 'rollback was called', pilot.swap
            if present is not None and pilot.follows_previous(self._now()):
                pilot.ask_back(reason)
                self._wait(lambda: present.state is SwapState.ROLLED_BACK)
                if present.state is not SwapState.ROLLED_BACK:
                    problem = previous.problem or 'there was no tick'
                    raise ModelError(f'{occupant.name} cannot act: {problem}')
                return f'{occupant.name} acts'
            config = occupant.config
            swap = self._offer(
                occupant, Swap(self._shadow(occupant, config), config.terms, reason)
            )
            return self._outcome(swap, occupant)

    def watch_beside(self, config: StudentNodeConfig) -> None:
        """Keep the model shadow_model of a config in shadow, or none.

        Raises:
            DistillError: If it is refused; what was in shadow stays.
        """
        parts = self._parts
        pilot = parts.runner.pilot
        if not config.shadow_model:
            pilot.watcher = None
            return
        with self._alone():
            with _quick_switches():
                occupant = parts.casting.make(config.for_shadow())
            shadow = Shadow(occupant.actor, parts.runner.config)
            shadow.prime(pilot.ring.copy())
            self._hold(occupant)
            pilot.watcher = shadow

    def _offer(self, occupant: Occupant, swap: Swap) -> Swap:
        """Hand a policy over, when it has seen what is remembered."""
        pilot = self._parts.runner.pilot
        with _quick_switches():
            swap.prime(pilot.ring.copy())
        if swap.shadow.problem:
            raise ModelError(f'{occupant.policy.path}: {swap.shadow.problem}')
        self._hold(occupant)
        with self.gate:
            pilot.offer(swap)
            if not self._is_ticking():
                pilot.settle(self._now())
        return swap

    def _outcome(self, swap: Swap, occupant: Occupant) -> str:
        """Wait for the switch, and say what became of it."""
        if not swap.terms.shadow_time:
            self._wait(lambda: swap.state is not SwapState.WAITING)
        if swap.state is SwapState.REFUSED:
            raise ModelError(f'{occupant.policy.path}: {swap.reason}')
        if swap.state is SwapState.WAITING:
            shadow_time = swap.terms.shadow_time
            return f'{occupant.name} runs in shadow for {shadow_time:g} s, then it acts'
        return f'{occupant.name} acts'

    def _wait(self, is_done: Callable[[], bool]) -> None:
        """Wait for the thread that ticks, for a while: it may have nothing to tick for."""
        end = time.monotonic() + _PATIENCE
        while not is_done() and time.monotonic() < end:
            time.sleep(_POLL)

    def _shadow(self, occupant: Occupant, config: StudentNodeConfig) -> Shadow:
        return Shadow(occupant.actor, self._parts.runner.config, config.max_divergence)

    def _hold(self, occupant: Occupant) -> None:
        """Hold a policy, and let go of those that no one can return to."""
        pilot, cast = self._parts.runner.pilot, self._parts.cast
        cast.add(occupant)
        cast.dismiss(occupant.actor, pilot.actor, _actor(pilot.previous), _actor(pilot.watcher))
        gc.collect()

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        if self._parts.runner.pilot.is_swapping or not self._is_busy.acquire(blocking=False):
            raise ConfigError(_BUSY)
        try:
            yield
        finally:
            self._is_busy.release()

    def _now(self) -> int:
        return self._parts.node.get_clock().now().nanoseconds


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
