# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Guess the kind of a file that is not a model, and what to do about it."""

from __future__ import annotations

import codecs
import re

_EXPORT = 'export the policy with torch.onnx'
_UNPACK = 'unpack it, and give the .onnx file in it'
_RECORDING = 'give the model here, and the recording where a recording is asked for'
_SPEC = 'give the .onnx file as the model; a spec is given by --spec (parameter spec)'
_DOWNLOAD = 'download the file itself, not the page that shows it'
_SIGNATURES = (
    (0, b'version https://git-lfs.github.com/spec/', 'a git-lfs pointer', 'run git lfs pull'),
    (0, b'\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8', 'a PyTorch checkpoint', _EXPORT),
    (0, b'\x89HDF\r\n\x1a\n', 'an HDF5 file, as Keras writes it', 'export the policy as ONNX'),
    (4, b'TFL3', 'a TensorFlow Lite model', 'export the policy as ONNX'),
    (4, b'ORTM', 'a model in ORT format', 'give the .onnx file that it was made from'),
    (0, b'ptrt', 'a TensorRT engine', 'give the .onnx file that it was built from'),
    (0, b'ftrt', 'a TensorRT engine', 'give the .onnx file that it was built from'),
    (8, b'{"', 'weights in safetensors', _EXPORT),
    (0, b'\x93NUMPY', 'a NumPy array', _EXPORT),
    (0, b'\x89MCAP0\r\n', 'a recording (MCAP)', _RECORDING),
    (0, b'SQLite format 3\0', 'an SQLite database, as rosbag2 writes it', _RECORDING),
    (0, b'#ROSBAG V', 'a recording (rosbag1)', _RECORDING),
    (0, b'\x1f\x8b\x08', 'a gzip file', _UNPACK),
    (0, b'\x28\xb5\x2f\xfd', 'a zstd file', _UNPACK),
    (0, b'-----BEGIN ', 'a key in PEM', 'give the model here'),
)
"""Offset, bytes, kind of file, and advice. In text only bytes at the start count."""
_ZIP = b'PK\x03\x04'
_IN_ZIP = (
    (b'/constants.pkl', 'a TorchScript file', _EXPORT),
    (b'/data.pkl', 'a PyTorch checkpoint', _EXPORT),
    (b'.npy', 'a NumPy archive', _EXPORT),
)
_TEXTS = (
    (r'(?i)<!doctype html|<html', 'an HTML page', _DOWNLOAD),
    (r'<\?xml|<(robot|mujoco|sdf)\b', 'XML', 'give the .onnx file as the model'),
    (r'\{|\[\s*[\[{"\d\]-]', 'JSON', _SPEC),
    (r'---\s|([ \t\r]*(#.*)?\n)*(- )?[\w."\'/-]+:(\s|$)', 'YAML', _SPEC),
    (r'', 'text', 'give the .onnx file'),
)
_HEAD, _TAIL = 4096, 1 << 16  # bytes; the directory of a zip file is at its end


def looks_like(content: memoryview) -> str:
    """Return the kind of a file that is not ONNX, and what to do; '' if unknown."""
    if not content:
        return 'an empty file: copy or export it again'
    head = bytes(content[:_HEAD])
    if head.startswith(_ZIP):
        names = bytes(content[-_TAIL:])
        for name, kind, advice in _IN_ZIP:
            if name in names:
                return f'{kind}: {advice}'
        return f'a zip file: {_UNPACK}'
    text = _text(head)
    for offset, mark, kind, advice in _SIGNATURES:
        if head.startswith(mark, offset) and (text is None or offset == 0):
            return f'{kind}: {advice}'
    if text is None:
        return ''
    return next(
        f'{kind}: {advice}' for start, kind, advice in _TEXTS if re.match(start, text.lstrip())
    )


def _text(head: bytes) -> str | None:
    """Return the start of a file as text; None if it is binary."""
    try:
        text = codecs.getincrementaldecoder('utf-8-sig')().decode(head)
    except UnicodeDecodeError:
        return None
    return None if re.search(r'[\x00-\x08\x0e-\x1f\x7f]', text) else text
