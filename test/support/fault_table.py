# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""How soon each fault is noticed; writes docs/fault_injection.md.

PYTHONPATH=.:test python -m support.fault_table > docs/fault_injection.md
"""

from __future__ import annotations

from .fault_drill import HEAL_TIME, prepare, run, WALK_TIME
from .faults import GROUPS

EXPECTED = {
    'fault': 'fault',
    'warning': 'told, walks on',
    'borne': 'walks on',
    'unseen': '**not noticed**',
}


def row_head(fault):
    """Return the part of a row that is known without a run."""
    code = f'`{fault.code}`' if fault.code else '-'
    within = f'{fault.within:.2f}' if fault.code else '-'
    return f'| {fault.name} | {EXPECTED[fault.kind]} | {code} | {within} |'


def row(fault, seen):
    """Return the row of a fault and its outcome."""
    time = seen.detected if fault.kind == 'fault' else seen.told.get(fault.code)
    measured = '-' if time is None else f'{time:.2f}'
    return f'{row_head(fault)} {measured} | {seen.action or "-"} |'


def markdown(outcomes):
    """Return the page; outcomes by the name of the fault."""
    faults = [fault for group in GROUPS.values() for fault in group]
    kinds = [fault.kind for fault in faults]
    slowest = max(seen.detected for seen in outcomes.values() if seen.detected is not None)
    lines = [
        _HEAD.format(
            all=len(faults),
            faults=kinds.count('fault'),
            warnings=kinds.count('warning'),
            borne=kinds.count('borne'),
            unseen=kinds.count('unseen'),
            slowest=f'{slowest:.2f}',
            walk=f'{WALK_TIME:g}',
            heal=f'{HEAL_TIME:g}',
        )
    ]
    for title, group in GROUPS.items():
        lines += [f'## {title}', '', *_COLUMNS]
        lines += [row(fault, outcomes[fault.name]) for fault in group]
        lines.append('')
    return '\n'.join([*lines, _TAIL])


_COLUMNS = (
    '| what goes wrong | expected | code | within | measured | action |',
    '|---|---|---|---|---|---|',
)

_HEAD = """# Fault injection: how soon is what noticed?

Made by `PYTHONPATH=.:test python -m support.fault_table > docs/fault_injection.md`. The shipped
student walks the simulated quadruped at 50 Hz, with noise on all sensors and the defaults of every
parameter. Decoders, checks, runner and control loop are those of `student_node`; in place of DDS
are queues of serialized messages, and the clock is the simulation's. After {walk} s one thing goes
wrong. Times are in s from then to the tick that latches the fault, or first tells of it; 0.00 is
the first tick that could.

**{all} things: {faults} are faults, {warnings} only told, {borne} borne, {unseen} not noticed.**
The slowest fault takes {slowest} s. In every run every command is finite, within the limits of its
joint and within `max_joint_step` of the one before. Every fault stays for {heal} s after its cause
is gone; only then is `~/reset_fault` called, which leads to `standby`, and `~/start` to `policy`.
"""

_TAIL = """## What this does not show

- Times of a simulation in lock-step are whole ticks of 20 ms. What a loaded computer adds is in no
  row: DDS, late ticks, a stopped process. test/ros/test_faults_over_dds.py stops the node, hogs
  the processors, takes the sensors away, lets another node publish commands, and gives the black
  box a disk that is full or a folder that nobody can write to, all over real DDS;
  test_student_node.py has an error in the control thread (`loop.crashed`), and `make soak` half an
  hour of all that a machine does by itself.
- Some rows say `tilt.limit` where the cause is a wrong unit or sign: it is the fall that is
  noticed, not the mistake, and the robot has lost its balance by then. `check --bag` finds such
  mistakes before: [mutations.md](mutations.md).
- What is not noticed here does not throw this robot over. It may throw another one.
- The robot sinks to the ground in `damp`, and with stale joints, where `damp` holds the last
  command, it may topple. Noticed in time to act is not in time to stay on one's feet.
"""


def main() -> None:
    """Print the page."""
    setup = prepare()
    outcomes = {fault.name: run(setup, fault) for faults in GROUPS.values() for fault in faults}
    print(markdown(outcomes), end='')


if __name__ == '__main__':
    main()
