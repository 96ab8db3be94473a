# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Which joints are left and right twins, by their names."""

from __future__ import annotations

import re

_SIDES = {'left': 'right', 'l': 'r', 'fl': 'fr', 'rl': 'rr', 'hl': 'hr', 'lf': 'rf', 'lh': 'rh'}
_WORD = re.compile(r'left|[a-z]+', re.IGNORECASE)


def mirror_pairs(joints: tuple[str, ...]) -> list[tuple[str, str]]:
    """Return the pairs (left, right) of names that differ in their side only.

    Args:
        joints: Such as left_knee_joint, FL_calf_joint, LF_KFE or LeftKnee.
    """
    pairs = []
    for name in joints:
        for word in _WORD.finditer(name):
            side = _SIDES.get(word.group().lower())
            if side is None:
                continue
            twin = name[: word.start()] + _in_case_of(word.group(), side) + name[word.end() :]
            if twin in joints:
                pairs.append((name, twin))
                break
    return pairs


def _in_case_of(model: str, word: str) -> str:
    if model.isupper():
        return word.upper()
    return word.capitalize() if model[0].isupper() else word
