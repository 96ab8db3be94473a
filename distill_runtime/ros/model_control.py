# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""The model of a node while it is configured: parameters, ~/rollback, watch, and what is told."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from pathlib import Path
import threading

from distill_runtime.core.swap import Swap, SwapState
from distill_runtime.errors import DistillError
from rclpy.clock import Clock, ClockType
from rclpy.node import Node
from rclpy.parameter import Parameter
from std_srvs.srv import Trigger

from .loop import ControlLoop
from .loop_parts import LoopParts, turn
from .model_topic import ModelTopic
from .model_watch import ModelWatch
from .node_config import StudentNodeConfig
from .parameter_service import Loader
from .process import explain
from .swapper import Swapper

_PERIOD = 0.1  # s


class ModelControl:
    """Changes the model when parameters, a service or the file say so, and tells the outcome.

    Attributes:
        swapper: Does it; None while the node is not configured.
    """

    def __init__(self, node: Node, loader: Loader) -> None:
        """Offer ~/rollback and ~/model."""
        self._node = node
        self._loader = loader
        self._topic = ModelTopic(node)
        self.swapper: Swapper | None = None
        self._parts: LoopParts | None = None
        self._loop: ControlLoop | None = None
        self._config = StudentNodeConfig()
        self._watch: ModelWatch | None = None
        self._is_telling = threading.Lock()
        self._is_syncing = False
        self._service = node.create_service(Trigger, '~/rollback', self._on_rollback)
        clock = Clock(clock_type=ClockType.STEADY_TIME)
        self._timer = node.create_timer(_PERIOD, self._attend, clock=clock)

    def configure(self, parts: LoopParts) -> None:
        """Begin with the model of a configuration, and with one beside it.

        Raises:
            DistillError: If shadow_model is refused.
        """
        swapper = Swapper(parts, self._is_ticking)
        if parts.config.shadow_model:
            swapper.watch_beside(parts.config)
        self._parts, self._config, self.swapper = parts, parts.config, swapper
        self._watch = None
        since_ns = str(self._node.get_clock().now().nanoseconds)
        self._topic.publish(parts.cast.active, {'why': 'configured', 'since_ns': since_ns})

    def begin(self, start: Callable[[], ControlLoop]) -> ControlLoop:
        """Start a control loop; nothing is handed to the runner meanwhile."""
        assert self.swapper is not None
        with self.swapper.gate:
            self._loop = start()
        return self._loop

    def end(self) -> None:
        """Note that the control loop has ended."""
        self._tell()
        self._loop = None

    def release(self) -> None:
        """Forget the configuration."""
        self.swapper = self._parts = self._watch = None

    def change(self, config: StudentNodeConfig, names: Collection[str]) -> None:
        """Carry out a change of parameters.

        Args:
            config: As they are to be.
            names: Those that are set.

        Raises:
            DistillError: If a model is refused; nothing has changed then.
        """
        if self.swapper is None or self._is_syncing:
            return
        if 'shadow_model' in names:
            self.swapper.watch_beside(config)
        if 'model' in names:
            self._swap(config, 'parameter model was set')
        self._config = config

    def _swap(self, config: StudentNodeConfig, why: str) -> None:
        """Let another model act, and tell it."""
        assert self.swapper is not None
        outcome = self.swapper.swap(config, why)
        self._node.get_logger().info(f'{why}: {outcome}')
        self._tell()

    def _is_ticking(self) -> bool:
        return self._loop is not None and not self._loop.crash

    async def _on_rollback(
        self, request: Trigger.Request, response: Trigger.Response
    ) -> Trigger.Response:
        """Answer when the model before acts, or why it does not."""
        swapper = self.swapper
        if swapper is None:
            response.success, response.message = False, 'node is not configured'
            return response
        try:
            response.message = await self._loader.run(swapper.roll_back)
            response.success = True
        except DistillError as error:
            response.success, response.message = False, str(error)
        self._tell()
        return response

    def _attend(self) -> None:
        """Tell what has become of swaps, take a file that was replaced, mend the parameters."""
        if self._parts is None or self.swapper is None:
            return
        self._tell()
        if self.swapper.is_busy or self._loader.is_busy:
            return
        self._mend_parameters(self._parts)
        if not self._config.watch:
            self._watch = None
        elif self._watch is None or self._watch.path != _path(self._config):
            self._watch = ModelWatch(_path(self._config))
        else:
            self._follow(self._watch)

    def _follow(self, watch: ModelWatch) -> None:
        """Take the file of the model if it has been replaced."""
        has_changed, problem = watch.look()
        if problem:
            self._node.get_logger().warning(problem)
        if has_changed:
            self._loader.run(self._take_file)

    def _take_file(self) -> None:
        try:
            self._swap(self._config, f'{self._config.model} was replaced')
        except Exception as error:  # noqa: BLE001  nobody else hears of it
            problem = f'{self._config.model} was replaced, and is refused: {explain(error)}'
            self._node.get_logger().error(problem)
            if self._parts is not None:
                self._topic.publish(self._parts.cast.active, {}, problem)

    def _tell(self) -> None:
        """Publish and log what has become of swaps."""
        parts = self._parts
        if parts is None:
            return
        with self._is_telling:
            for swap in self._news(parts):
                self._tell_of(swap, parts)

    def _news(self, parts: LoopParts) -> list[tuple[Swap, Mapping[str, str]]]:
        """Return what nobody has told yet."""
        news = []
        if self._loop is not None:
            while self._loop.swaps:
                news.append(self._loop.swaps.popleft())
        else:
            pilot = parts.runner.pilot
            while pilot.news:
                news.append(turn(parts, pilot.news.popleft()))
        return news

    def _tell_of(self, news: tuple[Swap, Mapping[str, str]], parts: LoopParts) -> None:
        swap, values = news
        problem = ''
        name = parts.cast[swap.shadow.actor].name
        if swap.state is SwapState.REFUSED:
            problem = f'{name} is refused: {swap.reason}'
        elif swap.state is SwapState.ROLLED_BACK:
            problem = f'{name} had to go: {swap.reason}'
        if problem:
            self._node.get_logger().error(problem)
        self._topic.publish(parts.cast.active, values, problem)

    def _mend_parameters(self, parts: LoopParts) -> None:
        """Have model and spec name the policy that acts: another one may have had to go."""
        acting = parts.cast.active.config
        self._config = replace(self._config, model=acting.model, spec=acting.spec)
        names = ('model', 'spec')
        if all(self._node.get_parameter(n).value == getattr(acting, n) for n in names):
            return
        self._is_syncing = True
        try:
            self._node.set_parameters_atomically(
                [Parameter(n, value=getattr(acting, n)) for n in names]
            )
        finally:
            self._is_syncing = False


def _path(config: StudentNodeConfig) -> Path:
    return Path(config.model).expanduser()
