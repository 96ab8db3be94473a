# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Parameter services that go on serving while a model is loaded."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from rcl_interfaces.msg import SetParametersResult
from rclpy.node import Node
from rclpy.parameter_service import ParameterService
from rclpy.task import Future

BUSY = 'another model is being loaded or swapped: try again when it is active'
_REFUSAL = SetParametersResult(successful=False, reason=BUSY)


class LoaderThread:
    """A thread in which models are loaded; made with the node, so that it gets its priority."""

    def __init__(self, node: Node) -> None:
        """Start the thread."""
        self._node = node
        self._pool = ThreadPoolExecutor(1, thread_name_prefix='loader')
        self._pool.submit(int).result()
        self.is_busy = False

    def run(self, job: Callable[[], Any]) -> Future:
        """Run work in the thread; a callback of the node awaits the result."""
        answer = Future(executor=self._node.executor)
        self.is_busy = True

        def work() -> None:
            result, problem = None, None
            try:
                result = job()
            except Exception as error:  # noqa: BLE001  raised where the result is awaited
                problem = error
            self.is_busy = False  # before the answer: the caller may ask again at once
            if problem is None:
                answer.set_result(result)
            else:
                answer.set_exception(problem)
            if self._node.executor is not None:
                self._node.executor.wake()

        self._pool.submit(work)
        return answer

    def close(self) -> None:
        """Take no more work."""
        self._pool.shutdown(wait=False)


class PatientParameterService(ParameterService):
    """Sets parameters in the loader thread if model is among them, otherwise at once."""

    def __init__(self, node: Node, loader: LoaderThread) -> None:
        """Offer the services; the node's default callback group must be reentrant."""
        self._loader = loader
        super().__init__(node)

    async def _set_parameters_callback(self, request: Any, response: Any) -> Any:  # noqa: ANN401
        act = super()._set_parameters_callback
        refusal = {'results': [_REFUSAL for _ in request.parameters]}
        return await self._serve(act, request, response, refusal)

    async def _set_parameters_atomically_callback(self, request: Any, response: Any) -> Any:  # noqa: ANN401
        act = super()._set_parameters_atomically_callback
        return await self._serve(act, request, response, {'result': _REFUSAL})

    async def _serve(
        self,
        act: Callable[..., Any],
        request: Any,  # noqa: ANN401
        response: Any,  # noqa: ANN401
        refusal: dict[str, Any],
    ) -> Any:  # noqa: ANN401
        if not any(parameter.name == 'model' for parameter in request.parameters):
            return act(request, response)
        if self._loader.is_busy:
            return type(response)(**refusal)
        return await self._loader.run(lambda: act(request, response))
