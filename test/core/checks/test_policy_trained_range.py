# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from distill_runtime.core.checks.policy import TrainedRange
from distill_runtime.core.checks.registry import checks_without
from distill_runtime.core.modes import Mode
from distill_runtime.spec.compile import compile_spec
from hypothesis import given
from hypothesis import strategies as st
import numpy as np
import pytest
from support.rig import walking
from support.specs import make_spec

POSITION = {'term': 'joint_position', 'relative': False}


def entry_with(trained_range, **term):
    spec = make_spec({**POSITION, 'trained_range': trained_range, **term})
    return compile_spec(spec).inputs[0]


def found(frame, trained_range, margin=0.1):
    frame = np.array(frame, np.float32)
    return TrainedRange(entry_with(trained_range), frame, margin).find()


@pytest.mark.parametrize('value', [-1.39, 3.39])
def test_margin_is_a_share_of_the_width(value):
    assert found([0.0, value, 0.0], [-1.0, 3.0]) == ()
    assert found([0.0, value, 0.0], [-1.0, 3.0], margin=0.09)


def test_bound_is_inclusive():
    assert found([2.0, -2.0, 0.0], [-2.0, 2.0], margin=0.0) == ()
    beyond = np.nextafter(np.float32(2.0), np.float32(3.0))
    assert found([0.0, beyond, 0.0], [-2.0, 2.0], margin=0.0)


def test_worst_element_is_named_with_what_is_expected():
    (finding,) = found([1.5, -2.0, 1.3], [-1.0, 1.0])
    assert finding.check == 'observation_range'
    assert finding.reason == (
        "observation.range: element 1 of a frame of 'obs' is -2, expected -1.2 to 1.2, as in "
        'training'
    )


@pytest.mark.parametrize(
    ('pair', 'inside', 'outside'),
    [
        ([None, 1.0], [-1e6, 1.0, 0.0], [0.0, 1.01, 0.0]),
        ([-1.0, None], [1e6, -1.0, 0.0], [0.0, -1.01, 0.0]),
    ],
)
def test_range_may_be_open_on_one_side_and_then_has_no_margin(pair, inside, outside):
    assert found(inside, pair) == ()
    assert found(outside, pair)


def test_each_element_may_have_a_different_range():
    pairs = [[-1.0, 1.0], [None, None], [5.0, 6.0]]
    assert found([1.0, 1e6, 5.0], pairs) == ()
    assert 'element 2' in found([1.0, 1e6, 4.0], pairs)[0].reason


def test_each_call_checks_the_present_frame():
    frame = np.zeros(3, np.float32)
    trained = TrainedRange(entry_with([-1.0, 1.0]), frame, 0.0)
    assert trained.find() == ()
    frame[2] = 2.0
    assert trained.find()
    frame[2] = 0.0
    assert trained.find() == ()


def test_term_without_a_range_is_free_beside_one_with():
    spec = make_spec({**POSITION, 'trained_range': [-1.0, 1.0]}, {'term': 'joint_velocity'})
    lower, upper = compile_spec(spec).inputs[0].trained_range
    assert lower.tolist() == [-1.0] * 3 + [-np.inf] * 3
    assert upper.tolist() == [1.0] * 3 + [np.inf] * 3


def test_spec_without_any_range_gives_none():
    assert compile_spec(make_spec(POSITION)).inputs[0].trained_range is None


def test_range_holds_for_what_the_network_sees():
    spec = make_spec(
        {'term': 'joint_velocity', 'scale': 0.05, 'trained_range': [-1.0, 1.0]},
        {**POSITION, 'clip': [-0.5, 0.5], 'trained_range': [-0.5, 0.5]},
    )
    rig = walking(spec, checks=checks_without('input_frozen', 'joint_velocity', 'joint_position'))
    rig.sensors.joint_velocity[:] = 20.0  # seen as 1
    rig.place([3.0, 3.0, 3.0])  # seen as 0.5
    for _ in range(20):
        assert rig.tick().reason == ''
    rig.sensors.joint_velocity[1] = 30.0
    for _ in range(12):
        step = rig.tick()
    assert step.mode is Mode.FAULT
    assert step.reason.startswith("observation.range: element 1 of a frame of 'obs' is 1.5")


def test_history_is_judged_frame_by_frame():
    history = {'length': 3, 'major': 'frame', 'order': 'oldest_first', 'fill': 'first'}
    spec = make_spec({**POSITION, 'trained_range': [-1.0, 1.0]}, history=history)
    rig = walking(spec, checks=checks_without('input_frozen'))
    rig.place([2.0, 0.6, -0.5])
    rig.tick()
    rig.place([0.1, 0.6, -0.5])
    assert rig.tick().reason.startswith('observation.range: ')
    assert rig.tick().reason == ''


@given(
    frame=st.lists(st.floats(-100, 100, width=32), min_size=3, max_size=3),
    pairs=st.lists(st.tuples(st.floats(-50, 0), st.floats(0.5, 50)), min_size=3, max_size=3),
    margin=st.floats(0, 1),
)
def test_finding_equals_a_loop_over_the_elements(frame, pairs, margin):
    is_outside = False
    for value, (lower, upper) in zip(frame, pairs, strict=True):
        room = margin * (upper - lower)
        low, high = np.float32(lower - room), np.float32(upper + room)
        excess = max(float(low) - value, value - float(high))
        is_outside |= excess > 1e-20  # a smaller one is none in float32 squares
    findings = found(frame, [list(pair) for pair in pairs], margin)
    assert bool(findings) == is_outside


def test_range_of_the_layout_is_read_only():
    entry = entry_with([-1.0, 1.0])
    with pytest.raises(ValueError, match='read-only'):
        entry.trained_range[0][0] = 9.0
