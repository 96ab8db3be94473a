# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Print the table of docs/modes.md: outcomes of stops with real policies.

PYTHONPATH=.:test python -m support.stop_table
"""

from __future__ import annotations

from statistics import median

from distill_runtime.core.modes import Mode

from .stop_trial import ROBOTS, stop

SEEDS = 20
HEAD = (
    '| policy | command m/s | straight to standby: falls | `~/stop`: falls while it stops '
    '| `~/stop`: falls in standby | s until standby |'
)


def row(robot, speed):
    """Return the row of a robot at a forward speed."""
    command = (speed, 0.0, 0.0)
    straight = [stop(robot, command, seed, stop_timeout=0.0) for seed in range(SEEDS)]
    slowly = [stop(robot, command, seed) for seed in range(SEEDS)]
    falls = [outcome.fell_in for outcome in slowly]
    times = [outcome.time for outcome in slowly if outcome.time is not None]
    cells = (
        robot.policy,
        f'{speed:g}',
        f'{sum(outcome.fell_in is not None for outcome in straight)} of {SEEDS}',
        sum(mode in (Mode.POLICY, Mode.STOPPING) for mode in falls),
        f'{falls.count(Mode.STANDBY)} of {SEEDS}',
        f'{median(times):.1f} ({min(times):.1f} to {max(times):.1f})' if times else '-',
    )
    return f'| {" | ".join(map(str, cells))} |'


if __name__ == '__main__':
    print(HEAD)
    print('|---' * HEAD.count(' | ') + '|---|')
    for robot in ROBOTS:
        for speed in (0.0, 0.5, robot.fastest):
            print(row(robot, speed), flush=True)
