# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import math

from distill_runtime.core.instance.observation import GaitClock, Observation
from distill_runtime.errors import ConfigError
from distill_runtime.spec.compile import compile_spec, sensor_layout
from hypothesis import assume, given
from hypothesis import strategies as st
import numpy as np
import pytest
from support.specs import JOINTS, make_spec

POSITION = {'term': 'joint_position', 'relative': False}
VELOCITY = {'term': 'joint_velocity'}


class Observed:
    """One input tensor, fed with joint positions and velocities."""

    def __init__(self, *terms, **changes):
        self.spec = make_spec(*terms, **changes)
        self.compiled = compile_spec(self.spec)
        self.tensor = np.zeros(len(self.compiled.inputs[0].layout), np.float32)
        self.observation = Observation(self.compiled.inputs[0], self.tensor)

    def push(self, position=(0, 0, 0), velocity=(0, 0, 0)):
        vector = np.zeros(self.compiled.vector_dim)
        vector[self.compiled.layout.joint_position] = position
        vector[self.compiled.layout.joint_velocity] = velocity
        self.observation.push(vector)
        return self.tensor.tolist()


def history(**changes):
    return {'length': 3, 'major': 'frame', 'order': 'oldest_first', 'fill': 'zeros', **changes}


def pushes(observed, count):
    """Push frames 1, 2, ... and return the elements of the first joint in the last tensor."""
    for number in range(1, count + 1):
        tensor = observed.push([number] * 3)
    return tensor[::3]


@pytest.mark.parametrize(
    ('changes', 'expected'),
    [
        ({}, [0, 1, 2]),
        ({'order': 'newest_first'}, [2, 1, 0]),
        ({'fill': 'first'}, [1, 1, 2]),
        ({'fill': 'first', 'order': 'newest_first'}, [2, 1, 1]),
    ],
)
def test_short_history_is_filled_as_the_spec_says(changes, expected):
    assert pushes(Observed(POSITION, history=history(**changes)), 2) == expected


@pytest.mark.parametrize(
    ('steps', 'order', 'expected'),
    [
        ([0, 1, 2, 4], None, [9, 8, 7, 5]),
        ([4, 0, 2], None, [5, 9, 7]),
        ([4, 0, 2], 'oldest_first', [5, 7, 9]),
        ([4, 0, 2], 'newest_first', [9, 7, 5]),
        ([3], None, [6]),
    ],
)
def test_sparse_steps_pick_frames_by_age(steps, order, expected):
    compiled = {'steps': steps, 'major': 'frame', 'fill': 'zeros'}
    if order:
        compiled['order'] = order
    assert pushes(Observed(POSITION, history=compiled), 9) == expected


def test_default_position_is_subtracted_before_the_rounding():
    position = 0.1 + 1e-9  # float32 knows no such number: rounded first, the difference were 0
    observed = Observed({**POSITION, 'relative': True})
    assert observed.push([position, 0, 0])[0] == pytest.approx(1e-9, rel=1e-5)


def test_scale_and_clip_are_float32_as_in_training():
    observed = Observed({**VELOCITY, 'scale': 0.05, 'clip': [-0.7, 0.7]})
    velocity = [0.3, -0.6, 2.0]
    expected = np.minimum(np.float32(velocity), np.float32(0.7)) * np.float32(0.05)
    assert observed.push(velocity=velocity) == expected.tolist()


def test_clip_comes_before_or_after_the_scale():
    term = {**VELOCITY, 'scale': 2.0, 'clip': [-1.0, 3.0]}
    values = [-4.0, 1.0, 2.0]
    assert Observed(term).push(velocity=values) == [-2.0, 2.0, 4.0]
    after = Observed({**term, 'order': 'scale_then_clip'})
    assert after.push(velocity=values) == [-1.0, 2.0, 3.0]


def test_clip_has_open_sides_and_one_pair_per_element():
    observed = Observed({**VELOCITY, 'clip': [[-1, None], [None, 2], [None, None]]})
    assert observed.push(velocity=[-9, 9, 9]) == [-1.0, 2.0, 9.0]
    assert observed.push(velocity=[9, -9, -9]) == [9.0, -9.0, -9.0]


def naive_tensor(spec, frames, fill_first, step):
    """Assemble a tensor from a list of frames, term by term or frame by frame."""
    entry = spec.inputs[0]

    def frame(lag, columns):
        if step - lag >= 0:
            return frames[step - lag][columns].tolist()
        return frames[0][columns].tolist() if fill_first else [0.0] * 3

    columns = [slice(3 * number, 3 * number + 3) for number in range(len(entry.terms))]
    tensor = []
    if entry.history.major == 'frame':
        for lag in entry.lags(entry.terms[0]):
            for part in columns:
                tensor += frame(lag, part)
        return tensor
    for term, part in zip(entry.terms, columns, strict=True):
        for lag in entry.lags(term):
            tensor += frame(lag, part)
    return tensor


lengths = st.integers(1, 6).map(lambda length: {'length': length})
sparse = st.lists(st.integers(0, 8), min_size=1, max_size=5, unique=True).map(
    lambda steps: {'steps': steps}
)


@pytest.mark.fuzz
@given(
    frames=lengths | sparse,
    term_histories=st.lists(st.none() | lengths | sparse, min_size=2, max_size=2),
    major=st.sampled_from(['term', 'frame']),
    order=st.sampled_from([None, 'oldest_first', 'newest_first']),
    fill=st.sampled_from(['first', 'zeros']),
    reset_at=st.integers(0, 12),
)
def test_history_equals_a_list_of_frames(frames, term_histories, major, order, fill, reset_at):
    compiled = {**frames, 'major': major, 'fill': fill, **({'order': order} if order else {})}
    terms = [
        {**term, 'history': one} if one else term
        for term, one in zip((POSITION, VELOCITY), term_histories, strict=True)
    ]
    try:
        observed = Observed(*terms, history=compiled)
    except ConfigError:
        assume(False)
    rng = np.random.default_rng(0)
    frames = rng.normal(size=(13, 6)).astype(np.float32)
    start = 0
    for step, frame in enumerate(frames):
        if step == reset_at:
            observed.observation.reset()
            start = step
        tensor = observed.push(frame[:3], frame[3:])
        expected = naive_tensor(observed.spec, frames[start:], fill == 'first', step - start)
        assert tensor == expected


@pytest.mark.fuzz
@given(order=st.permutations(['x', *JOINTS, 'y']))
def test_observation_does_not_depend_on_the_order_of_the_robot(order):
    spec = make_spec(POSITION, {**VELOCITY, 'joints': ['ankle', 'hip']}, history=history())
    values = {name: (number + 1.0, -number) for number, name in enumerate(['y', 'x', *JOINTS])}
    tensors = []
    for joints in (JOINTS, tuple(order)):
        compiled = compile_spec(spec, sensor_layout(spec, joints))
        tensor = np.zeros(len(compiled.inputs[0].layout), np.float32)
        vector = np.zeros(compiled.vector_dim)
        vector[compiled.layout.joint_position] = [values[name][0] for name in joints]
        vector[compiled.layout.joint_velocity] = [values[name][1] for name in joints]
        Observation(compiled.inputs[0], tensor).push(vector)
        tensors.append(tensor.tolist())
    assert tensors[0] == tensors[1]
    assert tensors[0][-5:] == [3.0, 4.0, 5.0, -4.0, -2.0]


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


def test_clock_does_not_drift():
    clock = Clock(frequency=1.25, offsets=[0.0])  # 40 steps a turn
    for _ in range(40 * 2500):
        clock.clock.advance(WALK)
    assert clock.step() == pytest.approx([1.0, 0.0], abs=1e-9)


STANDING = {'below': 0.1, 'phase': 2.0}


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
