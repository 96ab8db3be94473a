# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""How soon each injected fault is detected; writes docs/fault_injection.md.

PYTHONPATH=.:test python -m support.fault_table > docs/fault_injection.md
"""

from __future__ import annotations

from .fault_drill import HEAL_TIME, prepare, run, WALK_TIME
from .faults import GROUPS

EXPECTED = {
    'fault': 'fault',
    'warning': 'warning, walks on',
    'tolerated': 'walks on',
    'undetected': '**not detected**',
}


def row_head(fault):
    """Return the part of a row that is known without a run."""
    code = f'`{fault.code}`' if fault.code else '-'
    within = f'{fault.within:.2f}' if fault.code else '-'
    return f'| {fault.name} | {EXPECTED[fault.kind]} | {code} | {within} |'


def row(fault, seen):
    """Return the row of a fault and its outcome."""
    time = seen.detected if fault.kind == 'fault' else seen.reported.get(fault.code)
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
            tolerated=kinds.count('tolerated'),
            undetected=kinds.count('undetected'),
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

_HEAD = """# Fault injection: how soon is each fault detected?

Made by `PYTHONPATH=.:test python -m support.fault_table > docs/fault_injection.md`. The shipped
student walks the simulated quadruped at 50 Hz, with noise on all sensors and the defaults of every
parameter. Decoders, checks, runner and control loop are those of `student_node`; queues of
serialized messages replace DDS, and the simulation's time the clock. After {walk} s one fault is
injected. Times are in s from then to the tick that latches the fault, or first reports it; 0.00 is
the first tick that could.

**{all} injected faults: {faults} latched, {warnings} warned, {tolerated} tolerated,
{undetected} undetected.**
The slowest fault takes {slowest} s. In every run every command is finite, within the limits of its
joint and within `max_joint_step` of the one before. Every fault stays for {heal} s after its cause
is gone; only then is `~/reset_fault` called, which leads to `standby`, and `~/start` to `policy`.
"""

_TAIL = """## What this does not show

- Times of a simulation in lock-step are whole ticks of 20 ms. What a loaded computer adds is in no
  row: DDS, late ticks, a stopped process. test/ros/test_faults_over_dds.py stops the node, loads
  the processors, stops the sensors, lets another node publish commands, and gives the black
  box a full disk or a read-only folder, all over real DDS;
  test_student_node.py raises an error in the control thread (`loop.crashed`), and `make soak`
  walks for half an hour on an otherwise normal machine.
- Some rows say `tilt.limit` where the cause is a wrong unit or sign: the fall is
  detected, not the mistake, and the robot has lost its balance by then. `check --bag` finds such
  mistakes earlier: [mutations.md](mutations.md).
- What is not detected here does not make this robot fall. It may make another one fall.
- The robot sinks to the ground in `damp`, and with stale joints, where `damp` holds the last
  command, it may topple. Detected in time to act is not in time to stay upright.
"""


def main() -> None:
    """Print the page."""
    setup = prepare()
    outcomes = {fault.name: run(setup, fault) for faults in GROUPS.values() for fault in faults}
    print(markdown(outcomes), end='')


if __name__ == '__main__':
    main()
