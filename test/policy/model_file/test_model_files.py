# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import hashlib
import json
import os
import subprocess

from distill_runtime.errors import ConfigError, ModelError
from distill_runtime.policy.model import load_policy
from distill_runtime.policy.model_file import model_files as artefact
from distill_runtime.policy.model_file import onnx_facts
from distill_runtime.policy.model_file.model_files import (
    inspect_model,
    model_files,
    sha256_of,
    write_model,
)
from distill_runtime.policy.pack import pack
from distill_runtime.policy.session import open_session
from distill_runtime.spec.readers.native import SPEC_KEY
import onnx
from onnx import helper
import pytest
from support.models import save_linear
from support.specs import make_spec, spec_mapping

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


def test_sha256_is_the_one_that_the_shell_gives(tmp_path):
    path = save_external(tmp_path / 'walk.onnx')
    files = model_files(path, inspect_model(path))
    shell = subprocess.run(
        f'cat {" ".join(map(str, files))} | sha256sum',
        shell=True, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert sha256_of(files) == shell.stdout.split()[0]


def test_other_weights_are_another_model(tmp_path):
    path = save_external(tmp_path / 'walk.onnx')
    before = load_policy(path).sha256
    data = tmp_path / 'walk.onnx.data'
    data.write_bytes(data.read_bytes()[::-1])
    assert load_policy(path).sha256 != before


def test_missing_weights_are_named(tmp_path):
    path = save_external(tmp_path / 'walk.onnx')
    (tmp_path / 'walk.onnx.data').unlink()
    with pytest.raises(
        ModelError,
        match=r"walk\.onnx needs 'walk\.onnx\.data' in its folder, which contains its weights: ",
    ):
        load_policy(path)


@pytest.mark.parametrize('location', ['../walk.onnx.data', 'a/../../walk.onnx.data', '..', ''])
def test_weights_outside_of_the_folder_are_refused(tmp_path, location):
    (tmp_path / 'inner').mkdir()
    save_external(tmp_path / 'walk.onnx')
    path = save_external(tmp_path / 'inner' / 'walk.onnx')
    with pytest.raises(
        ModelError, match='for its weights, expected a file in the folder of the model'
    ):
        open_session(renamed(path, location))


def test_weights_at_an_absolute_path_are_refused_even_in_the_folder(tmp_path):
    path = save_external(tmp_path / 'walk.onnx')
    with pytest.raises(ModelError, match='expected a file in the folder of the model'):
        open_session(renamed(path, str(tmp_path / 'walk.onnx.data')))


def test_link_out_of_the_folder_is_refused(tmp_path):
    (tmp_path / 'inner').mkdir()
    path = save_external(tmp_path / 'inner' / 'walk.onnx')
    (tmp_path / 'inner' / 'walk.onnx.data').rename(tmp_path / 'elsewhere.data')
    (tmp_path / 'inner' / 'walk.onnx.data').symlink_to('../elsewhere.data')
    with pytest.raises(ModelError, match=r'in the folder of the model: it is .*elsewhere\.data$'):
        open_session(path)


def test_folder_that_is_a_link_itself_is_fine(tmp_path):
    (tmp_path / 'inner').mkdir()
    save_external(tmp_path / 'inner' / 'walk.onnx')
    (tmp_path / 'link').symlink_to('inner')
    assert load_policy(tmp_path / 'link' / 'walk.onnx').spec.name == 'small'


def test_name_that_no_file_can_have_is_refused(tmp_path):
    path = save_external(tmp_path / 'walk.onnx')
    with pytest.raises(ModelError, match=r'which is not a path: .*null'):
        open_session(renamed(path, 'a\0b'))


def test_memory_address_instead_of_a_file_is_refused(tmp_path):
    path = save_external(tmp_path / 'walk.onnx')
    with pytest.raises(ModelError, match='in its folder, which contains its weights'):
        open_session(renamed(path, '*/_ORT_MEM_ADDR_/*'))


def test_content_in_memory_must_hold_its_weights(tmp_path):
    content = save_external(tmp_path / 'walk.onnx').read_bytes()
    with pytest.raises(
        ModelError, match=r"^model needs \['walk\.onnx\.data'\], expected its weights embedded"
    ):
        open_session(content)


def test_packing_takes_the_weights_in(tmp_path):
    packed = pack(save_external(tmp_path / 'walk.onnx'), make_spec())
    assert inspect_model(packed).external_files == ()
    path = tmp_path / 'alone' / 'walk.onnx'
    path.parent.mkdir()
    path.write_bytes(packed)
    assert load_policy(path).sha256 == hashlib.sha256(packed).hexdigest()


def with_operator(path, domain, functions=()):
    save_linear(path, WEIGHTS)
    model = onnx.load(path)
    model.graph.node[0].domain = domain
    model.opset_import.append(helper.make_opsetid(domain, 1))
    model.functions.extend(functions)
    onnx.save(model, path)
    return path


def test_custom_operators_are_refused(tmp_path):
    path = with_operator(tmp_path / 'walk.onnx', 'my.ops')
    with pytest.raises(
        ModelError,
        match=r"walk\.onnx has operators of \['my\.ops'\], expected those of ONNX and onnxruntime",
    ):
        open_session(path)


def test_functions_that_the_model_defines_itself_are_fine(tmp_path):
    function = helper.make_function(
        'my.ops', 'MatMul', ['a', 'b'], ['c'],
        [helper.make_node('MatMul', ['a', 'b'], ['c'])], [helper.make_opsetid('', 17)],
    )  # fmt: skip
    open_session(with_operator(tmp_path / 'walk.onnx', 'my.ops', [function]))


def test_operators_that_onnxruntime_brings_are_fine(tmp_path):
    assert inspect_model(with_operator(tmp_path / 'walk.onnx', 'com.microsoft')).domains == (
        'com.microsoft',
    )


def test_model_above_the_size_limit_is_refused_unread(tmp_path, monkeypatch):
    path = save_linear(tmp_path / 'walk.onnx', WEIGHTS)
    size = path.stat().st_size
    monkeypatch.setattr(onnx_facts, 'MAX_BYTES', size - 1)
    with pytest.raises(ModelError, match=rf'has {size} bytes, expected at most {size - 1}$'):
        open_session(path)


def test_limit_is_two_gibibytes(tmp_path):
    path = tmp_path / 'huge.onnx'
    with path.open('wb') as file:
        os.truncate(file.fileno(), 2**31 + 1)
    with pytest.raises(ModelError, match=r'has 2147483649 bytes, expected at most 2147483648$'):
        open_session(path)


def test_weights_above_the_size_limit_are_refused(tmp_path, monkeypatch):
    path = save_external(tmp_path / 'walk.onnx')
    monkeypatch.setattr(artefact, 'MAX_BYTES', 35)
    with pytest.raises(ModelError, match=r'has 36 bytes of weights, expected at most 35$'):
        open_session(path)


def test_pipe_is_refused_and_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / 'walk.onnx')
    with pytest.raises(ConfigError, match=r'cannot be read: it is not a regular file$'):
        open_session(tmp_path / 'walk.onnx')


def test_torchscript_is_refused_whatever_opens_it(tmp_path):
    (tmp_path / 'a.pt').write_bytes(b'PK\x03\x04 policy/constants.pkl')
    with pytest.raises(ModelError, match=r'a\.pt cannot .* looks like a TorchScript file: export'):
        open_session(tmp_path / 'a.pt')


def test_lost_file_is_named(tmp_path):
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


def test_folder_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(ConfigError, match=r'model\.onnx cannot be written: No such file'):
        write_model(tmp_path / 'absent' / 'model.onnx', b'')
