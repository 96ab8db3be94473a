# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""The claim of docs/mutations.md, without the search for what would fit better."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.mutation_table import alarms, is_found, pairs_of, results
from support.mutations import MUTATIONS

PAGE = Path(__file__).resolve().parents[3] / 'docs' / 'mutations.md'


@pytest.fixture(scope='module')
def pairs(shared_data):
    """Return the right pairs."""
    return pairs_of(shared_data)


@pytest.fixture(scope='module')
def table(pairs):
    """Return what is found."""
    return results(pairs, tries_variants=False)


def test_right_contracts_give_no_alarm_from_their_recordings(pairs):
    for pair in pairs.values():
        codes = {finding.code for finding in alarms(pair, None, tries_variants=True)}
        assert not {code for code in codes if code.startswith('bag.')}


def test_most_mistakes_are_found(table):
    missed = [name for name, row in table.items() if not is_found(row)]
    assert len(table) >= 20
    assert missed == [mutation.name for mutation in MUTATIONS if mutation.why_not]
    assert len(table) - len(missed) >= 16


def test_each_mistake_changes_something_somewhere(table):
    for name, row in table.items():
        assert any(result.applies for result in row.values()), name


def test_page_lists_every_mistake():
    page = PAGE.read_text()
    for number, mutation in enumerate(MUTATIONS, 1):
        assert f'\n| {number} | {mutation.name} | ' in page
