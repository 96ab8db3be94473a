# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""What has become of swaps: carried on where no control loop does it, published and logged."""

from __future__ import annotations

from collections.abc import Mapping
import threading

from distill_runtime.core.swap.swap import Swap, SwapState
from distill_runtime.ros.loop.control_loop import ControlLoop
from distill_runtime.ros.loop.loop_context import LoopContext, turn
from distill_runtime.ros.recorder.flight_recorder import FlightRecorder
from rclpy.node import Node

from .swapper import ON_REQUEST
from .topic import ModelTopic

News = tuple[Swap, Mapping[str, str]]


class ModelEvents:
    """Tells the changes of the policy of one configured node; any thread may call.

    Attributes:
        loop: The newest control loop, whether or not it still runs; None before the first.
    """

    def __init__(
        self, node: Node, context: LoopContext, gate: threading.Lock, recorder: FlightRecorder
    ) -> None:
        """Say who acts at first.

        Args:
            node: Owner of ~/model.
            context: What its control loop connects.
            gate: Held while a control loop begins or ends.
            recorder: Keeps what is changed between control loops.
        """
        self._node = node
        self._context = context
        self._gate = gate
        self._recorder = recorder
        self._lock = threading.Lock()
        self.loop: ControlLoop | None = None
        since_ns = node.get_clock().now().nanoseconds
        self._topic: ModelTopic | None = ModelTopic(node)
        self._topic.turn_to(
            context.registry.active, {'why': 'configured', 'since_ns': str(since_ns)}
        )

    def newest_tick(self) -> int | None:
        """Return the time of the newest tick in [ns]; None while no control loop runs."""
        loop = self.loop
        return loop.stamp_ns if loop is not None and loop.is_alive else None

    def tell(self) -> None:
        """Publish and log what nobody has told yet."""
        with self._lock:
            if self._topic is not None:
                for swap, values in self._take():
                    self._tell_of(swap, values, self._topic)

    def close(self) -> None:
        """Withdraw ~/model."""
        with self._lock:
            if self._topic is not None:
                self._topic.destroy()
            self._topic = None

    def _take(self) -> list[News]:
        """Return the news of the control loop, and those that came since it ended."""
        news: list[News] = []
        with self._gate:
            if self.loop is not None:
                while self.loop.swaps:
                    news.append(self.loop.swaps.popleft())
            if self.newest_tick() is None:
                switcher = self._context.runner.switcher
                while switcher.news:
                    news.append(self._turn(switcher.news[0]))
                    switcher.news.popleft()
        return news

    def _turn(self, swap: Swap) -> News:
        """Do what a control loop does at a change."""
        context, tick_recorder = self._context, self._recorder.tick_recorder
        news = turn(context, swap)
        if tick_recorder is not None and swap.state is not SwapState.REFUSED:
            tick_recorder.on_swap(context.registry.active, news[1])
        return news

    def _tell_of(self, swap: Swap, values: Mapping[str, str], topic: ModelTopic) -> None:
        if swap.state is SwapState.REFUSED:
            name = self._context.registry[swap.shadow.instance].name
            problem = f'{name} is refused: {swap.reason}'
        elif swap.state is SwapState.ROLLED_BACK and swap.reason != ON_REQUEST:
            gone = f'{values["previous"]} ({values["previous_sha256"][:12]})'
            problem = f'{gone} had to go: {swap.reason}'
        else:
            problem = ''
        log = self._node.get_logger()
        if problem:
            log.error(problem)
        else:
            log.info(f'{self._context.registry.active.name} acts: {values["why"]}')
        if values:
            topic.turn_to(self._context.registry.active, values, problem)
        else:
            topic.publish(problem)
