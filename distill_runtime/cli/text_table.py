# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Tables as plain text: columns as wide as their content, the last one wrapped to the page."""

from __future__ import annotations

from collections.abc import Collection, Sequence
import textwrap

GAP = '  '
MIN_LAST = 20
"""The last column is wrapped to no less than this, on however narrow a page."""


def table_lines(
    headings: Sequence[str],
    rows: Sequence[Sequence[str]],
    width: int,
    right: Collection[str] = (),
) -> list[str]:
    """Lay out a table.

    Args:
        headings: Of the columns; those of columns that are empty in all rows are left out.
        rows: Cells, one per heading.
        width: Of the page, in characters.
        right: Headings of the columns that are aligned to the right.
    """
    used = [place for place in range(len(headings)) if any(row[place] for row in rows)]
    if not used:
        return []
    table = [[row[place] for place in used] for row in (headings, *rows)]
    widths = [max(len(row[column]) for row in table) for column in range(len(used))]
    left = sum(size + len(GAP) for size in widths[:-1])
    lines = []
    for row in table:
        cells = [
            cell.rjust(size) if headings[place] in right else cell.ljust(size)
            for cell, size, place in zip(row[:-1], widths, used, strict=False)
        ]
        start = ''.join(cell + GAP for cell in cells)
        last = row[-1].rjust(widths[-1]) if headings[used[-1]] in right else row[-1]
        wrapped = textwrap.wrap(last, max(width - left, MIN_LAST), break_on_hyphens=False)
        for number, text in enumerate(wrapped or ['']):
            lines.append(((start if number == 0 else ' ' * left) + text).rstrip())
    return lines
