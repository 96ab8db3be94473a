# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""The black box of a node: ring buffer, recorder process, and ~/dump."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any

from distill_runtime.data.flight_recorder.folders import expanded, make_folder
from distill_runtime.errors import MissingExtraError
from distill_runtime.ros.loop.loop_context import LoopContext
from distill_runtime.ros.node_config import StudentNodeConfig
from rclpy.callback_groups import ReentrantCallbackGroup
from rclpy.clock import Clock, ClockType
from rclpy.node import Node
from rclpy.task import Future
from std_srvs.srv import Trigger

from .process import RecorderProcess
from .tick_recorder import TickRecorder

_PERIOD = 0.1  # s
_LAST_WORDS = 3.0  # s; launch sends SIGTERM after 5 s and SIGKILL after 10 s
_MARGIN = 1.0  # s; a dump is written a moment after what it is about
_NORMAL = ('request', 'shutdown')
"""Causes of a dump that are nothing to worry about."""
_MISSING = 'rosbags is not installed: pip install rosbags'


class FlightRecorder:
    """Keeps the newest seconds of a node in memory, and has them written after a fault.

    Attributes:
        tick_recorder: Observer of the control loop; None while nothing is recorded.
    """

    def __init__(self, node: Node) -> None:
        """Offer ~/dump; ``configure`` starts recording."""
        self._node = node
        self.tick_recorder: TickRecorder | None = None
        self._config = StudentNodeConfig()
        self._process: RecorderProcess | None = None
        self._request: Future | None = None
        self._is_recording = False
        self._reset()
        # it is answered later: a separate group keeps no other service waiting
        self._service = node.create_service(
            Trigger, '~/dump', self._on_dump, callback_group=ReentrantCallbackGroup()
        )
        clock = Clock(clock_type=ClockType.STEADY_TIME)
        self._timer = node.create_timer(_PERIOD, self._poll, clock=clock)

    def configure(self, context: LoopContext) -> None:
        """Make the ring buffer and start the process, if anything is to be recorded.

        Raises:
            ConfigError: If what is to be held does not fit into memory.
            MissingExtraError: If a recording is asked for and cannot be made.
            RecordingError: If it cannot be written there.
        """
        self._reset()
        config = self._config = context.config
        log = self._node.get_logger()
        if not (config.blackbox_dir or config.record_to):
            return
        if find_spec('rosbags') is None:
            if config.record_to:
                raise MissingExtraError(f"{_MISSING}, or set record_to to ''")
            self._problem = _MISSING
            log.warning(f"black box is off: {_MISSING}, or set blackbox_dir to ''")
            return
        if config.record_to:
            make_folder(expanded(config.record_to), 'record_to')
        self.tick_recorder = TickRecorder(context, config.blackbox_seconds + _MARGIN)
        ring = self.tick_recorder.ring
        folder = expanded(config.blackbox_dir) if config.blackbox_dir else None
        self._process = RecorderProcess(ring, folder, round(config.blackbox_quota * 1e6))
        log.info(
            f'black box: {config.blackbox_seconds:g} s in {ring.size / 1e6:.1f} MB of '
            f'memory, dumps go to {folder or "nowhere, blackbox_dir is empty"}'
        )

    def begin(self) -> None:
        """Prepare for a new control loop, before it starts."""
        if self.tick_recorder is not None:
            self.tick_recorder.begin()
            if self._config.record_to:
                self._record(self.tick_recorder.ring.count)

    def end(self, last_cause: str) -> None:
        """Complete the recording of an ended control loop; with a cause there is a last dump."""
        if self.tick_recorder is None or self._process is None:
            return
        self.tick_recorder.end()
        if self._is_recording:
            self._is_recording = False
            self._process.send(do='finish', end=self.tick_recorder.ring.count)
        if last_cause:
            self._process.send(do='goodbye', cause=last_cause)

    def release(self) -> None:
        """Free the ring buffer and end the process; wait a little, as it may have to write."""
        if self._process is not None:
            for event in self._process.close(_LAST_WORDS):
                self._handle(event)
        self._answer(False, 'the node has ended')
        if self.tick_recorder is not None:
            self.tick_recorder.ring.close()
        self._process = self.tick_recorder = None

    def summary(self) -> str:
        """Return the state for /diagnostics."""
        process = self._process
        problems = (self._problem, process.problem if process else '', self._recording_problem)
        problem = '; '.join(filter(None, problems))
        if process is None:
            return f'off: {problem or "blackbox_dir is empty"}'
        dumps = f'{self._num_dumps} dumps' + (f', last {self._last}' if self._last else '')
        recording = f', recording to {self._recording}' if self._is_recording else ''
        text = f'{process.ring.span():.1f} s held, {dumps}{recording}'
        return f'{problem} ({text})' if problem else text

    def _reset(self) -> None:
        """Return to the state before configure."""
        self._problem = self._recording_problem = ''
        self._num_dumps = 0
        self._last = self._recording = ''

    def _record(self, first: int) -> None:
        """Start a recording at a record of the ring buffer."""
        assert self._process is not None
        self._is_recording = True
        self._recording_problem = ''
        folder = str(expanded(self._config.record_to))
        self._process.send(do='record', folder=folder, first=first)

    async def _on_dump(
        self, request: Trigger.Request, response: Trigger.Response
    ) -> Trigger.Response:
        """Answer when the dump is complete, or why there is none."""
        refusal = self._why_no_dump()
        if refusal or self._process is None:
            response.success, response.message = False, refusal
            return response
        self._request = Future(executor=self._node.executor)
        self._process.send(do='dump')
        response.success, response.message = await self._request
        return response

    def _why_no_dump(self) -> str:
        if self._process is None:
            return self._problem or 'nothing is kept: node is not configured, or without black box'
        if not self._config.blackbox_dir:
            return "blackbox_dir is '', there is no folder for a dump"
        if not self._process.ring.count:
            return 'nothing is held yet: the node has not been active'
        if self._request is not None:
            return 'a dump is being written, ask again when it is there'
        return self._process.problem

    def _poll(self) -> None:
        """Handle events of the process, and restart it if it has died or hangs."""
        process = self._process
        if process is None:
            return
        for event in process.received():
            self._handle(event)
        happened = process.poll()
        if not happened:
            return
        self._node.get_logger().error(f'black box: {happened}')
        if process.problem:
            self._answer(False, process.problem)
        elif self._is_recording:
            self._record(process.ring.oldest)

    def _answer(self, success: bool, message: str) -> None:
        """Answer the request that waits for a dump, if there is one."""
        if self._request is not None:
            self._request.set_result((success, message))
            self._request = None

    def _handle(self, event: dict[str, Any]) -> None:
        """Log an event of the process, and answer the request that waits for it."""
        log, kind = self._node.get_logger(), event['event']
        text = str(event.get('path') or event.get('reason') or event.get('problem'))
        match kind:
            case 'ready':
                self._problem = event['problem']
                if self._problem:
                    log.error(f'black box: {self._problem}')
            case 'dumped':
                self._num_dumps += 1
                self._problem, self._last = '', text
                gone = f', {" ".join(event["removed"])} made room' if event['removed'] else ''
                line = f'black box: {event["cause"]}: {event["seconds"]:.1f} s in {text}{gone}'
                if event['cause'] in _NORMAL:
                    log.info(line)
                else:
                    log.warning(line)
            case 'failed':
                self._problem = text
                log.error(f'black box: {text}')
            case 'recording':
                self._recording = text
                log.info(f'recording to {text}')
            case 'recorded':
                log.info(f'recorded {event["messages"]} messages in {text}, {event["lost"]} lost')
            case 'lost':
                self._recording_problem = (
                    f'{event["lost"]} records are missing in {text}: disk slow?'
                )
                log.error(self._recording_problem, throttle_duration_sec=5.0)
            case 'recording_failed':
                self._is_recording = False
                self._recording_problem = text
                log.error(text)
        if event.get('cause') == 'request':
            self._answer(kind == 'dumped', text)
