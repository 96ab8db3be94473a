# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""What is wrong with clocks, network, robot and computer, and what people do."""

from __future__ import annotations

import math
import time

import numpy as np

from .fault_injections import (
    at_once,
    clock,
    estop_freed,
    estop_service,
    estop_topic,
    fall,
    Fault,
    filled,
    missed,
    other_publisher,
    output,
    pushed,
    rolled,
    sudden,
    tolerated,
)


def _jump(action, tick):
    action[:] = 6.0 if tick % 2 else -6.0


def _far(action, tick):
    action[0::3] = np.tile([-2.0, 2.0], 2)
    action[2::3] = 2.0


def _fail(action, tick):
    raise RuntimeError('indices element out of data bounds')


CLOCKS = (
    sudden(
        'the clock of the ticks jumps ahead by 1 s',
        clock(1.0, False),
        'joint_states.stale',
        heal=clock(0.0, False),
    ),
    sudden(
        'the clock of the ticks jumps back by 1 s',
        clock(-1.0, False),
        'clock.backwards',
        heal=clock(0.0, False),
    ),
    sudden(
        'the clock of all jumps back by 1 s',
        clock(-1.0, True),
        'clock.backwards',
        heal=clock(-1.0, True),
    ),
    sudden(
        'the clock of all jumps back by 1 h',
        clock(-3600.0, True),
        'clock.backwards',
        heal=clock(-3600.0, True),
    ),
    tolerated(
        'the clock of all jumps ahead by 1 h', clock(3600.0, True), heal=clock(3600.0, True)
    ),
)

NETWORK = (
    sudden(
        'the network gives a NaN',
        output(lambda action, tick: action.put(3, math.nan)),
        'action.not_finite',
    ),
    sudden('the network cannot be computed', output(_fail), 'action.failed'),
    sudden('the network gives infinity', output(filled(math.inf)), 'action.not_finite'),
    sudden('the network gives 1e20', output(filled(1e20)), 'action.too_large'),
    Fault('the network gives 50 for ever', output(filled(50.0)), 'position.limit', 0.5),
    Fault('hips and calves are sent beyond their limits', output(_far), 'action.saturated', 0.56),
    Fault('the network jumps from end to end', output(_jump), 'target.step', 0.16),
    Fault(
        'the network gives 20 once', output(filled(20.0), ticks=1), 'target.step', 0.04, 'warning'
    ),
    Fault(
        'the network takes 20 ms',
        output(lambda action, tick: time.sleep(0.02)),
        'inference.slow',
        0.16,
        lasts=0.5,
    ),
)

WORLD = (
    tolerated('pushes of 0.5 m/s', pushed(0.5, 50), 3.0),
    fall('a push of 6 m/s throws it over', pushed(6.0)),
    Fault('the base is rolled by 1.2 rad', rolled(1.2), 'tilt.limit', 0.06),
)

COMPUTER = (
    sudden('~/estop is called', at_once(estop_service), 'estop.requested'),
    sudden('estop is true', estop_topic(True), 'estop.requested', heal=estop_freed),
    sudden(
        'a message on estop is cut off',
        estop_topic(b'\0\1\0\0'),
        'estop.requested',
        heal=estop_freed,
    ),
    tolerated('estop is false', estop_topic(False)),
    tolerated('five deadlines pass', missed(5)),
    sudden('25 deadlines pass', missed(25), 'deadline.missed'),
    Fault(
        'another node publishes commands',
        at_once(other_publisher),
        'joint_command.contested',
        1.04,
        lasts=1.5,
    ),
    tolerated('another node publishes commands for half a second', at_once(other_publisher), 0.5),
)
