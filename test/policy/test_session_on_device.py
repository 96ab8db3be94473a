# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""A session on a device copies a bound input once, when it is bound, and never looks again."""

from __future__ import annotations

import ctypes

from distill_runtime.policy.session import open_session, PolicySession
import numpy as np
from support.models import save_recurrent
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
