# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Print pages of titled sections to the terminal, findings among them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
import shutil
import textwrap

from distill_runtime.spec.findings.finding import Finding, SEVERITIES
from rich.console import Console
from rich.text import Text

STYLES = {'error': 'bold red', 'warning': 'yellow', 'info': 'cyan', 'good': 'bold green'}
"""Styles of a line, as rich styles."""
_TITLES = {'error': 'errors', 'warning': 'warnings', 'info': 'good to know'}


@dataclass(frozen=True, kw_only=True)
class Section:
    """A title and the lines below it."""

    title: str
    lines: Sequence[str]
    styles: Sequence[str] = ()
    """One key of STYLES, or '', per line; empty: all lines are plain."""


def page_width() -> int:
    """Return the page width in characters: that of the terminal, or 110 without one."""
    return shutil.get_terminal_size((110, 40)).columns


def print_page(sections: Sequence[Section]) -> None:
    """Print sections with an empty line between them."""
    console = Console(highlight=False, soft_wrap=True)
    for index, section in enumerate(sections):
        console.print(*([Text('')] if index else []), Text(section.title, 'bold'), sep='\n')
        styles = section.styles or ('',) * len(section.lines)
        for line, style in zip(section.lines, styles, strict=True):
            console.print(Text(line, STYLES.get(style, '')))


def findings_sections(findings: Sequence[Finding], width: int) -> Iterator[Section]:
    """Yield a section per severity, the worst first, with a hint per finding.

    Args:
        findings: Findings; those of one severity keep their order.
        width: Page width, in characters.
    """
    for severity in SEVERITIES:
        lines, styles = finding_lines(
            [finding for finding in findings if finding.severity == severity], width
        )
        if lines:
            yield Section(title=_TITLES[severity], lines=lines, styles=styles)


def finding_lines(findings: Sequence[Finding], width: int) -> tuple[list[str], list[str]]:
    """Return wrapped lines for findings and their hints, and a style per line."""
    lines, styles = [], []
    for finding in findings:
        for text, indent, style in (
            (f'{finding.code}: {finding.message}', '', finding.severity),
            (f'-> {finding.hint}', '  ', ''),
        ):
            wrapped = textwrap.wrap(
                text,
                width,
                initial_indent=indent,
                subsequent_indent='     ' if indent else '  ',
                break_on_hyphens=False,
            )
            lines += wrapped
            styles += [style] * len(wrapped)
    return lines, styles


def counts_text(findings: Sequence[Finding]) -> str:
    """Return the number of findings per severity as text."""
    errors, warnings, notes = (
        sum(finding.severity == severity for finding in findings) for severity in SEVERITIES
    )
    return f'errors: {errors}, warnings: {warnings}, notes: {notes}'
