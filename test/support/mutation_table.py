# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Which finding of `check --bag` reports which mistake; writes docs/mutations.md.

PYTHONPATH=.:test python -m support.mutation_table > docs/mutations.md
"""

from __future__ import annotations

from dataclasses import replace
import os
from pathlib import Path
import re
from typing import NamedTuple

from distill_runtime.data.diagnosis.inspection import inspect
from distill_runtime.errors import ConfigError
from distill_runtime.policy.self_test import DryRun, first_step
from distill_runtime.policy.validation import self_test_findings
from distill_runtime.spec.findings.finding import Case, Finding
from distill_runtime.spec.findings.registry import examine
from distill_runtime.spec.robots import load_robot

from .mutations import Mutation, MUTATIONS
from .recordings import load_pair, Pair, PAIRS

ALARMS = ('error', 'warning')
_FAST = DryRun(runs=1, is_finite=True, median=0.0, p99=0.0)


class Result(NamedTuple):
    """Findings for one mistake with one policy."""

    applies: bool
    """Whether it changes anything with this policy."""
    found: tuple[Finding, ...] = ()
    """Errors and warnings that the correct contract does not have."""


def alarms(pair: Pair, mutation: Mutation | None, tries_variants: bool) -> list[Finding] | None:
    """Return the errors and warnings of a pair; None: the mistake changes nothing."""
    spec, recording = pair.policy.spec, pair.recording
    if mutation is not None and mutation.of_recording is not None:
        recording = mutation.of_recording(recording)
    if mutation is not None and mutation.of_spec is not None:
        try:
            spec = mutation.of_spec(spec, pair.robot)
        except ConfigError as error:
            message = str(error)
            return [Finding(code='spec.refused', severity='error', message=message, hint='')]
        if spec == pair.policy.spec:
            return None
    sourced = replace(pair.policy.sourced, spec=spec)
    robot = load_robot(pair.robot)
    step = first_step(replace(pair.policy, sourced=sourced))
    findings = [
        *examine(Case(sourced=sourced, robot=robot)),
        *self_test_findings(spec, _FAST, step),
        *inspect(
            spec, pair.policy.session, recording, robot, tries_variants=tries_variants
        ).findings,
    ]
    return [finding for finding in findings if finding.severity in ALARMS]


def results(pairs: dict[str, Pair], tries_variants: bool) -> dict[str, dict[str, Result]]:
    """Return the results by mistake and policy."""
    table: dict[str, dict[str, Result]] = {mutation.name: {} for mutation in MUTATIONS}
    for policy, pair in pairs.items():
        usual = {finding.code for finding in alarms(pair, None, tries_variants) or ()}
        for mutation in MUTATIONS:
            found = alarms(pair, mutation, tries_variants)
            table[mutation.name][policy] = (
                Result(False)
                if found is None
                else Result(True, tuple(f for f in found if f.code not in usual))
            )
    return table


def is_found(row: dict[str, Result]) -> bool:
    """Whether a mistake is found with every policy where it changes anything."""
    return all(result.found for result in row.values() if result.applies)


def pairs_of(shared_data: Path) -> dict[str, Pair]:
    """Return the correct pairs by name of the policy."""
    return {policy: load_pair(bag, shared_data) for bag, policy in PAIRS.items()}


def markdown(table: dict[str, dict[str, Result]]) -> str:
    """Return the page."""
    policies = list(next(iter(table.values())))
    num_found = sum(map(is_found, table.values()))
    lines = [
        _HEAD.format(found=num_found, all=len(table)),
        f'| | mistake | {" | ".join(policies)} | proposed correction |',
        f'|---|---|{"---|" * len(policies)}---|',
    ]
    for number, (name, row) in enumerate(table.items(), 1):
        cells = ' | '.join(_cell(row[policy]) for policy in policies)
        lines.append(f'| {number} | {name} | {cells} | {_named(row)} |')
    missed = [mutation for mutation in MUTATIONS if not is_found(table[mutation.name])]
    lines += ['', '## Not found, and why', '']
    lines += [f'- **{m.name}**: {m.why_not}.' for m in missed]
    return '\n'.join([*lines, _TAIL])


def _cell(result: Result) -> str:
    if not result.applies:
        return '-'
    codes = dict.fromkeys(finding.code for finding in result.found)
    return ', '.join(f'`{code}`' for code in codes) or 'not found'


def _named(row: dict[str, Result]) -> str:
    """Return the proposed corrections."""
    texts = [
        found.message.partition(' if ')[2]
        for result in row.values()
        for found in result.found
        if found.code == 'bag.contract_differs'
    ]
    return '; '.join(dict.fromkeys(re.sub(r'\[|\]', '', text) for text in texts))


_HEAD = """# Which mistakes does `check --bag` find?

Made by `PYTHONPATH=.:test python -m support.mutation_table > docs/mutations.md`, from correct
contracts of three third-party policies (an ANYmal C, a G1, a Go2), each with a recording of 4 to
6 s of its walk in simulation, at 100 Hz or 250 Hz, with efforts and without joint commands. One
mistake at a time is made in the contract or in the recording. It is found if there is an error or
a warning that the correct contract does not have, with every policy where it changes anything
(`-`: nothing, or a scale by less than 2 %).

**{found} of {all} are found, and none of the three correct contracts gives an error or warning
with its recording.**
"""

_TAIL = """
## What this does not show

- The recordings are simulated: sensors have no noise and no delay, and drives are ideal. With
  noise of a fifth of the efforts, or a command seen a tick late, correct contracts still explain
  93 % or more (the threshold is 90 %). Real drives with friction and estimated efforts may explain
  less; then `bag.targets_unexplained` is a reason to look, not a proof.
- Without efforts and without recorded joint commands there is no reference. The remaining checks
  of the sensors, of the numbers in the contract, and of absurd targets find {without} of {all}.
  Record `joint_command`.
- The policy must have controlled the robot in the recording for at least 50 ticks and half a
  second. A recording without excitation verifies nothing: a command that stays zero says nothing
  about its scale.
- Only single corrections are tried; two mistakes at once are reported as
  `bag.targets_unexplained`.
"""


def main() -> None:
    """Print the page."""
    shared = os.environ.get('DISTILL_RUNTIME_DATA', '../shared/data')
    pairs = pairs_of(Path(shared))
    bare = results({name: without_efforts(pair) for name, pair in pairs.items()}, False)
    page = markdown(results(pairs, tries_variants=True))
    print(
        page.replace('{without}', str(sum(map(is_found, bare.values())))).replace(
            '{all}', str(len(bare))
        ),
        end='',
    )


def without_efforts(pair: Pair) -> Pair:
    """Return a pair whose recording holds no efforts."""
    joints = replace(pair.recording.joints, effort=None)
    return replace(pair, recording=replace(pair.recording, joints=joints))


if __name__ == '__main__':
    main()
