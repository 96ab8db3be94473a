# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""A robot in lock-step that walks in another thread, while a test changes the model."""

from __future__ import annotations

from contextlib import contextmanager
import hashlib
import json
import threading

from diagnostic_msgs.msg import DiagnosticStatus
from distill_runtime.ros.models import loader
from distill_runtime.ros.models.topic import MODEL_QOS
from distill_runtime.wire.tick_fields import model_number, TICK_FIELDS
import numpy as np
import onnx
from onnx import helper, numpy_helper
from rcl_interfaces.srv import GetParameters, SetParameters, SetParametersAtomically
from rclpy.parameter import Parameter, parameter_value_to_python
from rclpy.qos import QoSProfile

from .ros_harness import Inbox, LOCKSTEP, PATIENCE, student, T0, TICK, values, wait_for
from .ros_messages import nanoseconds, twist_message
from .ros_policies import write_policy

BUSY_MACHINE = {'checks.inference_time.action': 'ignore'}
"""Others compute on the machine that runs the tests."""
FRAGILE = 6.0
"""A forward velocity above which a fragile policy fails."""
PATIENT = {'checks.action_saturation.action': 'ignore'}
"""A fragile policy is commanded to walk very fast."""


def write_other(path, scale=0.4, *terms, **changes):
    """Write a policy of the same robot as write_policy's, with other targets; return its path."""
    return write_policy(path.parent, *terms, name=path.name, action={'scale': scale}, **changes)


def write_fragile(path):
    """Write a policy that gives NaN once it is commanded to walk faster than FRAGILE."""
    write_other(path, 0.3)
    model = onnx.load(str(path))
    graph = model.graph
    (node,) = graph.node
    node.output[0] = 'finite'
    for name, value in {
        'vx': np.array([6]),
        'most': np.array([FRAGILE], np.float32),
        'zero': np.array([0.0], np.float32),
    }.items():
        graph.initializer.append(numpy_helper.from_array(value, name))
    graph.node.extend(
        helper.make_node(kind, inputs, outputs)
        for kind, inputs, outputs in (
            ('Gather', ['obs', 'vx'], ['command']),
            ('Sub', ['most', 'command'], ['left']),
            ('Sqrt', ['left'], ['root']),
            ('Mul', ['root', 'zero'], ['nothing']),
            ('Add', ['finite', 'nothing'], ['actions']),
        )
    )
    for entry in graph.node:
        if entry.op_type == 'Gather':
            entry.attribute.append(helper.make_attribute('axis', 1))
    onnx.save(model, str(path))
    return path


def sha256(path):
    """Return the hash of a model that is one file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


class Walker:
    """Publishes one moment after another, each when the tick before is over.

    Attributes:
        stamps: Of the ticks so far.
    """

    def __init__(self, rig, start_ns=T0, fields=None):
        self._rig = rig
        self._next_ns = start_ns
        self._fields = fields or (lambda number: {'position': _sway(number)})
        self.stamps = []
        self._is_over = threading.Event()
        self._is_still = threading.Event()
        self._problem = None
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self):
        self._thread.start()
        self.steps(2)
        return self

    def __exit__(self, *problem):
        self._is_over.set()
        self._thread.join()
        if self._problem is not None and problem[0] is None:
            raise self._problem

    def steps(self, count):
        """Wait until some more ticks are over."""
        goal = len(self.stamps) + count
        wait_for(lambda: len(self.stamps) >= goal or self._problem, f'{count} ticks')
        assert self._problem is None, self._problem

    @contextmanager
    def paused(self):
        """Publish nothing for a while."""
        self._is_still.set()
        number = len(self.stamps)
        wait_for(lambda: self._is_waiting and len(self.stamps) >= number, 'a pause')
        try:
            yield
        finally:
            self._is_still.clear()

    _is_waiting = False

    def _run(self):
        try:
            while not self._is_over.is_set():
                self._is_waiting = self._is_still.is_set()
                if self._is_waiting:
                    self._is_over.wait(0.001)
                    continue
                self._rig.robot.tick(self._next_ns, **self._fields(len(self.stamps)))
                self.stamps.append(self._next_ns)
                self._next_ns += TICK
        except AssertionError as problem:
            self._problem = problem


def _sway(number):
    return [0.1 + 0.1 * np.sin(number / 7.0), 0.6, -0.5 + 0.05 * np.cos(number / 5.0)]


class Remote:
    """Another node that changes parameters of student_node, and subscribes to ~/model."""

    def __init__(self, rig):
        node, name = rig.robot.node, rig.robot.student
        self.rig = rig
        self.call = rig.robot.call
        self._node = node
        self._clients = {
            kind: node.create_client(kind, f'{name}/{service}')
            for kind, service in (
                (SetParameters, 'set_parameters'),
                (SetParametersAtomically, 'set_parameters_atomically'),
                (GetParameters, 'get_parameters'),
            )
        }
        qos = QoSProfile(depth=1000, durability=MODEL_QOS.durability)
        self.models = Inbox(node, DiagnosticStatus, f'{name}/model', qos)
        for client in self._clients.values():
            assert client.wait_for_service(PATIENCE)

    def ask(self, kind=SetParametersAtomically, **changes):
        """Ask for a change of parameters; return the future of the response."""
        parameters = [
            Parameter(name, value=_plain(value)).to_parameter_msg()
            for name, value in changes.items()
        ]
        return self._clients[kind].call_async(kind.Request(parameters=parameters))

    def set(self, **changes):
        """Set parameters, all or none; return whether that was done, and why not."""
        return answer_of(self.ask(**changes))

    def set_each(self, **changes):
        """Set parameters one by one; return the same for each."""
        future = self.ask(SetParameters, **changes)
        wait_for(future.done, 'the answer of set_parameters')
        return [(result.successful, result.reason) for result in future.result().results]

    def get(self, *names):
        """Return the values of parameters."""
        future = self._clients[GetParameters].call_async(GetParameters.Request(names=list(names)))
        wait_for(future.done, 'the answer of get_parameters')
        return [parameter_value_to_python(value) for value in future.result().values]

    def model(self):
        """Return level, message and values of the newest ~/model."""
        status = self.models.messages[-1]
        return status.level, status.message, values(status)

    def until_model(self, why):
        """Return the values of ~/model once they say why."""
        wait_for(lambda: self.models.messages and why in self.model()[2]['why'], f'~/model: {why}')
        return self.model()[2]

    def until_parameters(self, **expected):
        """Wait until parameters have some values."""
        wanted = [_plain(value) for value in expected.values()]
        wait_for(lambda: self.get(*expected) == wanted, f'parameters {expected}')

    def until_problem(self, text):
        """Return the values of ~/model once its message has some text."""
        wait_for(lambda: self.models.messages and text in self.model()[1], f'~/model: {text}')
        return self.model()[2]


def exceed(rig):
    """Give the command that a fragile policy cannot handle."""
    rig.robot.cmd_vel.publish(twist_message(vx=FRAGILE + 0.5))
    assert rig.robot.cmd_vel.wait_for_all_acked()


def answer_of(future):
    """Return success and reason of set_parameters_atomically."""
    wait_for(future.done, 'the answer of set_parameters_atomically')
    return future.result().result.successful, future.result().result.reason


def _plain(value):
    return value if isinstance(value, (bool, int, float, list)) else str(value)


@contextmanager
def walking(ros, model, fields=None, **options):
    """Run student_node in lock-step with a robot that walks; yield a Remote and the Walker."""
    with student(ros, model, **{**LOCKSTEP, **BUSY_MACHINE, **options}) as rig:
        remote = Remote(rig)
        wait_for(lambda: remote.models.messages, '~/model of the configuration')
        with Walker(rig, fields=fields) as walker:
            yield remote, walker


@contextmanager
def slow_loading(monkeypatch):
    """Have models load as slowly as the block wishes: yield what begins, and what lets it end."""
    begun, may_end = threading.Event(), threading.Event()
    load = loader.load_chosen_policy

    def wait(config):
        begun.set()
        assert may_end.wait(PATIENCE)
        return load(config)

    monkeypatch.setattr(loader, 'load_chosen_policy', wait)
    try:
        yield begun, may_end
    finally:
        may_end.set()


def models_of_ticks(rig):
    """Return the number of the model in each ~/tick so far."""
    column = TICK_FIELDS.index('model')
    return [message.data[column] for message in rig.robot.ticks.messages]


def number_of(path):
    """Return the number of a model in ~/tick."""
    return model_number(sha256(path))


def is_active(rig, path):
    """Return whether the newest tick was of a model."""
    return models_of_ticks(rig)[-1] == number_of(path)


def label_of(path):
    """Return how log and messages name a model."""
    return f'{path.name} ({sha256(path)[:12]})'


def commands(rig):
    """Return stamps and positions of all commands so far."""
    messages = rig.robot.commands.messages
    return [nanoseconds(m) for m in messages], np.array([list(m.position) for m in messages])


def spec_of(path):
    """Return the spec inside a model."""
    properties = {entry.key: entry.value for entry in onnx.load(str(path)).metadata_props}
    return json.loads(properties['distill_runtime.spec'])
