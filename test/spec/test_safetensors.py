# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import contextlib
import json

from distill_runtime.errors import ConfigError
from distill_runtime.spec import safetensors
from distill_runtime.spec.safetensors import parse_safetensors
from hypothesis import given
from hypothesis import strategies as st
import numpy as np
import pytest
from support.safetensors import safetensors_bytes


def with_header(header, body=b''):
    text = json.dumps(header).encode() if not isinstance(header, bytes) else header
    return len(text).to_bytes(8, 'little') + text + body


def entry(dtype='F32', shape=(2,), offsets=(0, 8)):
    return {'dtype': dtype, 'shape': list(shape), 'data_offsets': list(offsets)}


def test_tensors_come_back():
    arrays = {
        'walk/h': np.arange(6, dtype=np.float32).reshape(2, 1, 3),
        'walk/count': np.array([7], np.int64),
        'walk/one': np.array(0.5, np.float32),
    }
    tensors = parse_safetensors(safetensors_bytes(arrays))
    assert tensors['walk/h'].shape == (2, 1, 3)
    assert tensors['walk/h'].floats() == (0.0, 1.0, 2.0, 3.0, 4.0, 5.0)
    assert tensors['walk/one'].floats() == (0.5,)
    assert tensors['walk/count'].dtype == 'I64'
    with pytest.raises(ConfigError, match=r'^type is I64, expected F32$'):
        tensors['walk/count'].floats()


def test_file_of_the_library_is_read():
    library = pytest.importorskip('safetensors.numpy')
    array = np.random.default_rng(0).normal(size=(3, 1, 4)).astype(np.float32)
    content = library.save({'a': array}, metadata={'maker': 'test'})
    assert parse_safetensors(content)['a'].floats() == tuple(array.reshape(-1).tolist())


@pytest.mark.parametrize(
    ('content', 'message'),
    [
        (b'', r'^file has 0 bytes, expected a header of 0 bytes$'),
        (b'\xff' * 8, r'^file has 8 bytes, expected a header of 18446744073709551615 bytes$'),
        (with_header(b'{'), r'^header is not JSON: '),
        (with_header([]), r'^header is \[\], expected a mapping$'),
        (with_header({'a': 1}), r"^tensor 'a' is 1, expected dtype, shape and data_offsets$"),
        (with_header({'a': {'dtype': 'F32'}}), r"^tensor 'a' is \{'dtype': 'F32'\}, expected"),
        (with_header({'a': entry()}), r"^tensor 'a' lies at bytes 0 to 8, expected within 0$"),
        (with_header({'a': entry(offsets=(8, 0))}, b'x' * 8), r'lies at bytes 8 to 0'),
        (with_header({'a': entry(shape=(-2,))}, b'x' * 8), r"^tensor 'a' has shape \[-2\] at "),
        (with_header({'a': entry(shape=(2**40,))}, b'x' * 8), r"^tensor 'a' has shape \["),
        (
            with_header({'a': entry(shape=(3,))}, b'x' * 8),
            r"^tensor 'a' of shape \[3\] has 8 bytes, expected 12$",
        ),
    ],
)
def test_what_is_no_such_file_is_refused(content, message):
    with pytest.raises(ConfigError, match=message):
        parse_safetensors(content)


def test_large_file_is_refused(monkeypatch):
    monkeypatch.setattr(safetensors, 'MAX_BYTES', 10)
    with pytest.raises(ConfigError, match=r'^file has 11 bytes, expected at most 10$'):
        parse_safetensors(b'x' * 11)


@pytest.mark.fuzz
@given(st.binary(max_size=100), st.binary(max_size=20))
def test_any_header_is_read_or_refused(header, body):
    with contextlib.suppress(ConfigError):
        parse_safetensors(with_header(header, body))
