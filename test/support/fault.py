# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""An injected fault, and what is expected of the control loop."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple


class Fault(NamedTuple):
    """An injected fault."""

    name: str
    inject: Callable
    """Changes the messages of each tick."""
    code: str = ''
    """Code that is reported first; '' if none is expected."""
    within: float = 0.0
    """Time in [s] within which it is reported."""
    kind: str = 'fault'
    """fault: latched; warning: reported, and the policy goes on; tolerated: the policy goes on;
    undetected: so it does, though it should not.
    """
    lasts: float = 1.0
    """Duration in [s]."""
    heal: Callable | None = None
    """Changes the messages afterwards."""
    respec: Callable | None = None
    """Returns a changed spec of the policy."""


def tolerated(name, inject, lasts=2.0, **more):
    """Return a fault that must not be latched."""
    return Fault(name, inject, kind='tolerated', lasts=lasts, **more)


STALE = 0.14
"""Time in [s]: max_input_age, and the ticks around it."""
INVALID = 0.08
"""Time in [s]: debounce of input_sample, and the ticks around it."""
AT_ONCE = 0.02
"""Time in [s]: at the first tick, or the next one."""
