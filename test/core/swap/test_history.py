# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import sys
import threading

from distill_runtime.core.swap.history import DEPTH, StepHistory
from distill_runtime.spec.compile import compile_spec
import numpy as np
import pytest
from support.specs import make_spec

LAYOUT = compile_spec(make_spec()).action
NARROW = compile_spec(make_spec(action={'joints': ['knee']})).action


def make_ring(depth=4, compiled=LAYOUT, sensor_dim=2):
    return StepHistory(sensor_dim, 3, compiled, depth)


def push(ring, number, compiled=LAYOUT):
    """Append a step with values that depend on its number."""
    ring.push(
        np.full(ring.sensor_vectors.shape[1], number),
        np.full(3, number + 0.25),
        np.full(compiled.width, number + 0.5),
        compiled,
        number + 7,
        1000 * number,
    )


def assert_holds(ring, number, compiled=LAYOUT):
    row = ring.row(number)
    assert np.all(ring.sensor_vectors[row] == number)
    assert np.all(ring.targets[row] == number + 0.25)
    assert np.all(ring.actions[row, : compiled.width] == number + 0.5)
    assert ring.action_layouts[row] is compiled
    assert (ring.elapsed[row], ring.stamps[row]) == (number + 7, 1000 * number)


def test_new_history_is_empty():
    ring = make_ring()
    assert (ring.count, ring.oldest) == (0, 0)


def test_history_holds_ten_seconds_at_50_hz():
    assert make_ring(DEPTH).sensor_vectors.shape[0] >= 500


@pytest.mark.parametrize(('count', 'oldest'), [(1, 0), (3, 0), (4, 1), (5, 2), (11, 8)])
def test_next_push_keeps_the_newest_steps(count, oldest):
    ring = make_ring()
    for number in range(count):
        push(ring, number)
    assert (ring.count, ring.oldest) == (count, oldest)
    for number in range(oldest, count):
        assert_holds(ring, number)
    push(ring, count)
    for number in range(oldest, count):
        assert_holds(ring, number)


def test_pushed_arrays_are_copied():
    ring = make_ring()
    sensor_vector, target, action = np.ones(2), np.ones(3), np.ones(3)
    ring.push(sensor_vector, target, action, LAYOUT, 0, 0)
    for array in (sensor_vector, target, action):
        array.fill(9.0)
    assert np.all(ring.sensor_vectors[0] == 1.0)
    assert np.all(ring.targets[0] == 1.0)
    assert np.all(ring.actions[0] == 1.0)


def test_cleared_history_starts_with_step_0():
    ring = make_ring()
    for number in range(6):
        push(ring, number)
    ring.clear()
    assert (ring.count, ring.oldest) == (0, 0)
    push(ring, 0)
    assert_holds(ring, 0)


def test_widened_history_keeps_its_actions():
    ring = make_ring(compiled=NARROW)
    push(ring, 0, NARROW)
    ring.widen(LAYOUT.width)
    push(ring, 1)
    assert_holds(ring, 0, NARROW)
    assert_holds(ring, 1)


def test_narrower_actions_do_not_reallocate():
    ring = make_ring()
    push(ring, 0)
    actions = ring.actions
    ring.widen(NARROW.width)
    assert ring.actions is actions
    push(ring, 1, NARROW)
    assert_holds(ring, 0)
    assert_holds(ring, 1, NARROW)


def test_copy_is_independent_of_what_is_pushed_later():
    ring = make_ring()
    for number in range(4):
        push(ring, number)
    other = ring.copy()
    for number in range(4, 8):
        push(ring, number)
    assert (other.count, other.oldest) == (4, 1)
    for number in range(1, 4):
        assert_holds(other, number)
    push(other, 4)
    assert_holds(ring, 7)


@pytest.mark.parametrize('depth', [3, 64])
def test_copy_that_is_taken_while_another_thread_writes_is_consistent(depth):
    ring = StepHistory(64, 3, NARROW, depth)
    stops = threading.Event()

    def write():
        number = 0
        while not stops.is_set():
            push(ring, number, LAYOUT if number >= 50 else NARROW)
            if number == 49:
                ring.widen(LAYOUT.width)
            number += 1

    writer = threading.Thread(target=write)
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        writer.start()
        counts = set()
        while len(counts) < 100:
            other = ring.copy()
            counts.add(other.count)
            for number in range(other.oldest, other.count):
                assert_holds(other, number, LAYOUT if number >= 50 else NARROW)
    finally:
        stops.set()
        writer.join()
        sys.setswitchinterval(interval)


def test_elapsed_steps_are_stored_per_step():
    ring = make_ring()
    for elapsed in (5, 6, 0, 1):
        ring.push(np.zeros(2), np.zeros(3), np.zeros(3), LAYOUT, elapsed, 0)
    assert [ring.elapsed_in(number) for number in range(1, 4)] == [6, 0, 1]


def test_no_step_has_elapsed_at_the_start_of_a_run():
    ring = make_ring()
    assert ring.elapsed_in(0) == 0
    push(ring, 0)
    ring.clear()
    assert ring.elapsed_in(0) == 0


def test_copy_knows_which_run_it_is_of():
    ring = make_ring()
    push(ring, 0)
    other = ring.copy()
    assert other.run == ring.run
    ring.clear()
    push(ring, 0)
    assert (other.count, other.run == ring.run) == (1, False)
