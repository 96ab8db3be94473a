# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""The model of a node while it is configured: its parameters and ~/rollback."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import replace
import threading
import traceback

from distill_runtime.errors import DistillError
from distill_runtime.ros.loop.control_loop import ControlLoop
from distill_runtime.ros.loop.loop_context import LoopContext
from distill_runtime.ros.node_config import StudentNodeConfig
from distill_runtime.ros.parameter_service import BUSY, Loader
from distill_runtime.ros.process import explain
from distill_runtime.ros.recorder.flight_recorder import FlightRecorder
from rclpy.clock import Clock, ClockType
from rclpy.node import Node
from rclpy.parameter import Parameter
from std_srvs.srv import Trigger

from .events import ModelEvents
from .swapper import ModelSwapper

_PERIOD = 0.1  # s


class ModelManager:
    """Changes the model when parameters or ~/rollback ask for it, and reports the outcome."""

    def __init__(self, node: Node, loader: Loader, recorder: FlightRecorder) -> None:
        """Offer ~/rollback; ~/model is there while the node is configured.

        Args:
            node: Owner of both.
            loader: Where models are loaded.
            recorder: Keeps what a control loop does, and changes between two of them.
        """
        self._node = node
        self._loader = loader
        self._recorder = recorder
        self._swapper: ModelSwapper | None = None
        self._news: ModelEvents | None = None
        self._context: LoopContext | None = None
        self._config = StudentNodeConfig()
        self._config_lock = threading.Lock()
        self._is_mending = False
        self._service = node.create_service(Trigger, '~/rollback', self._on_rollback)
        clock = Clock(clock_type=ClockType.STEADY_TIME)
        self._timer = node.create_timer(_PERIOD, self._attend, clock=clock)

    def configure(self, context: LoopContext) -> None:
        """Take over the model of a configuration."""
        gate = threading.Lock()
        news = ModelEvents(self._node, context, gate, self._recorder)
        self._context, self._config = context, context.config
        self._news, self._swapper = news, ModelSwapper(context, gate, news.newest_tick)

    def begin(self, start: Callable[[], ControlLoop]) -> ControlLoop:
        """Start a control loop; nothing is handed to the runner meanwhile."""
        assert self._swapper is not None
        assert self._news is not None
        with self._swapper.gate:
            loop = self._news.loop = start()
        return loop

    def end(self) -> None:
        """Note that the control loop has ended; who was to act next will not."""
        assert self._swapper is not None
        assert self._news is not None
        assert self._context is not None
        with self._swapper.gate:
            self._context.runner.switcher.reset()
        self._news.tell()

    def release(self) -> None:
        """Forget the configuration."""
        if self._swapper is not None:
            self._swapper.close()
        if self._news is not None:
            self._news.close()
        self._swapper = self._news = self._context = None

    def change(self, config: StudentNodeConfig, names: Collection[str]) -> None:
        """Carry out a change of parameters, all of it or nothing.

        Args:
            config: As they are to be.
            names: Those that are set.

        Raises:
            DistillError: If a model is refused; nothing has changed then.
        """
        swapper, news, context = self._swapper, self._news, self._context
        if swapper is None or news is None or context is None or self._is_mending:
            return
        # what the topic said at configure: it counts until the next one
        config = replace(config, robot_description=context.config.robot_description)
        if 'model' in names:
            self._swap(swapper, news, config, 'parameter model was set')
        changes = {name: getattr(config, name) for name in names if hasattr(config, name)}
        with self._config_lock:
            self._config = replace(self._config, **changes)

    def _swap(
        self, swapper: ModelSwapper, news: ModelEvents, config: StudentNodeConfig, why: str
    ) -> None:
        """Let another model act, and tell it."""
        log = self._node.get_logger()
        try:
            outcome = swapper.swap(config, why)
        except DistillError as error:
            log.error(f'{why}, and is refused: {error}')
            raise
        finally:
            news.tell()
        if swapper.is_busy:  # when it acts, the news say so
            log.info(f'{why}: {outcome}')

    async def _on_rollback(
        self, request: Trigger.Request, response: Trigger.Response
    ) -> Trigger.Response:
        """Answer when the model before acts, or why it does not."""
        swapper, news = self._swapper, self._news
        response.success = False
        if swapper is None or news is None:
            response.message = 'node is not configured'
        elif self._loader.is_busy:
            response.message = BUSY
        else:
            try:
                response.message = await self._loader.run(swapper.roll_back)
                response.success = True
            except DistillError as error:
                response.message = str(error)
            except Exception as error:  # noqa: BLE001  whatever it is, the user must read it
                response.message = explain(error)
                self._node.get_logger().error(f'rollback: {traceback.format_exc()}')
            news.tell()
        if not response.success:
            self._node.get_logger().warning(f'~/rollback: {response.message}')
        return response

    def _attend(self) -> None:
        """Report what became of swaps, and correct the parameters."""
        swapper, news, context = self._swapper, self._news, self._context
        if swapper is None or news is None or context is None:
            return
        news.tell()
        if not (swapper.is_busy or self._loader.is_busy):
            self._mend_parameters(context)

    def _mend_parameters(self, context: LoopContext) -> None:
        """Have model and spec name the policy that acts: another one may have had to go."""
        acting = context.registry.active.config
        names = ('model', 'spec')
        if all(self._node.get_parameter(n).value == getattr(acting, n) for n in names):
            return
        with self._config_lock:
            self._config = replace(self._config, model=acting.model, spec=acting.spec)
        self._is_mending = True
        try:
            self._node.set_parameters_atomically(
                [Parameter(n, value=getattr(acting, n)) for n in names]
            )
        finally:
            self._is_mending = False
