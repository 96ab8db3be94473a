# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from distill_runtime.data.bags.bag import Bag
from distill_runtime.data.recording.field_series import read_field
from distill_runtime.errors import RecordingError
import numpy as np
import pytest
from support.bags import float64_array, wrench, write_bag


def read(tmp_path, messages, path, width=None):
    with Bag(write_bag(tmp_path / 'bag', messages)) as bag:
        return read_field(bag, bag.topics[0], path, width)


@pytest.mark.parametrize(
    ('path', 'values'),
    [
        ('wrench.force', [1.0, 2.0, 3.0]),
        ('wrench', [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]),
        ('wrench.torque.y', [5.0]),
    ],
)
def test_numbers_of_a_field_are_read_with_the_stamp_of_the_header(tmp_path, path, values):
    found = read(tmp_path, [wrench(7_000_000_123, (1, 2, 3), (4, 5, 6))], path)
    assert found.values.tolist() == [values]
    assert found.stamp_ns.tolist() == [7_000_000_123]


def test_elements_of_arrays_are_read_without_a_stamp(tmp_path):
    found = read(tmp_path, [float64_array(5, [1.0, 2.0])], 'data[1]')
    assert found.values.tolist() == [[2.0]]
    assert found.stamp_ns is None


def test_messages_of_another_width_are_dropped(tmp_path):
    messages = [float64_array(5, [1.0, 2.0]), float64_array(6, [3.0])]
    found = read(tmp_path, messages, 'data', 2)
    np.testing.assert_array_equal(found.values, [[1.0, 2.0]])
    assert found.num_skipped == 1


@pytest.mark.parametrize(
    ('path', 'width', 'words'),
    [
        ('wrench.push', 3, r"/wrench \(geometry_msgs/msg/WrenchStamped\) has no field 'wrench.pu"),
        ('header.frame_id', 1, "'header.frame_id' holds no numbers, it is str"),
        ('header', 3, "'header' holds no numbers"),
        ('wrench.force', 4, r"no message with 4 values in 'wrench.force', they have \[3\]"),
    ],
)
def test_a_field_that_cannot_be_read_is_refused(tmp_path, path, width, words):
    with pytest.raises(RecordingError, match=words):
        read(tmp_path, [wrench(5, (1, 2, 3))], path, width)
