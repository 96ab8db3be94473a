# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import contextlib

from distill_runtime.policy.model_file.protobuf import bytes_field, fields
from hypothesis import given
from hypothesis import strategies as st
import onnx
import pytest


def listed(content):
    return [
        (number, bytes(value) if isinstance(value, memoryview) else value)
        for number, value in fields(memoryview(content))
    ]


def test_integers_bytes_and_fixed_sizes():
    content = b'\x08\x96\x01\x12\x02hi\x1d\x01\x02\x03\x04\x21\x01\x02\x03\x04\x05\x06\x07\x08'
    assert listed(content) == [
        (1, 150),
        (2, b'hi'),
        (3, b'\x01\x02\x03\x04'),
        (4, b'\x01\x02\x03\x04\x05\x06\x07\x08'),
    ]


def test_fields_are_those_of_the_library():
    tensor = onnx.TensorProto(dims=[3, 300], name='weights', raw_data=b'\x00' * 7)
    tensor.data_location = onnx.TensorProto.EXTERNAL
    found = dict(listed(tensor.SerializeToString()))
    assert (found[8], found[9], found[14]) == (b'weights', b'\x00' * 7, 1)


@pytest.mark.parametrize('size', [0, 1, 127, 128, 300, 2**14, 2**21])
def test_written_bytes_are_those_of_the_library(size):
    model = onnx.ModelProto(doc_string='x' * size)
    assert bytes_field(6, b'x' * size) == (model.SerializeToString() if size else b'\x32\x00')


@pytest.mark.parametrize(
    ('content', 'message'),
    [
        (b'\x08', 'an integer is truncated'),
        (b'\x08\x80', 'an integer is truncated'),
        (b'\x08' + b'\x80' * 11, 'an integer is longer than 10 bytes'),
        (b'\x12\x05hi', 'a field of 5 bytes ends after byte 4'),
        (b'\x1d\x01', 'a field of 4 bytes ends after byte 2'),
        (b'\x0b', 'byte 1 has a field of type 3'),
    ],
)
def test_what_is_no_message_is_refused(content, message):
    with pytest.raises(ValueError, match=f'^{message}$'):
        listed(content)


@pytest.mark.fuzz
@given(st.binary(max_size=200))
def test_any_bytes_give_fields_or_a_refusal(content):
    with contextlib.suppress(ValueError):
        listed(content)
