# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import contextlib
import json
import sys

from distill_runtime.errors import ConfigError, MissingExtraError
from distill_runtime.spec.dialect import Fields
from distill_runtime.spec.readers import leapp_tensors
from distill_runtime.spec.readers.leapp_tensors import LeappTensor, read_state
from hypothesis import given
from hypothesis import strategies as st
import numpy as np
import pytest
from safetensors.numpy import save

PIPELINE = Fields({'feedback_flow': {'walk/h_out': ['walk/h_in']}, 'initial_values': 'initial'})


def state_of(folder, content):
    """Return the state of a bundle whose file of initial values has a content."""
    (folder / 'initial').write_bytes(content)
    ports = [
        LeappTensor(where=name, name=name, kind='', dtype='float32', shape=(2, 1), names=(),
                    connection='', is_chunk=False, period=None)
        for name in ('h_in', 'h_out')
    ]  # fmt: skip
    (state,) = read_state(PIPELINE, 'walk', ports[:1], ports[1:], folder)
    return state


def with_header(header, body=b''):
    text = header if isinstance(header, bytes) else json.dumps({'walk/h_in': header}).encode()
    return len(text).to_bytes(8, 'little') + text + body


def entry(shape=(2, 1), offsets=(0, 8)):
    return {'dtype': 'F32', 'shape': list(shape), 'data_offsets': list(offsets)}


def test_initial_values_are_read(tmp_path):
    array = np.array([[0.5], [-2.0]], np.float32)
    content = save({'walk/h_in': array, 'walk/count': np.array([7])}, metadata={'maker': 'test'})
    assert state_of(tmp_path, content)['initial'] == [0.5, -2.0]


@pytest.mark.parametrize(
    'content',
    [
        b'',
        b'\xff' * 8,
        with_header(b'{'),
        with_header(b'[]'),
        with_header(b'[' * 100_000),
        with_header(1),
        with_header({'dtype': 'F32'}),
        with_header(entry()),
        with_header(entry(offsets=(8, 0)), b'x' * 8),
        with_header(entry(shape=(-2, 1)), b'x' * 8),
        with_header(entry(shape=(2**40, 2**40)), b'x' * 8),
        with_header(entry(shape=(3, 1)), b'x' * 8),
    ],
)
def test_damaged_file_is_refused(tmp_path, content):
    with pytest.raises(ConfigError, match=r'initial cannot be read as safetensors: '):
        state_of(tmp_path, content)


def test_large_file_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(leapp_tensors, 'MAX_BYTES', 10)
    with pytest.raises(ConfigError, match=r'initial is larger than 10 bytes'):
        state_of(tmp_path, b'x' * 11)


def test_missing_library_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, 'safetensors', None)
    with pytest.raises(MissingExtraError, match=r'pip install "distill_runtime\[leapp\]"$'):
        state_of(tmp_path, with_header(entry(), bytes(8)))


@pytest.mark.fuzz
@given(header=st.binary(max_size=100), body=st.binary(max_size=20))
def test_any_header_is_read_or_refused(tmp_path_factory, header, body):
    with contextlib.suppress(ConfigError):
        state_of(tmp_path_factory.getbasetemp(), with_header(header, body))
