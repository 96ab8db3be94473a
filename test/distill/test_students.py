# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from distill_runtime.distill.students import NetworkConfig, Normaliser, Student
from distill_runtime.errors import ConfigError, ShapeError
import numpy as np
import pytest
import torch


def test_normalised_rows_have_mean_zero_and_deviation_one():
    rows = np.random.default_rng(0).normal(5.0, 3.0, (500, 4)).astype(np.float32)
    normaliser = Normaliser(4)
    normaliser.adapt(rows)
    normalised = normaliser(torch.from_numpy(rows)).numpy()
    np.testing.assert_allclose(normalised.mean(axis=0), 0.0, atol=1e-5)
    np.testing.assert_allclose(normalised.std(axis=0), 1.0, atol=1e-5)


def test_constant_element_is_not_divided_by_zero():
    normaliser = Normaliser(1)
    normaliser.adapt(np.full((10, 1), 2.0, np.float32))
    assert normaliser(torch.tensor([[2.0]])).item() == 0.0
    assert normaliser.std.item() == pytest.approx(1e-3)


@pytest.mark.parametrize('shape', [(0, 3), (5, 2), (3,)])
def test_rows_of_another_shape_are_refused(shape):
    with pytest.raises(ShapeError, match=r'expected \(B, 3\)'):
        Normaliser(3).adapt(np.zeros(shape, np.float32))


def test_normaliser_is_not_trained():
    student = Student(3, 2, NetworkConfig(hidden=(4,)))
    assert student.num_parameters == 3 * 4 + 4 + 4 * 2 + 2
    assert {'normaliser.mean', 'normaliser.std'} <= student.state_dict().keys()


def test_tanh_output_stays_within_one_and_linear_does_not():
    rows = 1e3 * torch.ones(1, 3)
    for output, is_bounded in (('tanh', True), ('linear', False)):
        torch.manual_seed(0)
        student = Student(3, 2, NetworkConfig(hidden=(8,), output=output))
        assert (student(rows).abs().max() <= 1.0) == is_bounded


@pytest.mark.parametrize(
    ('changes', 'message'),
    [
        ({'hidden': (4, 0)}, r'hidden is \[4, 0\], expected widths of 1'),
        ({'activation': 'relu'}, "activation is 'relu', expected one of"),
        ({'output': 'softmax'}, "output is 'softmax', expected one of"),
    ],
)
def test_network_out_of_range_is_refused(changes, message):
    with pytest.raises(ConfigError, match=message):
        NetworkConfig(**{'hidden': (4,), **changes})
