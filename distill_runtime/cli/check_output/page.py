# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""What `check` prints: tables in which a wrong order, scale or sign catches the eye."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from distill_runtime.cli.terminal.findings import counts_text, findings_sections
from distill_runtime.cli.terminal.page import Section
from distill_runtime.cli.terminal.tables import table_lines
from distill_runtime.policy.validation import Validation
from distill_runtime.spec.sources import differences, SourcedSpec

from .joints import action_section, joint_section, limit_section
from .observation import observation_sections


def check_page(
    found: Validation,
    facts: list[tuple[str, str]],
    width: int,
    more: Sequence[Section] = (),
) -> list[Section]:
    """Return the sections of the page.

    Args:
        found: What was found out.
        facts: Names and values about the model file, for the head of the page.
        width: Of the page, in characters.
        more: Sections to put before the findings.
    """
    sections = [Section(title='model', lines=table_lines(('', ' '), facts, width)[1:])]
    sections += observation_sections(found, width)
    if found.sourced is not None:
        sections.append(joint_section(found, found.sourced.spec, width))
        sections.append(action_section(found.sourced.spec))
        sections += [] if found.limits is None else [limit_section(found.limits, width)]
        sections += _sources(found.sourced, found.path, width)
    sections.append(Section(title='trial', lines=list(_trial(found))))
    return [*sections, *more, *findings_sections(found.findings, width), _verdict(found)]


def _sources(sourced: SourcedSpec, model: Path, width: int) -> Iterator[Section]:
    """Say which source gave which field, and where sources disagree.

    Files beside the model have their name alone.
    """
    beside = f'{model.parent}/'
    rows = [(field, source.removeprefix(beside)) for field, source in sourced.sources.items()]
    lines = table_lines(('field', 'taken from'), rows, width)
    yield Section(title='provenance', lines=lines)
    conflicts = [
        (part.where, part.value, part.other_value, f'{entry.source}, {entry.other_source}')
        for entry in sourced.conflicts
        for part in differences(entry, sourced.spec.joints)
    ]
    if conflicts:
        headings = ('field', 'used', 'not used', 'source used, source not used')
        yield Section(title='conflicts', lines=table_lines(headings, conflicts, width))


def _trial(found: Validation) -> Iterator[str]:
    if found.policy is None:
        yield 'not run: the model is refused'
        return
    golden = found.policy.spec.golden
    if golden is None:
        yield 'golden vectors   none'
    else:
        yield (
            f'golden vectors   {len(golden.action)} steps, largest difference '
            f'{found.policy.golden_error:.2g}, allowed {golden.tolerance:g}'
        )
    if found.run is not None:
        yield (
            f'inference        median {found.run.median * 1e6:.0f} us, p99 '
            f'{found.run.p99 * 1e6:.0f} us over {found.run.runs} random observations, '
            + ('all finite' if found.run.is_finite else 'NOT FINITE')
        )


def _verdict(found: Validation) -> Section:
    verdict, style = ('deployable', 'good') if found.is_deployable else ('NOT deployable', 'error')
    return Section(
        title='verdict', lines=[f'{verdict} ({counts_text(found.findings)})'], styles=[style]
    )
