# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from distill_runtime.data.bags.bag import Bag
from distill_runtime.data.recording.internals import read_internals
import numpy as np
from support.bags import multi_array, write_bag

TOPIC = '/student_node/observation'


def read(tmp_path, width, *messages):
    with Bag(write_bag(tmp_path / 'bag', messages)) as bag:
        return read_internals(bag, TOPIC, width)


def test_vectors_are_read_whatever_their_labels(tmp_path):
    segments = [('gravity', 2), ('command', 1)]
    found = read(tmp_path, 3, multi_array(5, segments, [1, 2, 3], TOPIC))
    assert (found.receive_ns.tolist(), found.values[:].tolist()) == ([5], [[1, 2, 3]])
    assert found.values[:].dtype == np.float32


def test_vectors_of_another_width_are_left_out_and_counted(tmp_path):
    messages = [multi_array(t, [('x', size)], [0] * size, TOPIC) for t, size in ((1, 2), (2, 3))]
    assert read(tmp_path, 3, *messages).num_skipped == 1
    assert read(tmp_path / 'b', 4, *messages) is None


def test_topic_that_is_not_there_has_none(tmp_path):
    assert read(tmp_path, 1, multi_array(1, [('x', 1)], [0], '/other')) is None
