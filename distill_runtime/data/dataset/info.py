# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""The figures of a dataset, from the facts of its parts alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from .dataset import Dataset


@dataclass(frozen=True, kw_only=True)
class PartInfo:
    """The figures of a part."""

    bag: str
    file: str
    rows: int
    valid: int
    reasons: Mapping[str, int]
    """Number of invalid rows per reason, the most frequent first."""
    size: int
    """In [byte]."""


def part_infos(dataset: Dataset) -> list[PartInfo]:
    """Return the figures of each part."""
    return [
        PartInfo(
            bag=part.bag,
            file=part.path.name,
            rows=part.facts['rows'],
            valid=part.facts['valid'],
            reasons=dict(Counter(part.facts['reasons']).most_common()),
            size=part.path.stat().st_size,
        )
        for part in dataset.parts
    ]


def all_reasons(infos: list[PartInfo]) -> dict[str, int]:
    """Return the number of invalid rows per reason, the most frequent first."""
    total: Counter[str] = Counter()
    for info in infos:
        total.update(info.reasons)
    return dict(total.most_common())


def info_report(dataset: Dataset) -> dict[str, object]:
    """Return everything that the manifest says, with the figures of the parts."""
    infos = part_infos(dataset)
    return {
        'student': dict(dataset.student),
        'teachers': [dict(teacher) for teacher in dataset.teachers],
        'facts': dict(dataset.facts),
        'columns': dataset.column_names(),
        'bags': len(dataset.bags()),
        'rows': sum(info.rows for info in infos),
        'valid': sum(info.valid for info in infos),
        'reasons': all_reasons(infos),
        'size': sum(info.size for info in infos),
        'parts': [
            {**dict(part.facts), 'file': info.file, 'size': info.size}
            for part, info in zip(dataset.parts, infos, strict=True)
        ],
    }
