# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import sys
import threading

from distill_runtime.core.swap.history import StepHistory
from distill_runtime.spec.compile import compile_spec
import numpy as np
import pytest
from support.specs import make_spec

LAYOUT = compile_spec(make_spec()).action
NARROW = compile_spec(make_spec(action={'joints': ['knee']})).action


def make_ring(depth=4, compiled=LAYOUT, sensor_dim=2):
    return StepHistory(sensor_dim, 3, compiled, depth)


def push(history, number, compiled=LAYOUT):
    """Append a step with values that depend on its number."""
    history.push(
        np.full(history.sensor_vectors.shape[1], number),
        np.full(3, number + 0.25),
        np.full(compiled.width, number + 0.5),
        compiled,
        number + 7,
        1000 * number,
    )


def assert_holds(history, number, compiled=LAYOUT):
    row = history.row(number)
    assert np.all(history.sensor_vectors[row] == number)
    assert np.all(history.targets[row] == number + 0.25)
    assert np.all(history.actions[row, : compiled.width] == number + 0.5)
    assert history.action_layouts[row] is compiled
    assert (history.elapsed[row], history.stamps[row]) == (number + 7, 1000 * number)


@pytest.mark.parametrize(('count', 'oldest'), [(1, 0), (3, 0), (4, 1), (5, 2), (11, 8)])
def test_next_push_keeps_the_newest_steps(count, oldest):
    history = make_ring()
    for number in range(count):
        push(history, number)
    assert (history.count, history.oldest) == (count, oldest)
    for number in range(oldest, count):
        assert_holds(history, number)
    push(history, count)
    for number in range(oldest, count):
        assert_holds(history, number)


def test_cleared_history_starts_with_step_0():
    history = make_ring()
    for number in range(6):
        push(history, number)
    history.clear()
    assert (history.count, history.oldest) == (0, 0)
    push(history, 0)
    assert_holds(history, 0)


def test_widened_history_keeps_its_actions():
    history = make_ring(compiled=NARROW)
    push(history, 0, NARROW)
    history.widen(LAYOUT.width)
    push(history, 1)
    assert_holds(history, 0, NARROW)
    assert_holds(history, 1)


def test_narrower_actions_do_not_reallocate():
    history = make_ring()
    push(history, 0)
    actions = history.actions
    history.widen(NARROW.width)
    assert history.actions is actions
    push(history, 1, NARROW)
    assert_holds(history, 0)
    assert_holds(history, 1, NARROW)


@pytest.mark.parametrize('depth', [3, 64])
def test_copy_that_is_taken_while_another_thread_writes_is_consistent(depth):
    history = StepHistory(64, 3, NARROW, depth)
    stops = threading.Event()

    def write():
        number = 0
        while not stops.is_set():
            push(history, number, LAYOUT if number >= 50 else NARROW)
            if number == 49:
                history.widen(LAYOUT.width)
            number += 1

    writer = threading.Thread(target=write)
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        writer.start()
        counts = set()
        while len(counts) < 100:
            other = history.copy()
            counts.add(other.count)
            for number in range(other.oldest, other.count):
                assert_holds(other, number, LAYOUT if number >= 50 else NARROW)
    finally:
        stops.set()
        writer.join()
        sys.setswitchinterval(interval)


def test_elapsed_steps_are_stored_per_step():
    history = make_ring()
    for elapsed in (5, 6, 0, 1):
        history.push(np.zeros(2), np.zeros(3), np.zeros(3), LAYOUT, elapsed, 0)
    assert [history.elapsed_in(number) for number in range(1, 4)] == [6, 0, 1]


def test_copy_knows_which_run_it_is_of():
    history = make_ring()
    push(history, 0)
    other = history.copy()
    assert other.run == history.run
    history.clear()
    push(history, 0)
    assert (other.count, other.run == history.run) == (1, False)
