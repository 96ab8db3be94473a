# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from distill_runtime.data.bags.chunk import make_chunk
from distill_runtime.data.bags.message_store import MessageStore
import pytest


@pytest.mark.parametrize('contents', [[b'ab', b'cd'], [b'ab', b'', b'xyz'], [b'', b''], []])
def test_messages_of_any_sizes_are_loaded_as_they_were_saved(contents):
    chunk = make_chunk(range(len(contents)), contents)
    store = MessageStore()
    store.save((1, 2), (chunk.data, chunk.starts, chunk.sizes))
    store.save((1, 3), (chunk.data, chunk.starts[::-1], chunk.sizes[::-1]))
    for key, expected in (((1, 2), contents), ((1, 3), contents[::-1])):
        data, starts, sizes = store.load(key)
        found = [
            data[s : s + n].tobytes() for s, n in zip(starts.tolist(), sizes.tolist(), strict=True)
        ]
        assert found == expected
    assert store.load((2, 2)) is None
    store.close()
