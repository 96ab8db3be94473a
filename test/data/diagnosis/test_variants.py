# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from dataclasses import replace

from distill_runtime.data.diagnosis.variants import variants
from distill_runtime.spec.compile import compile_spec
import pytest
from support.mutations import MUTATIONS
from support.recordings import load_pair, PAIRS
from support.specs import make_spec

HISTORY = {'length': 3, 'major': 'frame', 'order': 'oldest_first', 'fill': 'zeros'}


def texts(spec):
    return [variant.text for variant in variants(spec)]


def test_every_variant_has_the_widths_of_the_given_one():
    terms = [
        {'term': kind}
        for kind in ('projected_gravity', 'base_angular_velocity', 'velocity_command')
    ]
    terms += [{'term': 'joint_position', 'relative': True}, {'term': 'last_action'}]
    spec = make_spec(*terms, history=HISTORY)
    dims = [spec.input_dim(entry) for entry in spec.inputs]
    found = list(variants(spec))
    for variant in found:
        assert [variant.spec.input_dim(entry) for entry in variant.spec.inputs] == dims
        assert variant.spec != spec
    assert len({variant.text for variant in found}) == len(found)


def test_history_is_varied_where_there_is_one_and_terms_of_one_width_are_swapped():
    assert not any(text.startswith('history') for text in texts(make_spec()))
    found = texts(make_spec(history=HISTORY))
    assert {'history.order were newest_first', 'history.major were term'} <= set(found)
    found = texts(make_spec({'term': 'projected_gravity'}, {'term': 'velocity_command'}))
    assert 'projected_gravity and velocity_command were swapped' in found
    four = {'term': 'base_orientation', 'quaternion': 'wxyz'}
    assert 'swapped' not in ' '.join(texts(make_spec(four, {'term': 'joint_velocity'})))


@pytest.mark.parametrize('bag', PAIRS)
def test_right_contract_is_among_the_variants_of_a_mistake(bag, shared_data):
    pair = load_pair(bag, shared_data)
    spec = replace(pair.policy.spec, limits=replace(pair.policy.spec.limits, position=None))
    right = compile_spec(spec)
    for name in ('gravity has the wrong sign', 'joint positions are absolute', 'period is half'):
        (mutation,) = (entry for entry in MUTATIONS if entry.name == name)
        wrong = mutation.of_spec(spec, pair.robot)
        assert any(
            variant.spec.period == spec.period
            and all(
                (left.scale == wanted.scale).all() and (left.offset == wanted.offset).all()
                for left, wanted in zip(
                    compile_spec(variant.spec).inputs, right.inputs, strict=True
                )
            )
            for variant in variants(wrong)
        ), name
