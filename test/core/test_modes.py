# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

from distill_runtime.core.modes import Event, FAULT_ACTIONS, HARDNESS, Mode, next_mode

PAGE = (Path(__file__).resolve().parents[2] / 'docs' / 'modes.md').read_text()


def test_numbers_on_the_tick_topic_stay():
    assert [(mode.name, int(mode)) for mode in Mode] == [
        ('STANDBY', 1),
        ('POLICY', 2),
        ('FAULT', 3),
        ('STOPPING', 4),
    ]


def row(*cells):
    """Return a row of a table of the page."""
    return f'| {" | ".join(str(cell) for cell in cells)} |'


def test_docs_table_matches_the_modes():
    table = [row('mode', *(event.name.lower() for event in Event)), '|---' * 5 + '|']
    for mode in Mode:
        goals = (next_mode(mode, event) for event in Event)
        names = [goal.name.lower() if goal else '-' for goal in goals]
        table.append(row(mode.name.lower(), *names))
    assert '\n\n{}\n\n'.format('\n'.join(table)) in PAGE


def test_page_describes_every_mode_and_every_fault_action_once():
    for mode in Mode:
        assert PAGE.count(f'| {mode.name.lower()} | {int(mode)} | ') == 1
    for action in FAULT_ACTIONS:
        assert PAGE.count(f'| `{action}` | ') == 1


def test_every_fault_action_has_a_hardness_that_ends_at_sending_nothing():
    assert set(HARDNESS) == set(FAULT_ACTIONS)
    assert max(HARDNESS, key=HARDNESS.get) == 'stop'
