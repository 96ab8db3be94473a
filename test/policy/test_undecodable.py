# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from distill_runtime.errors import ModelError
from distill_runtime.policy.session import open_session
import pytest
from support.models import save_linear


def test_metadata_that_is_no_text_is_refused_without_a_second_try(tmp_path, capfd):
    path = save_linear(tmp_path / 'policy.onnx', [[1.0]], metadata={'key': 'MARK'})
    path.write_bytes(path.read_bytes().replace(b'MARK', b'\xff\xfe\xfd\xfc'))
    with pytest.raises(ModelError, match='cannot be loaded as ONNX'):
        open_session(path)
    assert 'Falling back' not in ''.join(capfd.readouterr())
