# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Terms and history of one input tensor, as the arrays of its plan."""

from __future__ import annotations

from collections.abc import Sequence
import math

from distill_runtime.core.arrays import FloatArray, locked_floats, locked_indices
from distill_runtime.core.plan import InputPlan

from .clip import clip_pairs, ClipPair
from .spec import PolicySpec
from .tensors import InputSpec
from .terms import Constant, JointPosition, Term
from .vector import VectorMap


def input_plan(spec: PolicySpec, entry: InputSpec, vector: VectorMap) -> InputPlan:
    """Compile one input tensor."""
    index: list[int] = []
    offset: list[float] = []
    scale: list[float] = []
    before: list[ClipPair] = []
    after: list[ClipPair] = []
    trained: list[ClipPair] = []
    columns: list[range] = []
    for term in entry.terms:
        elements = vector.elements(term)
        width = len(elements)
        columns.append(range(len(index), len(index) + width))
        index += elements
        offset += _offset(spec, term, width)
        scale += term.scale if isinstance(term.scale, tuple) else (term.scale,) * width
        unbounded: tuple[ClipPair, ...] = ((None, None),) * width
        pairs = term.clip_pairs(width) or unbounded
        is_before = term.order == 'clip_then_scale'
        before += pairs if is_before else unbounded
        after += unbounded if is_before else pairs
        trained += clip_pairs(term.trained_range, width) or unbounded
    lags = [entry.lags(term) for term in entry.terms]
    depth = 1 + max(map(max, lags))
    return InputPlan(
        name=str(entry.name),
        index=locked_indices(index),
        offset=locked_floats(offset),
        scale=locked_floats(scale),
        clip_before=bounds(before),
        clip_after=bounds(after),
        trained_range=bounds(trained),
        depth=depth,
        layout=locked_indices(
            (depth - 1 - lag) * len(index) + column
            for lag, column in _tensor_order(entry.history.major == 'frame', lags, columns)
        ),
        fill_first=entry.history.fill != 'zeros',
    )


def _tensor_order(
    is_frame_major: bool, lags: list[tuple[int, ...]], columns: list[range]
) -> list[tuple[int, int]]:
    """Return age and frame column of each element of the tensor."""
    if is_frame_major:
        return [(lag, column) for lag in lags[0] for term in columns for column in term]
    return [
        (lag, column)
        for own, term in zip(lags, columns, strict=True)
        for lag in own
        for column in term
    ]


def _offset(spec: PolicySpec, term: Term, width: int) -> list[float]:
    """Return what is subtracted: the default position for relative joint positions.

    A constant is nothing, less what it is not.
    """
    if isinstance(term, Constant):
        return [-value for value in term.values]
    if not (isinstance(term, JointPosition) and term.relative):
        return [0.0] * width
    defaults = dict(zip(spec.joints, spec.default_position, strict=True))
    names = spec.joints if term.joints is None else term.joints
    return [0.0 if name in term.masked else defaults[name] for name in names]


def bounds(pairs: Sequence[ClipPair]) -> tuple[FloatArray, FloatArray] | None:
    """Return lower and upper bounds per element; None if nothing is bounded."""
    if all(pair == (None, None) for pair in pairs):
        return None
    lower = (-math.inf if low is None else low for low, _ in pairs)
    upper = (math.inf if high is None else high for _, high in pairs)
    return locked_floats(lower), locked_floats(upper)
