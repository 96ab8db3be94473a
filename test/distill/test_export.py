# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from distill_runtime.distill import export
from distill_runtime.distill.export import export_error, export_student
from distill_runtime.distill.students import NetworkConfig, Student
from distill_runtime.errors import ModelError
import numpy as np
import onnx
import pytest
import torch


def student_and_rows(**changes):
    torch.manual_seed(0)
    student = Student(7, 3, NetworkConfig(**{'hidden': (16, 8), **changes}))
    rows = np.random.default_rng(0).normal(1.0, 4.0, (64, 7)).astype(np.float32)
    student.normaliser.adapt(rows)
    return student, rows


@pytest.mark.parametrize('activation', ['elu', 'tanh'])
@pytest.mark.parametrize('output', ['linear', 'tanh'])
@pytest.mark.parametrize('hidden', [(), (16,), (16, 8)])
def test_onnx_runtime_and_torch_agree(activation, output, hidden):
    student, rows = student_and_rows(activation=activation, output=output, hidden=hidden)
    assert export_error(student, export_student(student, rows), rows) <= 1e-5


def test_file_is_self_contained_and_old_enough_for_robots():
    student, rows = student_and_rows()
    model = onnx.load_from_string(export_student(student, rows))
    assert model.ir_version <= 10
    assert [entry.version for entry in model.opset_import] == [17]
    assert all(tensor.HasField('raw_data') for tensor in model.graph.initializer)
    assert not any(tensor.external_data for tensor in model.graph.initializer)


def test_batch_is_free_and_names_are_those_of_the_spec():
    student, rows = student_and_rows()
    graph = onnx.load_from_string(export_student(student, rows)).graph
    for tensor, name, width in ((graph.input[0], 'obs', 7), (graph.output[0], 'actions', 3)):
        assert tensor.name == name
        batch, size = tensor.type.tensor_type.shape.dim
        assert (batch.dim_param, size.dim_value) == ('N', width)


def test_same_student_gives_the_same_bytes():
    student, rows = student_and_rows()
    assert export_student(student, rows) == export_student(student, rows)


def test_difference_to_torch_is_refused(monkeypatch):
    student, rows = student_and_rows()
    monkeypatch.setattr(export, 'TOLERANCE', -1.0)
    with pytest.raises(ModelError, match=r'exported student differs by .* from torch'):
        export_student(student, rows)
