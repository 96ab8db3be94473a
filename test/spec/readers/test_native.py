# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

from distill_runtime.errors import ConfigError
from distill_runtime.spec.readers.native import GOLDEN_KEY, read_embedded, read_native, SPEC_KEY
import pytest


def test_file_content_is_taken_as_it_is():
    source = read_native({'name': 'x'}, Path('a.yaml'))
    assert (source.name, source.values) == ('a.yaml', {'name': 'x'})


@pytest.mark.parametrize(('values', 'kind'), [(None, 'NoneType'), ([1], 'list'), ('x', 'str')])
def test_file_without_a_mapping_is_refused(values, kind):
    with pytest.raises(
        ConfigError, match=rf'^a\.yaml holds {kind}, expected the mapping of a spec'
    ):
        read_native(values, Path('a.yaml'))


def test_model_without_our_keys_carries_no_spec():
    assert read_embedded({'author': 'x'}, 'm.onnx') == []


def test_spec_and_golden_vectors_are_read_together():
    metadata = {SPEC_KEY: '{"period": 0.02}', GOLDEN_KEY: '{"action": [[1]]}'}
    (source,) = read_embedded(metadata, 'm.onnx')
    assert source.name == 'm.onnx:distill_runtime.spec'
    assert source.values == {'period': 0.02, 'golden': {'action': [[1]]}}


@pytest.mark.parametrize('key', [SPEC_KEY, GOLDEN_KEY])
@pytest.mark.parametrize(
    ('text', 'message'),
    [
        ('{"a": ', r'is not JSON: Expecting value'),
        ('', r'is not JSON: '),
        ('[' * 100_000, r'is not JSON: '),
        ('[1]', r'holds list, expected a mapping$'),
        ('null', r'holds NoneType, expected a mapping$'),
    ],
)
def test_broken_metadata_is_refused_with_its_key(key, text, message):
    with pytest.raises(ConfigError, match=rf"^m\.onnx: metadata '{key}' {message}"):
        read_embedded({key: text}, 'm.onnx')
