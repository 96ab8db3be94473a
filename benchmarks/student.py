# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Run a real StudentNode inside this process, in a private context."""

from __future__ import annotations

from collections.abc import Iterator
import contextlib
import threading

from distill_runtime.ros.loop.control_loop import ControlLoop
from distill_runtime.ros.loop.loop_context import LoopContext
from distill_runtime.ros.student_node import StudentNode
import rclpy
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.lifecycle import TransitionCallbackReturn
from rclpy.node import Node
from rclpy.parameter import Parameter

PRIORITY = 50
"""SCHED_FIFO priority of the control loop in all measurements."""


@contextlib.contextmanager
def private_context() -> Iterator[rclpy.Context]:
    """Create a context that no other node of the process uses."""
    context = rclpy.Context()
    rclpy.init(context=context, args=['--ros-args', '--log-level', 'error'])
    try:
        yield context
    finally:
        rclpy.shutdown(context=context)


def overrides(values: dict[str, object]) -> list[Parameter]:
    """Return a mapping as parameter overrides."""
    return [Parameter(name, value=value) for name, value in values.items()]


@contextlib.contextmanager
def student_node(
    context: rclpy.Context, namespace: str, parameters: dict[str, object]
) -> Iterator[StudentNode]:
    """Create and configure a node, without activating it."""
    node = StudentNode(
        context=context, namespace=namespace, parameter_overrides=overrides(parameters)
    )
    try:
        if node.trigger_configure() != TransitionCallbackReturn.SUCCESS:
            raise RuntimeError(f'student_node refused: {node.refusal}')
        yield node
    finally:
        node.destroy_node()


def loop_context(node: StudentNode) -> LoopContext:
    """Return the loop context of a configured node."""
    assert node.loop_context is not None
    return node.loop_context


def loop_of(node: StudentNode) -> ControlLoop:
    """Return the running control loop of an active node."""
    assert node._loop is not None
    return node._loop


@contextlib.contextmanager
def spinning(node: Node) -> Iterator[None]:
    """Spin a node in an executor thread, as student_node does."""
    executor = SingleThreadedExecutor(context=node.context)
    executor.add_node(node)

    def spin() -> None:
        with contextlib.suppress(ExternalShutdownException):
            executor.spin()

    thread = threading.Thread(target=spin, name='executor', daemon=True)
    thread.start()
    try:
        yield
    finally:
        executor.shutdown()
        thread.join()
