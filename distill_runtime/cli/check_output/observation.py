# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Observation tables of `check`: index, scale, unit and source of each term."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from distill_runtime.cli.terminal.page import Section
from distill_runtime.cli.terminal.tables import clip_text, number_range, table_lines, wrap
from distill_runtime.core.arrays import Float32Array
from distill_runtime.policy.validation import Validation
from distill_runtime.spec.observation_table import observation_rows, TermRow
from distill_runtime.spec.tensors import InputSpec
from distill_runtime.spec.term import Term
from distill_runtime.spec.terms import External, GaitPhase, JointPosition, JointTerm, LastAction


def observation_sections(found: Validation) -> Iterator[Section]:
    """Yield one table per input tensor."""
    if found.sourced is None or found.compiled is None:
        return
    spec, start = found.sourced.spec, 0
    for entry, rows in zip(spec.inputs, observation_rows(spec, found.compiled), strict=True):
        dim = spec.input_dim(entry)
        values = None if found.step is None else found.step.observation[start : start + dim]
        start += dim
        ages = {row.ages for row in rows}
        table = [
            (
                _blocks(row),
                _range(row.newest) if entry.history.major == 'term' else '',
                _frames(row.ages) if len(ages) > 1 else '',
                _term(row.term),
                _elements(row),
                row.unit,
                number_range(row.scale),
                '' if values is None else _at_rest(row, values),
                row.origin,
                _clip_cell(row.term),
            )
            for row in rows
        ]
        headings = (
            'index', 'newest', 'frames', 'term', 'elements', 'unit', 'scale', 'at rest', 'from',
            'clip (.. the scale)',
        )  # fmt: skip
        lines = _layout(entry, dim, rows) + table_lines(headings, table)
        lines += [line for row in rows for note in _notes(row) for line in wrap(note)]
        yield Section(title=_title(found, entry, dim), lines=lines)


def _title(found: Validation, entry: InputSpec, dim: int) -> str:
    name = entry.name
    if entry.network == 'encoder':
        what = name if isinstance(name, str) else f'number {name}'
        return f'observation: input {what} of the encoder, {dim} elements'
    if isinstance(name, int):
        inputs = found.graph.inputs
        name = f'{inputs[name].name} (number {name})' if name < len(inputs) else f'number {name}'
    return f'observation: input {name}, {dim} elements'


def _layout(entry: InputSpec, dim: int, rows: Sequence[TermRow]) -> list[str]:
    """Describe the frame order of a tensor; empty if it has one frame."""
    depth = max(len(row.ages) for row in rows)
    if depth == 1:
        return []
    ages = rows[0].ages
    order = ''
    if all(row.ages == ages for row in rows):
        order = f'{dim // depth} x {depth} frames: {_frames(ages)}{_direction(ages)}, '
    layout = 'frame by frame' if entry.history.major == 'frame' else 'term by term'
    fill = 'zero' if entry.history.fill == 'zeros' else 'the first one'
    return [f'{order}{layout}; frames before the first are {fill}']


def _direction(ages: tuple[int, ...]) -> str:
    for direction, is_oldest_first in (('oldest first', True), ('newest first', False)):
        if list(ages) == sorted(ages, reverse=is_oldest_first):
            return f' ({direction})'
    return ''


def _frames(ages: tuple[int, ...]) -> str:
    names = ['t' if age == 0 else f't-{age}' for age in ages]
    return ' '.join(names if len(names) <= 6 else [*names[:2], '..', *names[-2:]])


def _blocks(row: TermRow) -> str:
    """Format the index ranges of a term: one range if its frames are contiguous."""
    (first, _), (start, last) = row.blocks[0], row.blocks[-1]
    if last - first + 1 == len(row.elements) * len(row.blocks):
        return _range((first, last))
    return f'{_range(row.blocks[0])} .. {_range((start, last))}'


def _range(block: tuple[int, int]) -> str:
    return str(block[0]) if block[0] == block[1] else f'{block[0]}-{block[1]}'


def _term(term: Term) -> str:
    if isinstance(term, JointPosition):
        return f'{term.kind} {"rel." if term.relative else "abs."}'
    return term.kind


def _elements(row: TermRow) -> str:
    if isinstance(row.term, JointTerm):
        part = ' (part)' if row.term.joints is not None else ''
        masked = f', {len(row.term.masked)} masked' if row.term.masked else ''
        return f'{len(row.elements)} joints{part}{masked}'
    if isinstance(row.term, LastAction) and not row.elements[0].startswith('choice'):
        return f'{len(row.elements)} joints'
    names = ' '.join(row.elements)
    return names if len(names) <= 16 else str(len(row.elements))


def _at_rest(row: TermRow, values: Float32Array) -> str:
    """Format the newest frame of a robot that stands still in its default pose."""
    first, last = row.newest
    return number_range([round(value, 3) + 0.0 for value in values[first : last + 1].tolist()])


def _clip_cell(term: Term) -> str:
    if not term.clip:
        return '-'
    when = 'before' if term.order == 'clip_then_scale' else 'after'
    return f'{clip_text(term.clip)} {when}'


def _notes(row: TermRow) -> Iterator[str]:
    """Yield details that do not fit into a cell."""
    term = row.term
    if len(set(row.scale)) > 1 and len(row.scale) > 4:
        same: dict[float, list[str]] = {}
        for name, value in zip(row.elements, row.scale, strict=True):
            same.setdefault(value, []).append(name)
        parts = (f'{value:g} for {", ".join(names)}' for value, names in same.items())
        yield f'{term.kind} scale: {"; ".join(parts)}'
    if isinstance(term, JointTerm):
        if term.joints is not None:
            yield f'{term.kind} joints: {", ".join(term.joints)}'
        if term.masked:
            yield f'{term.kind} fed as zero: {", ".join(term.masked)}'
    if isinstance(term, GaitPhase):
        offsets = ', '.join(f'{offset:g}' for offset in term.offsets)
        yield (
            f'{term.kind}: {term.frequency:g} Hz, offsets {offsets} rad, '
            f'{" then ".join(term.components)}, clock advances {term.advance} use'
        )
    if isinstance(term, External) and term.message == 'PoseStamped':
        yield f'{term.topic}: x y z in m, then the orientation as {term.quaternion}'
    if isinstance(term, External) and term.is_offline:
        yield f'{term.topic}: {term.field} of {term.message}'
