# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""The model of a configured node: swap it, roll it back, and report what became of that."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
import contextlib
from dataclasses import replace
import gc
import sys
import threading
import time
import traceback

from distill_runtime.core.instance.policy_instance import PolicyInstance
from distill_runtime.core.swap.swap import Candidate, Swap, SwapState
from distill_runtime.errors import ConfigError, DistillError, ModelError
from distill_runtime.ros.loop.control_loop import ControlLoop
from distill_runtime.ros.loop.loop_context import LoopContext, SwapEvent
from distill_runtime.ros.node_config import StudentNodeConfig
from distill_runtime.ros.parameter_service import BUSY, LoaderThread
from distill_runtime.ros.process import explain
from distill_runtime.ros.recorder.flight_recorder import FlightRecorder
from rclpy.clock import Clock, ClockType
from rclpy.node import Node
from rclpy.parameter import Parameter
from std_srvs.srv import Trigger

from .loader import LoadedModel
from .topic import ModelTopic

_PERIOD = 0.1  # s
_SWITCH_INTERVAL = 1e-4  # s
_TICK_TIMEOUT = 0.5  # s
_POLL = 0.001  # s
_ON_REQUEST = 'rollback was called'


class ModelManager:
    """Swaps the model when the parameter model is set or ~/rollback is called.

    Another thread than the executor's loads the model and primes it with the step history. The
    policy switcher lets it take over at a tick. Each change comes back as an event in the queue of
    the loop context, and is logged and published on ~/model.

    One lock guards what is handed over, start and end of the control loop, and the reports. The
    control thread never takes it.
    """

    def __init__(self, node: Node, loader: LoaderThread, recorder: FlightRecorder) -> None:
        """Offer ~/rollback; ~/model exists while the node is configured."""
        self._node = node
        self._loader = loader
        self._recorder = recorder
        self._lock = threading.Lock()
        self._context: LoopContext | None = None
        self._topic: ModelTopic | None = None
        self._loop: ControlLoop | None = None
        self._is_busy = False
        self._is_correcting = False
        self._service = node.create_service(Trigger, '~/rollback', self._on_rollback)
        clock = Clock(clock_type=ClockType.STEADY_TIME)
        self._timer = node.create_timer(_PERIOD, self._poll, clock=clock)

    def configure(self, context: LoopContext) -> None:
        """Publish the model of a configuration, and accept others."""
        values = {'why': 'configured', 'since_ns': str(_now_ns(context))}
        with self._lock:
            self._context, self._topic = context, ModelTopic(self._node)
            self._topic.update(context.registry.active, values)

    def start_loop(self, start: Callable[[], ControlLoop]) -> ControlLoop:
        """Start a control loop; no model is handed to its runner meanwhile."""
        with self._lock:
            self._loop = loop = start()
        return loop

    def end_loop(self) -> None:
        """Reject the model that waits for a tick: the control loop has ended."""
        assert self._context is not None
        with self._lock:
            self._context.runner.switcher.reset()
            self._publish_events()

    def release(self) -> None:
        """Withdraw ~/model; a model that is still being loaded is rejected."""
        with self._lock:
            if self._topic is not None:
                self._topic.destroy()
            self._context = self._topic = self._loop = None

    def change(self, config: StudentNodeConfig, names: Collection[str]) -> None:
        """Swap the model if the parameter model is among the names that are set.

        Raises:
            DistillError: If the model is rejected; the active one stays.
        """
        context = self._context
        if context is None or 'model' not in names or self._is_correcting:
            return
        # the topic may have another robot by now: that counts from the next configure
        config = replace(config, robot_description=context.config.robot_description)
        why, log = 'parameter model was set', self._node.get_logger()
        try:
            with self._exclusive(context):
                with _short_switch_interval():
                    model = context.model_factory.make(config)
                outcome = self._hand_over(context, model, config, why)
        except DistillError as error:
            log.error(f'{why}, and is rejected: {error}')
            raise
        finally:
            self._report()
        if self._is_swapping(context):  # otherwise the report has logged it
            log.info(f'{why}: {outcome}')

    async def _on_rollback(
        self, request: Trigger.Request, response: Trigger.Response
    ) -> Trigger.Response:
        """Answer once the previous model is active, or why it is not."""
        context = self._context
        response.success = False
        if context is None:
            response.message = 'node is not configured'
        elif self._loader.is_busy:
            response.message = BUSY
        else:
            try:
                response.message = await self._loader.run(lambda: self._roll_back(context))
                response.success = True
            except DistillError as error:
                response.message = str(error)
            except Exception as error:  # noqa: BLE001  whatever it is, the user must read it
                response.message = explain(error)
                self._node.get_logger().error(f'rollback: {traceback.format_exc()}')
            self._report()
        if not response.success:
            self._node.get_logger().warning(f'~/rollback: {response.message}')
        return response

    def _roll_back(self, context: LoopContext) -> str:
        """Return to the previous model; return the outcome.

        Raises:
            DistillError: If there is none, or it is rejected.
        """
        with self._exclusive(context):
            switcher = context.runner.switcher
            previous = switcher.previous
            if previous is None:
                raise ConfigError('no other model has been active')
            model = context.registry[previous.instance]
            self._request_rollback(context)
            if switcher.active is model.instance:
                return f'{model.name} is active'
            if switcher.follows_previous(self._newest_tick(context) or 0):
                problem = previous.problem or 'there was no tick'
                raise ModelError(f'{model.name} cannot become active: {problem}')
            return self._hand_over(context, model, model.config, _ON_REQUEST)

    def _request_rollback(self, context: LoopContext) -> None:
        """Return to the previous model at the next tick, if it is kept up to date."""
        switcher = context.runner.switcher
        with self._lock:
            if not switcher.follows_previous(self._newest_tick(context) or 0):
                return
            switcher.request_rollback(_ON_REQUEST)
            self._swap_if_stopped(context)
        self._wait(
            context,
            lambda: not (switcher.is_rollback_requested or self._has_pending_news(context)),
        )
        switcher.request_rollback('')

    def _hand_over(
        self, context: LoopContext, model: LoadedModel, config: StudentNodeConfig, why: str
    ) -> str:
        """Prime a model with the step history and offer it to the switcher; return the outcome."""
        switcher = context.runner.switcher
        candidate = Candidate(model.instance, context.runner.config, config.max_divergence)
        swap = Swap(candidate, config.terms, why)
        with _short_switch_interval():
            swap.prime(switcher.history.copy())
        if candidate.problem:
            raise ModelError(f'{model.policy.path}: {candidate.problem}')
        _retain(context, model)
        with self._lock:
            if self._context is not context:
                raise ConfigError(f'{model.policy.path}: the node was cleaned up meanwhile')
            switcher.offer(swap)
            self._swap_if_stopped(context)
        if not config.shadow_time:
            self._wait(
                context,
                lambda: (
                    swap.state is not SwapState.WAITING and not self._has_pending_news(context)
                ),
            )
        if swap.state in (SwapState.REFUSED, SwapState.ROLLED_BACK):
            raise ModelError(f'{model.policy.path}: {swap.reason}')
        if swap.state is SwapState.ACTING:
            return f'{model.name} is active'
        if config.shadow_time:
            return f'{model.name} runs in shadow for {config.shadow_time:g} s, then becomes active'
        return f'{model.name} becomes active at the next tick'

    def _swap_if_stopped(self, context: LoopContext) -> None:
        """Swap at once where no control loop does; the lock is held."""
        if self._newest_tick(context) is None:
            context.runner.switcher.swap_while_stopped(_now_ns(context))

    def _wait(self, context: LoopContext, is_done: Callable[[], bool]) -> None:
        """Wait for the control thread, until no tick has come for a while."""
        tick_ns, end = self._newest_tick(context), time.monotonic() + _TICK_TIMEOUT
        while not is_done() and time.monotonic() < end:
            time.sleep(_POLL)
            newest_ns = self._newest_tick(context)
            if newest_ns != tick_ns:
                tick_ns, end = newest_ns, time.monotonic() + _TICK_TIMEOUT

    def _newest_tick(self, context: LoopContext) -> int | None:
        """Return the time of the newest tick in [ns]; None while no control loop runs."""
        loop = self._loop
        is_running = context is self._context and loop is not None and loop.is_alive
        return loop.stamp_ns if loop is not None and is_running else None

    def _has_pending_news(self, context: LoopContext) -> bool:
        """Whether the control thread has still to queue the event of a swap."""
        return self._newest_tick(context) is not None and bool(
            context.runner.switcher.changed_swaps
        )

    def _is_swapping(self, context: LoopContext) -> bool:
        """Whether a model is being swapped, or its event is still to come."""
        switcher = context.runner.switcher
        return self._is_busy or switcher.is_swapping or bool(switcher.changed_swaps)

    @contextlib.contextmanager
    def _exclusive(self, context: LoopContext) -> Iterator[None]:
        """Refuse other swaps and rollbacks until the end of the block."""
        with self._lock:
            if self._is_busy or context.runner.switcher.is_swapping:
                raise ConfigError(BUSY)
            self._is_busy = True
        try:
            yield
        finally:
            self._is_busy = False

    def _poll(self) -> None:
        """Report swaps, and correct the parameters after a rollback."""
        self._report()
        context = self._context
        if context is not None and not (self._is_swapping(context) or self._loader.is_busy):
            self._correct_parameters(context)

    def _report(self) -> None:
        with self._lock:
            self._publish_events()

    def _publish_events(self) -> None:
        """Log and publish the events in the queue; the lock is held."""
        context, topic = self._context, self._topic
        if context is None or topic is None:
            return
        if self._newest_tick(context) is None:
            context.apply_swaps(self._recorder.tick_recorder)
        while context.swap_events:
            self._publish(context.swap_events.popleft(), context, topic)

    def _publish(self, event: SwapEvent, context: LoopContext, topic: ModelTopic) -> None:
        swap, state, values = event
        active, log = context.registry.active, self._node.get_logger()
        problem = ''
        if state is SwapState.REFUSED:
            problem = (
                f'{context.registry[swap.candidate.instance].name} is rejected: {swap.reason}'
            )
        elif state is SwapState.ROLLED_BACK and swap.reason != _ON_REQUEST:
            failed = f'{values["previous"]} ({values["previous_sha256"][:12]})'
            problem = f'{failed} is rolled back: {swap.reason}'
        if problem:
            log.error(problem)
        else:
            log.info(f'{active.name} is active: {values["why"]}')
        if values:
            topic.update(active, values, problem)
        else:
            topic.publish(problem)

    def _correct_parameters(self, context: LoopContext) -> None:
        """Set model and spec to those of the active model: another one may have failed."""
        active = context.registry.active.config
        names = ('model', 'spec')
        if all(self._node.get_parameter(n).value == getattr(active, n) for n in names):
            return
        self._is_correcting = True
        try:
            self._node.set_parameters_atomically(
                [Parameter(n, value=getattr(active, n)) for n in names]
            )
        finally:
            self._is_correcting = False


def _retain(context: LoopContext, model: LoadedModel) -> None:
    """Register a model, and free those that no rollback can reach."""
    switcher, registry = context.runner.switcher, context.registry
    registry.add(model)
    # the control thread may exchange active and previous between any two of these reads: each of
    # both models is seen in at least one of them
    before, active = _instance(switcher.previous), switcher.active
    after = _instance(switcher.previous)
    registry.retain(model.instance, before, active, after, registry.active.instance)
    gc.collect()


def _instance(candidate: Candidate | None) -> PolicyInstance | None:
    return None if candidate is None else candidate.instance


def _now_ns(context: LoopContext) -> int:
    return int(context.node.get_clock().now().nanoseconds)


@contextlib.contextmanager
def _short_switch_interval() -> Iterator[None]:
    """Make threads release the interpreter sooner: the control thread must not wait for it."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(_SWITCH_INTERVAL)
    try:
        yield
    finally:
        sys.setswitchinterval(interval)
