# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""What /diagnostics says of policies in shadow."""

from __future__ import annotations

from collections.abc import Iterator

from distill_runtime.core.swap.candidate import Candidate
from distill_runtime.ros.loop.loop_context import LoopContext

from .loaded_model import LoadedModel

CANDIDATE = 'candidate'
"""It is to act when its time in shadow is over."""
SHADOW_MODEL = 'shadow_model'
"""It is compared for as long as the parameter names it."""
_UNITS = {'position': 'rad', 'velocity': 'rad/s', 'effort': 'N m'}


def shadow_values(parts: LoopContext) -> Iterator[dict[str, str]]:
    """Yield what is known of each policy in shadow; the candidate comes last.

    Args:
        parts: What the control loop connects; it may run meanwhile.
    """
    switcher = parts.runner.switcher
    swap, watcher = switcher.swap, switcher.watcher
    found = [(SHADOW_MODEL, watcher)]
    if swap is not None and switcher.is_swapping:
        found.append((CANDIDATE, swap.shadow))
    for role, shadow in found:
        occupant = parts.cast.find(shadow.instance) if shadow is not None else None
        if shadow is not None and occupant is not None:
            yield _values(role, shadow, occupant)


def _values(role: str, shadow: Candidate, occupant: LoadedModel) -> dict[str, str]:
    joints = occupant.instance.compiled.joints
    worst, now = shadow.worst.tolist(), shadow.divergence.tolist()
    units = [_UNITS[mode] for mode in joints.modes]
    largest = worst.index(max(worst))
    return {
        'what_for': role,
        'model': occupant.policy.path.name,
        'policy': occupant.policy.spec.name,
        'model_sha256': occupant.policy.sha256,
        'problem': shadow.problem,
        'steps_compared': str(shadow.compared),
        'steps_shed': str(shadow.shed),
        'inference_us': f'{occupant.timed.mean_ns / 1e3:.0f}',
        'largest_divergence': f'{worst[largest]:.4f} {units[largest]}, {joints.names[largest]}',
        **{
            f'{what} {name} ({unit})': f'{value:.4f}'
            for what, values in (('largest', worst), ('now', now))
            for name, value, unit in zip(joints.names, values, units, strict=True)
        },
    }
