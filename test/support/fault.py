# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""One thing that goes wrong, and what is expected of the control loop."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple


class Fault(NamedTuple):
    """One thing that goes wrong."""

    name: str
    inject: Callable
    """Changes the messages of each tick."""
    code: str = ''
    """What is told first; '' if nothing has to be."""
    within: float = 0.0
    """Time in [s] by which that is told."""
    kind: str = 'fault'
    """fault: latched; warning: told, and the policy goes on; borne: the policy goes on; unseen: so
    it does, though it should not.
    """
    lasts: float = 1.0
    """Time in [s] that it stays."""
    heal: Callable | None = None
    """Changes the messages afterwards."""
    respec: Callable | None = None
    """Gives another spec for that of the policy."""


def borne(name, inject, lasts=2.0, **more):
    """Return what must be no fault."""
    return Fault(name, inject, kind='borne', lasts=lasts, **more)


STALE = 0.14
"""Time in [s]: max_input_age, and the ticks around it."""
UNSOUND = 0.08
"""Time in [s]: debounce of input_sample, and the ticks around it."""
AT_ONCE = 0.02
"""Time in [s]: at the first tick, or the one behind it."""
