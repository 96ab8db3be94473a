# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Print pages of titled sections to the terminal, findings among them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from distill_runtime.spec.findings.finding import Finding, SEVERITIES
from rich.console import Console
from rich.text import Text

from .tables import wrap

STYLES = {'error': 'bold red', 'warning': 'yellow', 'info': 'cyan', 'good': 'bold green'}
"""Kinds of a line, as rich styles."""
_TITLES = {'error': 'errors', 'warning': 'warnings', 'info': 'good to know'}


@dataclass(frozen=True, kw_only=True)
class Section:
    """A title and the lines below it."""

    title: str
    lines: Sequence[str | Text]


def styled(line: str, kind: str) -> Text:
    """Return a line in the style of its kind, a key of STYLES; plain for others."""
    return Text(line, STYLES.get(kind, ''))


def styled_rows(lines: Sequence[str], kinds: Iterable[str]) -> Iterator[Text]:
    """Yield the lines below the headings of a table, each in the style of the kind of its row."""
    remaining = iter(kinds)
    kind = ''
    for line in lines:
        if not line.startswith(' '):
            kind = next(remaining)
        yield styled(line, kind)


def print_page(sections: Sequence[Section]) -> None:
    """Print sections with an empty line between them."""
    console = Console(highlight=False, soft_wrap=True)
    for index, section in enumerate(sections):
        console.print(*([Text('')] if index else []), Text(section.title, 'bold'), sep='\n')
        for line in section.lines:
            console.print(Text(line) if isinstance(line, str) else line)


def findings_sections(findings: Sequence[Finding], good: str, bad: str) -> Iterator[Section]:
    """Yield a section per severity, the worst first, and the verdict.

    Args:
        findings: Findings; those of one severity keep their order.
        good: Verdict if none of them is an error.
        bad: Verdict otherwise.
    """
    counts = []
    for severity in SEVERITIES:
        found = [finding for finding in findings if finding.severity == severity]
        counts.append(len(found))
        if found:
            yield Section(title=_TITLES[severity], lines=finding_lines(found))
    verdict, kind = (bad, 'error') if counts[0] else (good, 'good')
    errors, warnings, notes = counts
    text = f'{verdict} (errors: {errors}, warnings: {warnings}, notes: {notes})'
    yield Section(title='verdict', lines=[styled(text, kind)])


def finding_lines(findings: Sequence[Finding]) -> list[str | Text]:
    """Return wrapped lines for findings and their hints."""
    lines: list[str | Text] = []
    for finding in findings:
        message = wrap(f'{finding.code}: {finding.message}')
        lines += [styled(line, finding.severity) for line in message]
        lines += wrap(f'-> {finding.hint}', '  ', '     ')
    return lines
