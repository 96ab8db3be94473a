# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Findings as sections of a page: the worst first, each with what to do about it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
import textwrap

from distill_runtime.spec.findings.finding import Finding, SEVERITIES

from .page import Section

_TITLES = {'error': 'errors', 'warning': 'warnings', 'info': 'good to know'}


def findings_sections(findings: Sequence[Finding], width: int) -> Iterator[Section]:
    """Yield a section for each severity that there is.

    Args:
        findings: In the order in which those of one severity are shown.
        width: Of the page, in characters.
    """
    for severity in SEVERITIES:
        lines, styles = [], []
        for finding in findings:
            if finding.severity != severity:
                continue
            text = f'{finding.code}: {finding.message}'
            wrapped = textwrap.wrap(text, width, subsequent_indent='  ', break_on_hyphens=False)
            hint = textwrap.wrap(
                f'-> {finding.hint}',
                width,
                initial_indent='  ',
                subsequent_indent='     ',
                break_on_hyphens=False,
            )
            lines += [*wrapped, *hint]
            styles += [severity] * len(wrapped) + [''] * len(hint)
        if lines:
            yield Section(title=_TITLES[severity], lines=lines, styles=styles)


def counts_text(findings: Sequence[Finding]) -> str:
    """Return how many findings of each severity there are."""
    errors, warnings, notes = (
        sum(finding.severity == severity for finding in findings) for severity in SEVERITIES
    )
    return f'errors: {errors}, warnings: {warnings}, notes: {notes}'
