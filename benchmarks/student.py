# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""A real StudentNode inside this process, in a private context."""

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
from rclpy.parameter import Parameter

PRIORITY = 50
"""Of SCHED_FIFO, wherever it is used."""


@contextlib.contextmanager
def private_context() -> Iterator[rclpy.Context]:
    """Give a context that no other node of the process is in."""
    context = rclpy.Context()
    rclpy.init(context=context, args=['--ros-args', '--log-level', 'error'])
    try:
        yield context
    finally:
        rclpy.shutdown(context=context)


def overrides(values: dict[str, object]) -> list[Parameter]:
    """Turn a mapping into parameter overrides."""
    return [Parameter(name, value=value) for name, value in values.items()]


@contextlib.contextmanager
def student_node(
    context: rclpy.Context, namespace: str, parameters: dict[str, object]
) -> Iterator[StudentNode]:
    """Configure a node; it is not active yet."""
    node = StudentNode(
        context=context, namespace=namespace, parameter_overrides=overrides(parameters)
    )
    try:
        if node.trigger_configure() != TransitionCallbackReturn.SUCCESS:
            raise RuntimeError(f'student_node refused: {node.refusal}')
        yield node
    finally:
        node.destroy_node()


def parts_of(node: StudentNode) -> LoopContext:
    """Return what the control loop of a configured node connects."""
    assert node._loop_context is not None
    return node._loop_context


def loop_of(node: StudentNode) -> ControlLoop:
    """Return the running control loop of an active node."""
    assert node._loop is not None
    return node._loop


@contextlib.contextmanager
def spinning(node: StudentNode) -> Iterator[None]:
    """Serve the node from an executor in a thread, as student_node does."""
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
