# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import math

from distill_runtime.core.instance.observation import GaitClock
from distill_runtime.spec.compile import compile_spec
import numpy as np
import pytest
from support.specs import make_spec

STILL, WALK = np.zeros(3), np.array([0.5, 0.0, 0.0])


class Clock:
    def __init__(self, **changes):
        term = {
            'term': 'gait_phase',
            'frequency': 1.5,
            'offsets': [0.0, math.pi],
            'components': ['cos', 'sin'],
            'advance': 'after',
            **changes,
        }
        compiled = compile_spec(make_spec(term))
        self.vector = np.zeros(compiled.vector_dim)
        self.slot = compiled.phases[0].slot
        self.clock = GaitClock(compiled.phases[0], self.vector)

    def step(self, command=WALK):
        self.clock.advance(command)
        return self.vector[self.slot].tolist()


def cos_sin(*phases):
    return pytest.approx([f(p) for f in (math.cos, math.sin) for p in phases], abs=1e-12)


STEP = 2 * math.pi * 1.5 * 0.02


def test_clock_that_advances_after_its_use_starts_at_the_offsets():
    clock = Clock()
    assert [clock.step() for _ in range(3)] == [
        cos_sin(k * STEP, math.pi + k * STEP) for k in range(3)
    ]


def test_clock_that_advances_before_its_use_starts_one_step_in():
    clock = Clock(advance='before')
    assert clock.step() == cos_sin(STEP, math.pi + STEP)
    assert clock.step() == cos_sin(2 * STEP, math.pi + 2 * STEP)


def test_components_come_in_the_order_of_the_spec():
    clock = Clock(components=['sin', 'cos'], offsets=[0.3])
    assert clock.step() == pytest.approx([math.sin(0.3), math.cos(0.3)])


def test_one_component_alone():
    assert Clock(components=['sin'], offsets=[0.1, 0.2, 0.3]).step() == pytest.approx(
        [math.sin(0.1), math.sin(0.2), math.sin(0.3)]
    )


def test_clock_does_not_drift():
    clock = Clock(frequency=1.25, offsets=[0.0])  # 40 steps a turn
    for _ in range(40 * 2500):
        clock.clock.advance(WALK)
    assert clock.step() == pytest.approx([1.0, 0.0], abs=1e-9)


def test_reset_restarts_the_clock():
    clock = Clock()
    first = clock.step()
    clock.step()
    clock.clock.reset()
    assert clock.step() == first


STANDING = {'below': 0.1, 'phase': 2.0}


def test_standing_sets_every_phase():
    assert Clock(standing=STANDING).step(STILL) == cos_sin(2.0, 2.0)


@pytest.mark.parametrize('axis', [0, 1, 2])
@pytest.mark.parametrize('sign', [-1.0, 1.0])
def test_any_component_at_the_bound_walks(axis, sign):
    clock = Clock(standing=STANDING)
    command = np.full(3, 0.0999)
    assert clock.step(command) == cos_sin(2.0, 2.0)
    command[axis] = sign * 0.1
    assert clock.step(command) == cos_sin(STEP, math.pi + STEP)


def test_clock_runs_on_while_standing():
    clock = Clock(standing=STANDING)
    clock.step(STILL)
    clock.step(STILL)
    assert clock.step(WALK) == cos_sin(2 * STEP, math.pi + 2 * STEP)


@pytest.mark.parametrize(('advance', 'first'), [('after', 0), ('before', 1)])
def test_clock_that_restarts_begins_at_its_first_count_when_standing_ends(advance, first):
    clock = Clock(standing={**STANDING, 'restart': True}, advance=advance)
    for command in (WALK, WALK, STILL, STILL):
        clock.step(command)
    for k in (first, first + 1):
        assert clock.step(WALK) == cos_sin(k * STEP, math.pi + k * STEP)


@pytest.mark.parametrize('advance', ['before', 'after'])
@pytest.mark.parametrize(('restart', 'first'), [('at_offset', 0), ('advanced', 1)])
def test_spec_sets_the_phase_at_the_end_of_standing(restart, first, advance):
    clock = Clock(standing={**STANDING, 'restart': restart}, advance=advance)
    k = 1 if advance == 'before' else 0
    assert clock.step(WALK) == cos_sin(k * STEP, math.pi + k * STEP)
    for _ in range(2):
        for command in (WALK, STILL, STILL):
            clock.step(command)
        for k in (first, first + 1, first + 2):
            assert clock.step(WALK) == cos_sin(k * STEP, math.pi + k * STEP)


def test_spec_sets_the_phase_after_a_start_in_standing():
    clock = Clock(standing={**STANDING, 'restart': 'at_offset'}, advance='before')
    assert clock.step(STILL) == cos_sin(2.0, 2.0)
    assert clock.step(WALK) == cos_sin(0.0, math.pi)


@pytest.mark.parametrize('restart', ['at_offset', 'advanced'])
@pytest.mark.parametrize('advance', ['before', 'after'])
def test_clock_that_takes_over_the_elapsed_steps_continues_as_the_other(restart, advance):
    changes = {'standing': {**STANDING, 'restart': restart}, 'advance': advance}
    clock, other = Clock(**changes), Clock(**changes)
    for command in (WALK, WALK, STILL, WALK):
        clock.step(command)
    for command in (WALK, WALK, STILL, WALK, WALK):
        other.clock.reset(clock.clock.elapsed)
        assert other.step(WALK) == clock.step(WALK)
        clock.step(command)
