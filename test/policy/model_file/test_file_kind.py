# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import gzip
import io
import json
import zipfile

from distill_runtime.errors import ModelError
from distill_runtime.policy.model import load_policy
from distill_runtime.policy.model_file.file_kind import looks_like
import numpy as np
import pytest
from support.models import save_linear

POINTER = """version https://git-lfs.github.com/spec/v1
oid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393
size 12345
"""
PAGE = '\n<!DOCTYPE html>\n<html lang="en"><head><title>policy.onnx</title></head></html>'


def zipped(*names):
    file = io.BytesIO()
    with zipfile.ZipFile(file, 'w') as archive:
        for name in names:
            archive.writestr(name, b'content')
    return file.getvalue()


def npz():
    file = io.BytesIO()
    np.savez(file, w=np.eye(3))
    return file.getvalue()


def npy():
    file = io.BytesIO()
    np.save(file, np.eye(3))
    return file.getvalue()


def safetensors():
    header = json.dumps({'w': {'dtype': 'F32', 'shape': [1], 'data_offsets': [0, 4]}}).encode()
    return len(header).to_bytes(8, 'little') + header + bytes(4)


KINDS = {
    'an empty file': b'',
    'a git-lfs pointer: run git lfs pull': POINTER,
    'an HTML page': PAGE,
    'XML': '<?xml version="1.0"?>\n<robot name="a"/>',
    'JSON': '{"message": "Not Found"}',
    'JSON: ': '[\n  {"name": "walk"}]',
    'YAML': '# a policy\n\nname: walk\njoints: [a, b]\n',
    'YAML: ': '\ufeff---\njoint_names:\n  - a\n',
    'text': 'hello, I am no network: none at all',
    'text: ': 'gr\u00fc\u00dfe ' * 2000,  # a letter of two bytes is cut in the middle
    'a TorchScript file': zipped('policy/data.pkl', 'policy/code/net.py', 'policy/constants.pkl'),
    'a PyTorch checkpoint': zipped('model/data.pkl', 'model/data/0', 'model/version'),
    'a PyTorch checkpoint: ': b'\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.\x80\x02M\xe9\x03.',
    'a NumPy archive': npz(),
    'a NumPy array': npy(),
    'a zip file: unpack it': zipped('policy.onnx'),
    'a gzip file: unpack it': gzip.compress(b'policy'),
    'weights in safetensors': safetensors(),
    'a TensorFlow Lite model': b'\x1c\0\0\0TFL3' + bytes(20),
    'a recording (MCAP)': b'\x89MCAP0\r\n' + bytes(20),
    'an SQLite database': b'SQLite format 3\0' + bytes(20),
    'a recording (rosbag1)': b'#ROSBAG V2.0\n' + bytes(20),
    'a key in PEM': '-----BEGIN PUBLIC KEY-----\nMCow\n',
}


@pytest.mark.parametrize('kind', KINDS)
def test_kind_of_a_file_and_advice_are_reported(kind, tmp_path):
    content = KINDS[kind]
    path = tmp_path / 'walk.onnx'
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    with pytest.raises(ModelError) as refusal:
        load_policy(path)
    start = f'{path} cannot be loaded as ONNX: it is not an ONNX file but looks like '
    said = str(refusal.value).removeprefix(start)
    assert said.startswith(kind)
    assert said.partition(': ')[2]


def test_unknown_content_and_truncated_models_are_not_named(tmp_path):
    path = save_linear(tmp_path / 'walk.onnx', np.eye(3), metadata={'spec': '{"name": "a"}\n' * 9})
    model = path.read_bytes()
    parts = [model[: int(share * len(model))] for share in (0.1, 0.5, 0.99)]
    for content in (b'\xff\xd8\xff\xe0 a photo', bytes(100), b'\x08\x07\x12\x04', *parts):
        assert looks_like(memoryview(content)) == ''


def test_text_of_any_form_is_recognized_at_once():
    # a pattern that goes back over such lines would take for ever
    lines = '# a comment\n' + '\n \t\r\n#\n' * 500 + '!'
    assert looks_like(memoryview(lines.encode())).startswith('text: ')
    assert looks_like(memoryview(lines.replace('!', 'name: a').encode())).startswith('YAML: ')


def test_file_name_does_not_determine_the_kind(tmp_path):
    path = save_linear(tmp_path / 'walk.pt', np.eye(3))
    with pytest.raises(Exception, match='is missing, found in none of'):  # its spec, no more
        load_policy(path)
