# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from distill_runtime.errors import ModelError
from distill_runtime.policy.model_file.onnx_facts import read_onnx_facts
import numpy as np
import onnx
from onnx import helper
import pytest
from support.models import FLOAT, save_linear, save_model


def test_facts_of_a_plain_model(tmp_path):
    facts = read_onnx_facts(save_linear(tmp_path / 'a.onnx', np.eye(3)))
    assert (facts.opset, facts.domains, facts.external_files) == (17, (), ())


def test_external_data_is_named_and_not_needed(tmp_path):
    path = save_linear(tmp_path / 'a.onnx', np.eye(40))
    onnx.save(onnx.load(path), path, save_as_external_data=True, location='a.onnx.data')
    (tmp_path / 'a.onnx.data').unlink()
    assert read_onnx_facts(path).external_files == ('a.onnx.data',)


def test_operators_of_other_domains_are_found_inside_branches(tmp_path):
    path = save_model(tmp_path / 'a.onnx', [('Identity', ['x'], ['y'])], {'x': [1]}, {'y': [1]})
    model = onnx.load(path)
    output = helper.make_tensor_value_info('z', FLOAT, [1])
    node = helper.make_node('Gelu', ['x'], ['z'], domain='com.microsoft')
    branch = helper.make_graph([node], 'branch', [], [output])
    model.graph.node.append(
        helper.make_node('If', ['c'], ['w'], then_branch=branch, else_branch=branch)
    )
    onnx.save(model, path)
    assert read_onnx_facts(path).domains == ('com.microsoft',)


def test_foreign_file_is_refused(tmp_path):
    path = tmp_path / 'a.onnx'
    path.write_bytes(b'hello')
    with pytest.raises(ModelError, match='cannot be loaded as ONNX'):
        read_onnx_facts(path)
