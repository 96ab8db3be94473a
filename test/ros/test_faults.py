# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""The claims of docs/fault_injection.md: faults of a walking robot, in simulation."""

from __future__ import annotations

from pathlib import Path

from distill_runtime.core.modes import Mode
import pytest
from support.fault_drill import prepare, run
from support.fault_table import row_head
from support.faults import FAULTS

PAGE = (Path(__file__).resolve().parents[2] / 'docs' / 'fault_injection.md').read_text()
ROUNDING = 1e-9


@pytest.fixture(scope='module')
def setup():
    return prepare()


@pytest.fixture(scope='module', params=FAULTS, ids=lambda fault: fault.name)
def fault(request):
    return request.param


@pytest.fixture(scope='module')
def seen(setup, fault):
    """Return the outcome, which all tests of a fault share."""
    return run(setup, fault)


def test_every_command_is_within_all_limits(seen):
    assert seen.excess <= ROUNDING


def test_fault_is_reported_in_time(fault, seen):
    if fault.kind == 'fault':
        assert seen.fault == fault.code
        assert seen.detected <= fault.within + ROUNDING
        assert seen.action == 'damp'
    else:
        assert seen.fault == ''
        assert not fault.code or seen.reported[fault.code] <= fault.within + ROUNDING
        assert not seen.has_fallen


def test_a_fault_stays_until_it_is_reset(fault, seen):
    expected = (
        [Mode.FAULT, Mode.STANDBY, Mode.POLICY] if fault.kind == 'fault' else [Mode.POLICY] * 3
    )
    assert seen.modes == expected, seen.answers


def test_table_is_large_and_has_each_name_once():
    names = [fault.name for fault in FAULTS]
    assert len(names) == len(set(names)) >= 40


def test_page_lists_every_fault_and_no_other():
    assert [fault.name for fault in FAULTS if row_head(fault) not in PAGE] == []
    assert PAGE.count('\n| ') == len(FAULTS) + PAGE.count('| what goes wrong |')
