# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from distill_runtime.data.bags.chunk import joined
from distill_runtime.data.bags.chunk_rows import ChunkRows
from distill_runtime.data.bags.columns import Part
import numpy as np


def part(places, stamps, *kinds):
    """Return messages whose numbers are given, kind by kind."""
    arrays = [np.array(kind, float).reshape(len(places), -1) for kind in kinds]
    return Part(
        np.array(places),
        None if stamps is None else np.array(stamps),
        (),
        tuple(array.shape[1] for array in arrays),
        lambda kind=0, chosen=slice(None): arrays[kind][chosen],
    )


CHUNK = joined([10, 20, 30, 40], [b''] * 4)


def test_rows_are_in_order_of_receipt_whatever_part_they_are_of():
    rows = ChunkRows(CHUNK, [part([1, 3], [7, 9], [[2], [4]]), part([0], [5], [[1]])], None)
    assert (rows.stamp_ns.tolist(), rows.receive_ns.tolist()) == ([5, 7, 9], [10, 20, 40])
    assert rows.numbers(0, [slice(None)] * 2, 1).tolist() == [[1], [2], [4]]


def test_message_without_a_header_is_stamped_when_it_was_received():
    assert ChunkRows(CHUNK, [part([0, 2], None, [[1], [2]])], None).stamp_ns.tolist() == [10, 30]


def test_only_what_is_wanted_has_numbers():
    def choose(stamp_ns, receive_ns):
        return receive_ns > 10

    rows = ChunkRows(CHUNK, [part([0, 1, 3], None, [[1, 2], [3, 4], [5, 6]])], choose)
    assert rows.is_wanted.tolist() == [False, True, True]
    assert rows.numbers(0, [[1, 0]], 2).tolist() == [[4, 3], [6, 5]]


def test_kind_of_numbers_that_a_wanted_message_lacks_is_none():
    parts = [part([0], None, [[1]], [[2]]), part([1], None, [[3]], [[]])]
    whole = ChunkRows(CHUNK, parts, None)
    assert whole.numbers(1, [slice(None)] * 2, 1) is None
    first = ChunkRows(CHUNK, parts, lambda stamp_ns, receive_ns: receive_ns == 10)
    assert first.numbers(1, [slice(None)] * 2, 1).tolist() == [[2]]
