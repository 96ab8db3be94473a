# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""`replay --scan`: a policy over all recordings beneath a folder, in one table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
import math
from pathlib import Path

from distill_runtime.cli.terminal.junit import Suite
from distill_runtime.cli.terminal.progress import Progress
from distill_runtime.data.bags.find_bags import find_bags
from distill_runtime.data.replay.assessment import times
from distill_runtime.data.replay.compare import Difference
from distill_runtime.errors import DistillError

from .outcome import ModelUnderTest, Outcome
from .report import (
    model_facts,
    recording_suite,
    replay_report,
    replay_versions,
    suite_facts,
    suite_name,
)

VERDICTS = ('outside', 'unusable', 'not_compared', 'within')
"""The worst first."""


@dataclass(frozen=True, kw_only=True)
class Scanned:
    """Result over one recording."""

    verdict: str
    """One of VERDICTS."""
    size: float
    """Largest difference of the first series that is compared: commands, if they are recorded."""
    name: str
    """Path below the folder."""
    ticks: int
    valid: float
    """Share of the ticks."""
    equal: float
    """Share of the compared ticks that are equal bit for bit; NaN where none is compared."""
    largest: str
    """Joint or term and size of that difference."""
    first: str
    """When one first exceeds the tolerance."""
    why: str
    report: dict[str, object]
    suite: Suite


def scan(folder: Path, model: ModelUnderTest, progress: Progress) -> list[Scanned]:
    """Replay a policy over all recordings; return the results, the worst first.

    Raises:
        ConfigError: If there are none.
    """
    bags = find_bags(folder)
    found = []
    for number, bag in enumerate(bags, 1):
        name = str(bag.relative_to(folder)) if bag != folder else bag.name
        stage = _Numbered(progress, f'{number} of {len(bags)}: ')
        try:
            found.append(_scanned(name, model.run(bag, stage), model))
        except DistillError as error:
            found.append(_unusable(name, bag, str(error), model))
    return sorted(found, key=lambda entry: (VERDICTS.index(entry.verdict), -entry.size))


def scan_report(found: Sequence[Scanned], model: ModelUnderTest) -> dict[str, object]:
    """Return the report on all of them."""
    policy = model.policy
    return {
        'verdict': found[0].verdict,
        'passed': found[0].verdict == 'within',
        'recordings': [entry.report for entry in found],
        'counts': counts(found),
        'model': model_facts(policy),
        'rules': model.rules_name,
        'versions': replay_versions(),
    }


def counts(found: Sequence[Scanned]) -> dict[str, int]:
    """Return the number of recordings per verdict."""
    return {name: sum(entry.verdict == name for entry in found) for name in VERDICTS}


def exit_status(found: Sequence[Scanned]) -> int:
    """Return 1 if a recording fails, 2 if one is inconclusive or unusable, else 0."""
    return {'outside': 1, 'within': 0}.get(found[0].verdict, 2)


class _Numbered(Progress):
    """Adds the number of the recording to each stage."""

    def __init__(self, progress: Progress, prefix: str) -> None:
        self._progress, self._prefix = progress, prefix

    def stage(self, text: str) -> None:
        self._progress.stage(self._prefix + text)

    def __call__(self, done: int, total: int) -> None:
        self._progress(done, total)


def _scanned(name: str, outcome: Outcome, model: ModelUnderTest) -> Scanned:
    """Keep the figures of a replay without its arrays."""
    result, _, found = outcome
    playback = result.playback
    first = found.differences[0] if found.differences else None
    breaches = [breach.text for breach in found.breaches]
    why = breaches[0] if breaches else ''
    if len(breaches) > 1:
        why += f' (and {len(breaches) - 1} more)'
    if not breaches and first is None:
        why = _drive_fit(outcome)
    return Scanned(
        name=name,
        verdict=found.verdict,
        ticks=len(playback.mode),
        valid=float(playback.is_valid.mean()),
        equal=math.nan if first is None else first.num_equal / first.num_ticks,
        size=0.0 if first is None else first.worst.max,
        largest='' if first is None or not first.worst.max else _largest(first),
        first=_first_beyond(outcome),
        why=why,
        report=replay_report(result, model.policy, found, model.rules_name),
        suite=recording_suite(model.policy, str(result.source.recording.path), found, name),
    )


def _unusable(name: str, bag: Path, why: str, model: ModelUnderTest) -> Scanned:
    return Scanned(
        name=name,
        verdict='unusable',
        ticks=0,
        valid=math.nan,
        equal=math.nan,
        size=0.0,
        largest='',
        first='',
        why=why,
        report={
            'verdict': 'unusable',
            'passed': False,
            'recording': {'path': str(bag)},
            'error': why,
        },
        suite=Suite(
            suite_name(model.policy, name),
            [('replay', 'usable', why)],
            suite_facts(model.policy, str(bag)),
        ),
    )


def _largest(difference: Difference) -> str:
    worst = difference.worst
    unit = f' {difference.unit}' if difference.unit else ''
    what = '' if difference.what == 'commands' else f'{difference.what} of '
    return f'{what}{worst.name} {worst.max:.2g}{unit}'


def _first_beyond(outcome: Outcome) -> str:
    ticks = [
        difference.first_exceeded.tick
        for difference in outcome.found.differences
        if difference.first_exceeded is not None
    ]
    return f'{times(outcome.result)[min(ticks)]:.2f} s' if ticks else ''


def _drive_fit(outcome: Outcome) -> str:
    """Return the drive fit, which replaces a comparison where no commands are recorded."""
    inspection = outcome.found.inspection
    if inspection is None or inspection.drive_fit is None:
        return 'neither commands nor efforts are recorded'
    fit = inspection.drive_fit
    return f'targets explain {fit.median_r_squared:.1%} of the {fit.reference}'
