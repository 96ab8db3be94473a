# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""An injected fault, and the expected reaction of the control loop."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple


class Fault(NamedTuple):
    """An injected fault."""

    name: str
    inject: Callable
    """Changes the messages of each tick."""
    code: str = ''
    """First reported code; '' if none is required."""
    within: float = 0.0
    """Time limit of that report, in [s]."""
    kind: str = 'fault'
    """fault: latched; warning: reported, and the policy continues; borne: tolerated; unseen:
    undetected, though it should be detected.
    """
    lasts: float = 1.0
    """Duration in [s]."""
    heal: Callable | None = None
    """Changes the messages afterwards."""
    respec: Callable | None = None
    """Returns a changed spec of the policy."""


def borne(name, inject, lasts=2.0, **more):
    """Return an injection that must be tolerated."""
    return Fault(name, inject, kind='borne', lasts=lasts, **more)


STALE = 0.14
"""Time in [s]: max_input_age, and the ticks around it."""
UNSOUND = 0.08
"""Time in [s]: debounce of input_sample, and the ticks around it."""
AT_ONCE = 0.02
"""Time in [s]: at the first tick, or the one after it."""
