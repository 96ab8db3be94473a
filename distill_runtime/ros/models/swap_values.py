# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""How a change of the policy came, as values of ~/model: a replay leads its runner by them."""

from __future__ import annotations

from distill_runtime.core.swap.swap import Swap, SwapState

from .loaded_model import LoadedModel


def swap_values(swap: Swap, before: LoadedModel) -> dict[str, str]:
    """Return why a policy acts, since when, and from what it knows what was before.

    Args:
        swap: The change.
        before: Who acted.
    """
    is_back = swap.state is SwapState.ROLLED_BACK
    return {
        'why': f'rolled back: {swap.reason}' if is_back else swap.why,
        'since_ns': str(swap.stamp_ns),
        'history_since_ns': str(swap.since_ns),
        'blend_time': str(swap.terms.blend_time),
        'previous': before.policy.path.name,
        'previous_sha256': before.policy.sha256,
    }
