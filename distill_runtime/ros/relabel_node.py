# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""The executable relabel_node: `distill-runtime relabel` with ROS parameters.

Progress is on /diagnostics.
"""

from __future__ import annotations

import dataclasses
import os
import sys
import threading
import time
from typing import Any

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from distill_runtime.data.relabel.config import make_config
from distill_runtime.data.relabel.options import HELP, RelabelOptions
from distill_runtime.data.relabel.run import BagResult, exit_status, relabel
from distill_runtime.ros.process import explain, note_signals, serve, wait_for_signal
from rcl_interfaces.msg import ParameterDescriptor
import rclpy
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.signals import SignalHandlerOptions

_JOIN_TIMEOUT = 2.0  # s
_INTERRUPTED = 130


class RelabelNode(Node):
    """Labels recordings in a thread; reports once per second.

    Attributes:
        status: Exit status of the run, see `distill-runtime relabel --help`.
    """

    def __init__(self, **options: Any) -> None:  # noqa: ANN401
        """Read the parameters; the options are those of a Node.

        Raises:
            ConfigError: If one is missing or invalid.
            ModelError: If a teacher cannot be read.
        """
        super().__init__('relabel_node', **options)
        self.status = 0
        self._options = RelabelOptions(
            **{field.name: self._declare(field) for field in dataclasses.fields(RelabelOptions)}
        )
        self._config = make_config(self._options)
        self._publisher = self.create_publisher(DiagnosticArray, '/diagnostics', 10)
        self._begin = time.monotonic()
        self._done, self._total = 0, 0
        self._results: list[BagResult] = []
        self._problem = ''
        self.create_timer(1.0, self.report)

    def _declare(self, field: dataclasses.Field[Any]) -> Any:  # noqa: ANN401
        """Declare the parameter of an option and return its value."""
        is_list = isinstance(field.default, tuple)
        default = [''] if is_list else field.default
        descriptor = ParameterDescriptor(description=HELP[field.name], read_only=True)
        value = self.declare_parameter(field.name, default, descriptor).value
        if not is_list:
            return value
        return () if list(value) == [''] else tuple(value)

    def run(self) -> None:
        """Label all recordings; in a thread."""
        try:
            results = relabel(
                self._options.bags,
                self._config,
                self._options.output,
                workers=self._options.workers,
                ray=self._options.ray,
                progress=self._on_progress,
                report=self._on_result,
            )
            self.status = exit_status(results)
        except Exception as error:  # noqa: BLE001  reported, and the exit status
            self._problem = explain(error)
            self.get_logger().error(self._problem)
            self.status = 2

    def report(self) -> None:
        """Publish the state of the run."""
        failed = [result for result in self._results if result.labeled is None]
        share = self._done / self._total if self._total else 0.0
        elapsed = time.monotonic() - self._begin
        level, message = DiagnosticStatus.OK, f'{share:.0%} of the recordings'
        if failed:
            level, message = DiagnosticStatus.WARN, f'{message}, {len(failed)} cannot be used'
        if self._problem:
            level, message = DiagnosticStatus.ERROR, self._problem
        rows = [result.labeled.facts for result in self._results if result.labeled is not None]
        values = {
            'progress': f'{share:.3f}',
            'recordings_done': str(len(self._results)),
            'recordings_failed': str(len(failed)),
            'labels': str(sum(facts['valid'] for facts in rows)),
            'elapsed': f'{elapsed:.0f}',
            'remaining': f'{elapsed / share - elapsed:.0f}' if share else '',
            'output': self._options.output,
        }
        status = DiagnosticStatus(
            level=level,
            name=f'{self.get_name()}: relabel',
            message=message,
            hardware_id='',
            values=[KeyValue(key=key, value=value) for key, value in values.items()],
        )
        array = DiagnosticArray(status=[status])
        array.header.stamp = self.get_clock().now().to_msg()
        self._publisher.publish(array)

    def _on_progress(self, done: int, total: int) -> None:
        self._done, self._total = done, total

    def _on_result(self, result: BagResult) -> None:
        self._results.append(result)
        if result.labeled is None:
            self.get_logger().warning(f'{result.name}: {result.problem}')
        else:
            facts = result.labeled.facts
            how = 'done before' if result.labeled.was_done else f'{facts["ticks"]} ticks'
            self.get_logger().info(f'{result.name}: {how}, {facts["valid"]} labels')


def main(args: list[str] | None = None) -> int:
    """Run the node until all recordings are done, or SIGINT or SIGTERM comes.

    Returns:
        That of `distill-runtime relabel`; 2 if a parameter is wrong.
    """
    note_signals()
    try:
        rclpy.init(args=args, signal_handler_options=SignalHandlerOptions.NO)
        node = RelabelNode()
    except Exception as error:  # noqa: BLE001  rclpy raises many types for a wrong argument
        sys.stderr.write(f'relabel_node: {explain(error)}\n')
        return 2
    executor = SingleThreadedExecutor()
    executor.add_node(node)
    thread = threading.Thread(target=serve, args=(executor,), name='executor', daemon=True)
    thread.start()
    worker = threading.Thread(target=node.run, name='relabel', daemon=True)
    worker.start()
    wait_for_signal(lambda: not worker.is_alive())
    executor.shutdown()
    thread.join(_JOIN_TIMEOUT)
    if worker.is_alive():  # in the middle of a part, which has no name yet: nothing is lost
        sys.stderr.write('relabel_node: stopped, the same command goes on\n')
        sys.stderr.flush()
        os._exit(_INTERRUPTED)
    node.report()
    node.destroy_node()
    rclpy.shutdown()
    return node.status


if __name__ == '__main__':
    sys.exit(main())
