# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""What `replay --scan` prints."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
import math
import textwrap

from distill_runtime.cli.terminal.page import Section
from distill_runtime.cli.terminal.tables import table_lines
from distill_runtime.policy.model import LoadedPolicy

from .scan import counts, Scanned

LABELS = {
    'outside': 'fail',
    'unusable': 'unusable',
    'not_compared': 'inconclusive',
    'within': 'pass',
}
"""Verdicts for people."""
_STYLES = {'outside': 'error', 'unusable': 'warning', 'not_compared': 'warning', 'within': ''}
_HEADINGS = (
    'recording', 'verdict', 'ticks', 'valid', 'equal', 'largest difference', 'first above', 'why',
)  # fmt: skip
_LONGEST = 160
"""Characters of a reason; --json has the whole."""
_RIGHT = ('ticks', 'valid', 'equal', 'first above')


def scan_page(found: Sequence[Scanned], policy: LoadedPolicy, width: int) -> list[Section]:
    """Return the sections of the page.

    Args:
        found: The results, the worst first.
        policy: The replayed policy.
        width: Of the page, in characters.
    """
    heading, *lines = table_lines(_HEADINGS, [_row(entry) for entry in found], width, _RIGHT)
    summary = ', '.join(
        f'{number} {LABELS[name]}' for name, number in counts(found).items() if number
    )
    return [
        Section(
            title='replay',
            lines=[f'model  {policy.path.name}: {policy.spec.name}, sha256 {policy.sha256[:12]}'],
        ),
        Section(
            title=f'recordings: {len(found)}, the worst first',
            lines=[heading, *lines],
            styles=['', *_line_styles(found, lines)],
        ),
        Section(
            title='verdict',
            lines=[summary],
            styles=['good' if found[0].verdict == 'within' else 'error'],
        ),
    ]


def _row(entry: Scanned) -> tuple[str, ...]:
    return (
        entry.name,
        LABELS[entry.verdict],
        str(entry.ticks or ''),
        _percent(entry.valid),
        _percent(entry.equal),
        entry.largest,
        entry.first,
        textwrap.shorten(entry.why, _LONGEST, placeholder=' ...'),
    )


def _percent(share: float) -> str:
    return '' if math.isnan(share) else f'{math.floor(share * 1000) / 10:g}%'


def _line_styles(found: Sequence[Scanned], lines: Sequence[str]) -> Iterator[str]:
    """Yield the style of each line; what is wrapped begins with a space."""
    rows = iter(found)
    style = ''
    for line in lines:
        if not line.startswith(' '):
            style = _STYLES[next(rows).verdict]
        yield style
