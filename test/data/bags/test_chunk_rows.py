# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from distill_runtime.data.bags.chunk import make_chunk
from distill_runtime.data.bags.chunk_rows import ChunkRows
from distill_runtime.wire.rows import Columns
import numpy as np


def columns(index, stamps, *kinds):
    """Return messages whose numbers are given, kind by kind."""
    arrays = [np.array(kind, float).reshape(len(index), -1) for kind in kinds]
    return Columns(
        np.array(index),
        None if stamps is None else np.array(stamps),
        (),
        tuple(array.shape[1] for array in arrays),
        lambda kind=0, chosen=slice(None): arrays[kind][chosen],
    )


CHUNK = make_chunk([10, 20, 30, 40], [b''] * 4)


def test_rows_are_in_order_of_receipt_across_groups():
    rows = ChunkRows(CHUNK, [columns([1, 3], [7, 9], [[2], [4]]), columns([0], [5], [[1]])])
    assert (rows.stamp_ns.tolist(), rows.receive_ns.tolist()) == ([5, 7, 9], [10, 20, 40])
    assert rows.gather(1).tolist() == [[1], [2], [4]]


def test_message_without_a_header_is_stamped_when_it_was_received():
    assert ChunkRows(CHUNK, [columns([0, 2], None, [[1], [2]])]).stamp_ns.tolist() == [10, 30]


def test_only_wanted_rows_have_numbers():
    def choose(stamp_ns, receive_ns):
        return receive_ns > 10

    rows = ChunkRows(CHUNK, [columns([0, 1, 3], None, [[1, 2], [3, 4], [5, 6]])], choose)
    assert rows.is_wanted.tolist() == [False, True, True]
    swapped = rows.gather(2, lambda group, chosen: group.numbers(0, chosen)[:, [1, 0]])
    assert swapped.tolist() == [[4, 3], [6, 5]]


def test_kind_is_lacking_if_one_wanted_message_has_no_numbers_of_it():
    groups = [columns([0], None, [[1]], [[2]]), columns([1], None, [[3]], [[]])]
    assert ChunkRows(CHUNK, groups).lacks(1)
    first = ChunkRows(CHUNK, groups, lambda stamp_ns, receive_ns: receive_ns == 10)
    assert not first.lacks(1)
    assert first.gather(1, lambda group, chosen: group.numbers(1, chosen)).tolist() == [[2]]
