# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import hashlib
import json
import os

from distill_runtime.errors import ConfigError, ModelError
from distill_runtime.policy.model import load_policy
from distill_runtime.policy.model_file import model_files as artefact
from distill_runtime.policy.model_file.model_files import (
    inspect_model,
    sha256_of,
    write_model,
)
from distill_runtime.policy.session import open_session
from distill_runtime.spec.readers.native import SPEC_KEY
import onnx
from onnx import helper
import pytest
from support.models import save_linear
from support.specs import spec_mapping

WEIGHTS = [[1, 0, 0], [0, 2, 0], [0, 0, 3]]


def save_external(path, location='walk.onnx.data'):
    """Write a policy with external weights."""
    save_linear(path, WEIGHTS, metadata={SPEC_KEY: json.dumps(spec_mapping())})
    onnx.save(
        onnx.load(path), path, save_as_external_data=True, location=location, size_threshold=0
    )
    return path


def renamed(path, location):
    """Set the location of the external weights."""
    model = onnx.load(str(path), load_external_data=False)
    for tensor in model.graph.initializer:
        for entry in tensor.external_data:
            entry.value = location if entry.key == 'location' else entry.value
    path.write_bytes(model.SerializeToString())
    return path


def test_external_weights_are_part_of_the_model(tmp_path):
    path = save_external(tmp_path / 'walk.onnx')
    assert path.stat().st_size < 2000
    policy = load_policy(path)
    policy.session.observation[:] = 1.0
    policy.session.run()
    assert policy.session.action.tolist() == [1.0, 2.0, 3.0]
    both = path.read_bytes() + (tmp_path / 'walk.onnx.data').read_bytes()
    assert policy.sha256 == hashlib.sha256(both).hexdigest()
    (tmp_path / 'link').symlink_to('.')
    assert load_policy(tmp_path / 'link' / 'walk.onnx').sha256 == policy.sha256
    with pytest.raises(
        ModelError, match=r"^model needs \['walk\.onnx\.data'\], expected its weights embedded"
    ):
        open_session(path.read_bytes())


def test_link_out_of_the_folder_is_refused(tmp_path):
    (tmp_path / 'inner').mkdir()
    path = save_external(tmp_path / 'inner' / 'walk.onnx')
    (tmp_path / 'inner' / 'walk.onnx.data').rename(tmp_path / 'elsewhere.data')
    (tmp_path / 'inner' / 'walk.onnx.data').symlink_to('../elsewhere.data')
    with pytest.raises(ModelError, match=r'in the folder of the model: it is .*elsewhere\.data$'):
        open_session(path)


def with_operator(path, domain, functions=()):
    save_linear(path, WEIGHTS)
    model = onnx.load(path)
    model.graph.node[0].domain = domain
    model.opset_import.append(helper.make_opsetid(domain, 1))
    model.functions.extend(functions)
    onnx.save(model, path)
    return path


OUTSIDE = 'for its weights, expected a file in the folder of the model'


@pytest.mark.parametrize(
    ('location', 'message'),
    [
        ('../walk.onnx.data', OUTSIDE),
        ('a/../../walk.onnx.data', OUTSIDE),
        ('..', OUTSIDE),
        ('', OUTSIDE),
        ('FOLDER/walk.onnx.data', OUTSIDE),
        ('a\0b', r'which is not a path: .*null'),
        ('*/_ORT_MEM_ADDR_/*', 'in its folder, which contains its weights'),
        ('no.data', r"walk\.onnx needs 'no\.data' in its folder, which contains its weights: "),
    ],
)
def test_weights_that_are_outside_of_the_folder_or_missing_are_refused(
    tmp_path, location, message
):
    folder = tmp_path / 'inner'
    folder.mkdir()
    save_external(tmp_path / 'walk.onnx')
    path = save_external(folder / 'walk.onnx')
    with pytest.raises(ModelError, match=message):
        open_session(renamed(path, location.replace('FOLDER', str(folder))))


@pytest.mark.parametrize('domain', ['my.ops', 'com.microsoft'])
def test_operators_are_those_of_onnxruntime_or_of_the_model(tmp_path, domain):
    path = with_operator(tmp_path / 'walk.onnx', domain)
    if domain == 'com.microsoft':
        assert inspect_model(path).domains == (domain,)
        return
    with pytest.raises(
        ModelError,
        match=r"walk\.onnx has operators of \['my\.ops'\], expected those of ONNX and onnxruntime",
    ):
        open_session(path)
    function = helper.make_function(
        domain, 'MatMul', ['a', 'b'], ['c'],
        [helper.make_node('MatMul', ['a', 'b'], ['c'])], [helper.make_opsetid('', 17)],
    )  # fmt: skip
    open_session(with_operator(path, domain, [function]))


def test_model_and_weights_have_a_size_limit(tmp_path, monkeypatch):
    path = tmp_path / 'huge.onnx'
    with path.open('wb') as file:
        os.truncate(file.fileno(), 2**31 + 1)
    with pytest.raises(ModelError, match=r'has 2147483649 bytes, expected at most 2147483648$'):
        open_session(path)
    monkeypatch.setattr(artefact, 'MAX_BYTES', 35)
    with pytest.raises(ModelError, match=r'has 36 bytes of weights, expected at most 35$'):
        open_session(save_external(tmp_path / 'walk.onnx'))


def test_pipe_and_lost_file_are_refused_and_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / 'walk.onnx')
    with pytest.raises(ConfigError, match=r'cannot be read: it is not a regular file$'):
        open_session(tmp_path / 'walk.onnx')
    with pytest.raises(ConfigError, match=r'gone\.data cannot be read: No such file'):
        sha256_of([tmp_path / 'gone.data'])


def test_existing_file_is_overwritten_only_on_request(tmp_path):
    path = tmp_path / 'model.onnx'
    write_model(path, b'first')
    with pytest.raises(ConfigError, match=r'model\.onnx exists already, not overwriting'):
        write_model(path, b'second')
    assert path.read_bytes() == b'first'
    write_model(path, b'second', overwrite=True)
    assert path.read_bytes() == b'second'
    assert [entry.name for entry in tmp_path.iterdir()] == ['model.onnx']
    with pytest.raises(ConfigError, match=r'model\.onnx cannot be written: No such file'):
        write_model(tmp_path / 'absent' / 'model.onnx', b'')
