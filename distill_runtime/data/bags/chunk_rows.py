# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""The usable messages of a chunk in order of receipt, and the numbers of those that are wanted."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from .chunk import BoolArray, Chunk, StampArray
from .columns import Part

Choose = Callable[[StampArray, StampArray], BoolArray]
"""Says which messages are wanted, by stamp_ns and receive_ns; called chunk by chunk, in order."""


class ChunkRows:
    """Rows of one chunk.

    Attributes:
        stamp_ns: Of every usable message, shape (n,); of one without a header: receive_ns.
        receive_ns: LayoutGroup.
        is_wanted: Which of them are wanted, alike.
    """

    def __init__(self, chunk: Chunk, parts: Sequence[Part], choose: Choose | None) -> None:
        """Put the messages in order.

        Args:
            chunk: The messages.
            parts: Those of them that can be used.
            choose: Says which are wanted; None: all.
        """
        self._parts = parts
        stamp_ns = chunk.receive_ns.copy()
        is_usable = np.zeros(len(stamp_ns), np.bool_)
        for part in parts:
            is_usable[part.places] = True
            if part.stamp_ns is not None:
                stamp_ns[part.places] = part.stamp_ns
        usable = np.flatnonzero(is_usable)
        self.stamp_ns, self.receive_ns = stamp_ns[usable], chunk.receive_ns[usable]
        self.is_wanted = (
            np.ones(len(usable), np.bool_)
            if choose is None
            else choose(self.stamp_ns, self.receive_ns)
        )
        is_wanted = np.zeros(len(stamp_ns), np.bool_)
        is_wanted[usable[self.is_wanted]] = True
        self._chosen = [is_wanted[part.places] for part in parts]
        self._row = np.cumsum(is_wanted) - 1

    def numbers(
        self,
        kind: int,
        columns: Sequence[slice | Sequence[int]],
        width: int,
        dtype: npt.DTypeLike = np.float64,
    ) -> npt.NDArray[Any] | None:
        """Return numbers of the wanted messages, shape (n, width); None: one of them has none.

        Args:
            kind: Of the numbers.
            columns: For each part, which of its numbers in which order.
            width: How many those are.
            dtype: Of the result.
        """
        found = np.zeros((int(np.count_nonzero(self.is_wanted)), width), dtype)
        for part, order, chosen in zip(self._parts, columns, self._chosen, strict=True):
            if not chosen.any():
                continue
            if not part.counts[kind]:
                return None
            found[self._row[part.places[chosen]]] = part.numbers(kind, chosen)[:, order]
        return found
