# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Where each term of a spec is in its tensor, read back from the compiled spec."""

from __future__ import annotations

from typing import NamedTuple

from distill_runtime.core.compiled_spec import CompiledSpec, ObservationLayout

from .spec import PolicySpec
from .term import Term


class TermRow(NamedTuple):
    """One term in its tensor."""

    term: Term
    elements: tuple[str, ...]
    """Name of each element of one frame."""
    ages: tuple[int, ...]
    """Ages of its frames in ticks, 0 = newest, in tensor order."""
    blocks: tuple[tuple[int, int], ...]
    """First and last index, inclusive, of each frame; in the order of ages."""
    scale: tuple[float, ...]
    """One per element."""
    unit: str
    """Before the scale."""
    origin: str
    """Message, topic or component that provides it."""

    @property
    def newest(self) -> tuple[int, int]:
        """First and last index of the newest frame."""
        return self.blocks[self.ages.index(min(self.ages))]


def observation_rows(spec: PolicySpec, compiled: CompiledSpec) -> tuple[tuple[TermRow, ...], ...]:
    """Return the rows of each input tensor, in tensor order."""
    return tuple(
        tuple(_rows(spec, entry.terms, tensor))
        for entry, tensor in zip(spec.inputs, compiled.inputs, strict=True)
    )


def _rows(spec: PolicySpec, terms: tuple[Term, ...], compiled: ObservationLayout) -> list[TermRow]:
    frame_dim = len(compiled.index)
    rows, start = [], 0
    for term in terms:
        columns = range(start, start + term.dim(spec))
        start = columns.stop
        blocks: dict[int, list[int]] = {}
        for index, source in enumerate(compiled.layout.tolist()):
            slot, column = divmod(source, frame_dim)
            if column in columns:
                blocks.setdefault(compiled.depth - 1 - slot, []).append(index)
        rows.append(
            TermRow(
                term=term,
                elements=term.element_names(spec),
                ages=tuple(blocks),
                blocks=tuple((indices[0], indices[-1]) for indices in blocks.values()),
                scale=tuple(compiled.scale[columns.start : columns.stop].tolist()),
                unit=term.unit,
                origin=term.origin,
            )
        )
    return rows
