# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import ctypes
import time

from distill_runtime.errors import ModelError
from distill_runtime.policy.session import open_session, PolicySession, TimedPolicy
from distill_runtime.spec.compile import compile_spec
import numpy as np
import pytest
from support.models import save_linear, save_recurrent
from support.rig import FakePolicy
from support.specs import make_spec

STATE = [{'input': 'h_in', 'output': 'h_out', 'shape': [1, 1, 3]}]


class CopyingBinding:
    """Binds a copy of what is at an address."""

    def __init__(self, binding):
        self.binding = binding
        self.copies = {}

    def bind_input(self, name, device, number, dtype, shape, address):
        size = int(np.prod(shape))
        values = np.array((ctypes.c_float * size).from_address(address), dtype).reshape(shape)
        self.copies[name] = values
        self.binding.bind_input(name, device, number, dtype, shape, values.ctypes.data)

    def bind_output(self, *args):
        self.binding.bind_output(*args)


class DeviceSession:
    """A session on the CPU that behaves like one on a device."""

    def __init__(self, session, provider):
        self.session = session
        self.provider = provider

    def get_providers(self):
        return [self.provider, 'CPUExecutionProvider']

    def io_binding(self):
        return CopyingBinding(self.session.io_binding())

    def run_with_iobinding(self, binding):
        self.session.run_with_iobinding(binding.binding)


def actions_of(tmp_path, provider):
    session, graph = open_session(save_recurrent(tmp_path / 'm.onnx'))
    policy = PolicySession(DeviceSession(session, provider), graph, make_spec(state=STATE))
    policy.smoke_test()
    actions = []
    for number in (1, 2, 3):
        policy.observation[:] = number
        policy.run()
        actions.append(policy.action.tolist())
    return actions


def test_network_on_a_device_sees_each_observation_and_its_state(tmp_path):
    assert actions_of(tmp_path, 'CUDAExecutionProvider') == [[2.0] * 3, [6.0] * 3, [12.0] * 3]


def test_made_up_device_shows_what_binding_once_would_do(tmp_path):
    assert actions_of(tmp_path, 'CPUExecutionProvider') == [[0.0] * 3] * 3


def test_metadata_that_is_no_text_is_refused_without_a_second_try(tmp_path, capfd):
    path = save_linear(tmp_path / 'policy.onnx', [[1.0]], metadata={'key': 'MARK'})
    path.write_bytes(path.read_bytes().replace(b'MARK', b'\xff\xfe\xfd\xfc'))
    with pytest.raises(ModelError, match='cannot be loaded as ONNX'):
        open_session(path)
    assert 'Falling back' not in ''.join(capfd.readouterr())


def test_mean_is_the_first_duration_at_first_and_forgets_a_slow_run(monkeypatch):
    timed = TimedPolicy(FakePolicy(compile_spec(make_spec()), lambda run: 0.0))
    assert timed.mean_ns == 0.0
    means = []
    for duration in (100, 10_100, *[100] * 100, *[500] * 200):
        now = iter((0, duration))
        monkeypatch.setattr(time, 'perf_counter_ns', lambda now=now: next(now))
        timed.run()
        means.append(timed.mean_ns)
    assert means[0] == 100.0
    assert means[1] > 500.0
    assert means[101] == pytest.approx(100.0, abs=10.0)
    assert means[-1] == pytest.approx(500.0, rel=1e-3)
