# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Files of the safetensors format, written from its description."""

from __future__ import annotations

import json

_TYPES = {'float32': 'F32', 'int64': 'I64'}


def safetensors_bytes(arrays):
    """Return the content of a file that holds arrays by name."""
    header, body = {}, b''
    for name, array in arrays.items():
        data = array.tobytes()
        header[name] = {
            'dtype': _TYPES[str(array.dtype)],
            'shape': list(array.shape),
            'data_offsets': [len(body), len(body) + len(data)],
        }
        body += data
    text = json.dumps(header).encode()
    return len(text).to_bytes(8, 'little') + text + body
