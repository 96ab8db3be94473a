# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Format tables as plain text, and numbers of a spec as short text."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
import math
import shutil
import textwrap

from distill_runtime.spec.term import Clip, clip_pairs

GAP = '  '
MIN_LAST = 20
"""Minimum width of the last column, even on a narrow page."""


def page_width() -> int:
    """Return the page width in characters: that of the terminal, or 110 without one."""
    return shutil.get_terminal_size((110, 40)).columns


def wrap(text: str, indent: str = '', following: str = '  ') -> list[str]:
    """Break a text into lines of the page; those after the first have an indent of their own."""
    return textwrap.wrap(
        text,
        page_width(),
        initial_indent=indent,
        subsequent_indent=following,
        break_on_hyphens=False,
    )


def fact_lines(facts: Iterable[tuple[str, str]]) -> list[str]:
    """Lay out names and values."""
    return table_lines(('', ' '), list(facts))[1:]


def table_lines(
    headings: Sequence[str], rows: Sequence[Sequence[str]], right: Collection[str] = ()
) -> list[str]:
    """Lay out a table with columns as wide as their content; wrap the last one to the page.

    Args:
        headings: Column headings; columns that are empty in all rows are omitted.
        rows: Cells, one per heading.
        right: Headings of right-aligned columns.
    """
    used = [index for index in range(len(headings)) if any(row[index] for row in rows)]
    if not used:
        return []
    table = [[row[index] for index in used] for row in (headings, *rows)]
    widths = [max(len(row[column]) for row in table) for column in range(len(used))]
    left = sum(size + len(GAP) for size in widths[:-1])
    lines = []
    for row in table:
        cells = [
            cell.rjust(size) if headings[index] in right else cell.ljust(size)
            for cell, size, index in zip(row[:-1], widths, used, strict=False)
        ]
        start = ''.join(cell + GAP for cell in cells)
        last = row[-1].rjust(widths[-1]) if headings[used[-1]] in right else row[-1]
        wrapped = textwrap.wrap(last, max(page_width() - left, MIN_LAST), break_on_hyphens=False)
        for number, text in enumerate(wrapped or ['']):
            lines.append(((start if number == 0 else ' ' * left) + text).rstrip())
    return lines


def number_range(values: Sequence[float]) -> str:
    """Format one number if all are equal, up to four in full, more as a range."""
    if len(set(values)) == 1:
        return f'{values[0]:g}'
    if len(values) <= 4:
        return ' '.join(f'{value:g}' for value in values)
    return f'{min(values):g} .. {max(values):g}'


def bounds_text(lower: float | None, upper: float | None) -> str:
    """Format a range; a missing bound is infinite."""
    low, high = (
        unbounded if bound is None else bound
        for bound, unbounded in ((lower, -math.inf), (upper, math.inf))
    )
    return f'{low:.4g} .. {high:.4g}'


def clip_text(clip: Clip) -> str:
    """Format a clip, or the outermost bounds of an elementwise one."""
    pairs = clip_pairs(clip, 1)
    if not pairs:
        return '-'
    text = bounds_text(
        min(-math.inf if low is None else low for low, _ in pairs),
        max(math.inf if high is None else high for _, high in pairs),
    )
    return text if len(set(pairs)) == 1 else f'{text} (by element)'
