# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""student_node: a lifecycle node that runs a policy on a robot."""

from __future__ import annotations

from collections.abc import Sequence
import contextlib
from dataclasses import replace
import sys
import threading
import traceback
from typing import Any

from distill_runtime.core.modes import Event
from distill_runtime.core.runner import PolicyRunner
from distill_runtime.core.sensors import Sensors
from distill_runtime.errors import DistillError
from distill_runtime.policy.session import TimedPolicy
from distill_runtime.ros.loop.commands import command_writer, CommandOutput
from distill_runtime.ros.loop.control_loop import ControlLoop
from distill_runtime.ros.loop.inputs import Inputs
from distill_runtime.ros.loop.loop_context import LoopContext
from distill_runtime.ros.loop.raw_subscription import Estop
from distill_runtime.ros.loop.realtime import lock_memory
from distill_runtime.ros.loop.tick_topics import Internals, PolicyMessages
from distill_runtime.ros.models.loader import load_chosen_policy, ModelFactory, ModelRegistry
from distill_runtime.ros.models.manager import ModelManager
from distill_runtime.ros.recorder.flight_recorder import FlightRecorder
from distill_runtime.spec.compile import compile_spec, sensor_layout
from rcl_interfaces.msg import SetParametersResult
import rclpy
from rclpy.callback_groups import CallbackGroup, ReentrantCallbackGroup
from rclpy.clock import Clock, ClockType
from rclpy.executors import SingleThreadedExecutor
from rclpy.lifecycle import LifecycleNode, LifecycleState, TransitionCallbackReturn
from rclpy.parameter import Parameter
from rclpy.signals import SignalHandlerOptions
from std_srvs.srv import Trigger

from .diagnostics import Diagnostics
from .mode_log import ModeLog
from .node_config import PARAMETERS, read_checks, StudentNodeConfig
from .parameter_service import LoaderThread, PatientParameterService
from .parameters import (
    declare_parameters,
    is_present,
    read_parameters,
    refuse_frozen,
    unknown_names,
)
from .process import explain, note_signals, serve, wait_for_signal
from .robot_description import read_description

_SUCCESS = TransitionCallbackReturn.SUCCESS
_FAILURE = TransitionCallbackReturn.FAILURE
_JOIN_TIMEOUT = 0.3
_WATCH_PERIOD = 0.25
_SPEC_ALONE = 'spec is set together with model while the node is configured, atomically'


class StudentNode(LifecycleNode):
    """Sensors in, joint commands out, at a fixed rate, in the control thread.

    Attributes:
        loop_context: What the control loop works with; None unless the node is configured.
    """

    def __init__(self, node_name: str = 'student_node', **options: Any) -> None:  # noqa: ANN401
        """Declare parameters and services; the model is loaded by configure."""
        self._reentrant = ReentrantCallbackGroup()
        super().__init__(node_name, start_parameter_services=False, **options)
        loader = self._loader = LoaderThread(self)
        self._parameter_service = PatientParameterService(self, loader)
        declare_parameters(self, PARAMETERS)
        for unknown in unknown_names(self, StudentNodeConfig):
            self.get_logger().warning(f'parameter {unknown} is unknown and without effect')
        self.add_on_set_parameters_callback(self._on_set_parameters)
        self._diagnostics = Diagnostics(self)
        self._recorder = FlightRecorder(self)
        self._mode_log = ModeLog(self)
        self._models = ModelManager(self, loader, self._recorder)
        self.loop_context: LoopContext | None = None
        self._loop: ControlLoop | None = None
        self.refusal = ''
        """Why the last transition was refused."""
        for name, event in (
            ('start', Event.START),
            ('stop', Event.STOP),
            ('estop', Event.ESTOP),
            ('reset_fault', Event.RESET_FAULT),
        ):
            self.create_service(Trigger, f'~/{name}', self._answer(event))
        steady = Clock(clock_type=ClockType.STEADY_TIME)
        self._timer = self.create_timer(1.0, self._publish_diagnostics, clock=steady)
        self._watch_timer = self.create_timer(_WATCH_PERIOD, self._watch_loop, clock=steady)

    @property
    def default_callback_group(self) -> CallbackGroup:
        """A group whose callbacks may be under way together: some await what takes its time."""
        return self._reentrant

    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Load and check the model, and create its topics."""
        return self._attempt('configure', self._configure)

    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Start the control loop."""
        result = self._attempt('activate', self._activate)
        return super().on_activate(state) if result == _SUCCESS else result

    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Stop the control loop; it sends the fault action and the stop message."""
        self._stop_loop()
        return super().on_deactivate(state)

    def on_cleanup(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Forget the model and its topics."""
        return self._attempt('cleanup', self._release)

    def on_shutdown(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Stop and release everything, from any state."""
        self._stop_loop('shutdown')
        return self._attempt('shutdown', self._release)

    def on_error(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Return to unconfigured."""
        self._stop_loop('error')
        return self._attempt('error', self._release)

    def destroy_node(self) -> None:
        """Stop the control loop before anything it uses goes away."""
        self._stop_loop('shutdown')
        self._loader.close()
        self._recorder.release()
        super().destroy_node()

    def _attempt(self, what: str, act: Any) -> TransitionCallbackReturn:  # noqa: ANN401
        """Carry out a transition; rclpy would swallow an exception without a word."""
        try:
            act()
        except DistillError as error:
            self.refusal = str(error)
            self.get_logger().error(f'{what} is refused: {error}')
        except Exception as error:  # noqa: BLE001  whatever it is, the user must read it
            self.refusal = explain(error)
            self.get_logger().error(f'{what} failed: {self.refusal}')
        else:
            self.refusal = ''
            return _SUCCESS
        self._diagnostics.publish_problem(self.refusal)
        return _FAILURE

    def _configure(self) -> None:
        context = self._make_context()
        try:
            self._models.configure(context)
            self._recorder.configure(context)
        except DistillError:
            self._models.release()
            context.destroy()
            raise
        self.loop_context = context
        policy = context.registry.active.policy
        if policy.signer:
            self.get_logger().info(f'model {policy.path} is signed with {policy.signer}')
        self.get_logger().info(
            f'{policy.path.name}: policy {policy.spec.name!r}, {len(policy.spec.joints)} joints, '
            f'{1.0 / policy.spec.period:g} Hz, sha256 {policy.sha256[:12]}'
        )

    def _make_context(self) -> LoopContext:
        """Load and check the model, and create its topics.

        Raises:
            DistillError: If anything is wrong; all topics are withdrawn again.
        """
        config, checks = read_parameters(self, StudentNodeConfig), read_checks(self)
        description = read_description(self, config.robot_description)
        config = replace(config, robot_description=description)
        policy = load_chosen_policy(config)
        timed = TimedPolicy(policy.session)
        compiled = compile_spec(policy.spec, sensor_layout(policy.spec))
        runner = PolicyRunner(compiled, timed, config.runner_config(policy.spec.period, checks))
        sensors = Sensors(compiled.layout)
        writer = command_writer(config.command_type, runner)
        if config.lock_memory:
            lock_memory()
        with contextlib.ExitStack() as undo:
            inputs = Inputs(
                self,
                policy.spec,
                compiled,
                sensors,
                is_lockstep=config.trigger == 'joint_states',
                needs_velocity=config.command_type == 'effort',
                has_stamped_command=config.enable_stamped_cmd_vel,
                uses_arrival=config.input_stamps == 'arrival',
            )
            undo.callback(inputs.destroy)
            estop = Estop(self)
            undo.callback(estop.destroy)
            output = CommandOutput(self, writer, config.shadow)
            undo.callback(output.destroy)
            internals = Internals(self, inputs, PolicyMessages(policy.spec, policy.sha256))
            undo.callback(internals.destroy)
            internals.publish_details(config.publish_internals)
            name = self.get_fully_qualified_name()
            factory = ModelFactory(name, internals.labels, policy.spec, runner)
            context = LoopContext(
                node=self,
                config=config,
                model_factory=factory,
                registry=ModelRegistry(factory.first(policy, timed, config)),
                runner=runner,
                sensors=sensors,
                inputs=inputs,
                estop=estop,
                output=output,
                internals=internals,
            )
            undo.pop_all()
        return context

    def _activate(self) -> None:
        assert self.loop_context is not None
        self.loop_context.inputs.restart()
        self._diagnostics.reset()
        self._recorder.begin()
        self._loop = self._models.start_loop(self._start_loop)
        self._mode_log.begin(self.loop_context)

    def _start_loop(self) -> ControlLoop:
        assert self.loop_context is not None
        self.loop_context.runner.reset()
        loop = ControlLoop(self.loop_context, self._recorder.tick_recorder)
        loop.start()
        return loop

    def _stop_loop(self, last_cause: str = '') -> None:
        """Stop the control loop; with a last cause, the black box is dumped."""
        loop = self._loop
        if loop is not None:
            loop.stop()
            self._loop = None
            self._mode_log.write(loop.mode_changes)
            self._mode_log.end(last_cause or 'deactivated', loop.timing.ticks)
            self._models.end_loop()
            self._recorder.end(last_cause)

    def _release(self) -> None:
        self._models.release()
        self._recorder.release()
        if self.loop_context is not None:
            self.loop_context.destroy()
        self.loop_context = None

    def _answer(self, event: Event) -> Any:  # noqa: ANN401
        """Make the callback of a service that asks the runner for a change."""

        def answer(request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
            loop, context = self._loop, self.loop_context
            if loop is None or context is None:
                response.success, response.message = False, 'node is not active'
            elif loop.crash:
                response.success, response.message = False, loop.crash
            else:
                mode = context.runner.mode
                is_accepted, text = context.runner.request(event)
                if not is_accepted and loop.clock_problem:
                    text = f'{text}; {loop.clock_problem}'
                self._mode_log.note_request(event, mode, is_accepted, text)
                response.success, response.message = is_accepted, text
            return response

        return answer

    def _on_set_parameters(self, changes: Sequence[Parameter[Any]]) -> SetParametersResult:
        names = {change.name for change in changes}
        if self.loop_context is not None:
            real = [change for change in changes if not is_present(self, change)]
            refused = refuse_frozen(PARAMETERS, real)
            if refused is not None:
                return refused
            if any(change.name == 'spec' for change in real) and 'model' not in names:
                return SetParametersResult(successful=False, reason=_SPEC_ALONE)
        try:
            config = read_parameters(self, StudentNodeConfig, changes)
            read_checks(self, changes)
            self._models.change(config, names)
        except DistillError as error:
            return SetParametersResult(successful=False, reason=str(error))
        except Exception as error:  # noqa: BLE001  whatever it is, the user must read it
            self.get_logger().error(f'parameters: {traceback.format_exc()}')
            return SetParametersResult(successful=False, reason=explain(error))
        if self.loop_context is not None:
            self.loop_context.internals.publish_details(config.publish_internals)
        return SetParametersResult(successful=True)

    def _publish_diagnostics(self) -> None:
        if self._loop is not None and self.loop_context is not None:
            self._diagnostics.publish(self._loop, self.loop_context, self._recorder)
        elif self.refusal:
            self._diagnostics.publish_problem(self.refusal)

    def _watch_loop(self) -> None:
        if self._loop is not None and self.loop_context is not None:
            self._mode_log.write(self._loop.mode_changes)
            self._loop.monitor.other_publisher = self.loop_context.output.other_publisher()


def main(args: list[str] | None = None) -> int:
    """Run student_node until SIGINT or SIGTERM.

    The control loop can still publish when one comes.

    Returns:
        0, or 2 if the arguments are wrong, or autostart was asked for and refused.
    """
    note_signals()
    try:
        rclpy.init(args=args, signal_handler_options=SignalHandlerOptions.NO)
        node = StudentNode()
    except Exception as error:  # noqa: BLE001  rclpy raises many types for a wrong argument
        sys.stderr.write(f'student_node: {explain(error)}\n')
        return 2
    try:
        if node.get_parameter('autostart').value and not _autostart(node):
            return 2
        executor = SingleThreadedExecutor()
        executor.add_node(node)
        thread = threading.Thread(target=serve, args=(executor,), name='executor', daemon=True)
        thread.start()
        wait_for_signal()
        executor.shutdown()
        thread.join(_JOIN_TIMEOUT)
    finally:
        node.destroy_node()
        rclpy.shutdown()
    return 0


def _autostart(node: StudentNode) -> bool:
    """Configure and activate."""
    triggers = (node.trigger_configure, node.trigger_activate)
    return all(trigger() == _SUCCESS for trigger in triggers)


if __name__ == '__main__':
    sys.exit(main())
