# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""`replay --scan`: a policy over all recordings below a folder, as page and report."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
import math
from pathlib import Path
import textwrap

from distill_runtime.cli.terminal.junit import Suite
from distill_runtime.cli.terminal.page import Section, styled, styled_rows
from distill_runtime.cli.terminal.progress import Progress
from distill_runtime.cli.terminal.tables import table_lines
from distill_runtime.data.bags.find_bags import find_bags
from distill_runtime.data.replay.assessment import times
from distill_runtime.data.replay.compare import Difference
from distill_runtime.data.workers import run_units
from distill_runtime.errors import DistillError, WorkerError
from distill_runtime.policy.model import LoadedPolicy
from rich.progress import Progress as Bar

from .outcome import ModelUnderTest, Outcome
from .report import junit_cases, model_facts, replay_report, replay_suite, replay_versions

VERDICTS = {
    'outside': ('fail', 'error', 1),
    'unusable': ('unusable', 'warning', 2),
    'not_compared': ('inconclusive', 'warning', 2),
    'within': ('pass', '', 0),
}
"""Name, style and exit status by verdict; the worst first: failed, then inconclusive."""
_HEADINGS = (
    'recording', 'verdict', 'ticks', 'valid', 'equal', 'largest difference', 'first beyond', 'why',
)  # fmt: skip
_MAX_REASON = 160
"""Maximum length of a reason in characters; --json has all of it."""
_RIGHT = ('ticks', 'valid', 'equal', 'first beyond')


@dataclass(frozen=True, kw_only=True)
class ScannedRecording:
    """Summary of one recording."""

    verdict: str
    """One of VERDICTS."""
    name: str
    """Path below the folder."""
    why: str
    report: dict[str, object]
    suite: Suite
    size: float = 0.0
    """Largest difference of the first compared series: commands, if they are recorded."""
    ticks: int = 0
    valid: float = math.nan
    """Fraction of the ticks."""
    equal: float = math.nan
    """Fraction of the compared ticks that are equal bit for bit; NaN if none is compared."""
    largest: str = ''
    """Location and size of that difference, as text."""
    first: str = ''
    """Time of the first difference beyond the tolerance, as text."""


def scan(
    args: argparse.Namespace, model: ModelUnderTest, progress: Progress
) -> list[ScannedRecording]:
    """Replay a policy over all recordings; return their summaries, the worst first.

    Args:
        args: Name the folder, the processes, and what ModelUnderTest needs.
        model: What they name.
        progress: Progress display.

    Raises:
        ConfigError: If there are no recordings.
        WorkerError: If there is no Ray cluster at the address.
    """
    folder = Path(args.bag).expanduser()
    bags = find_bags(folder)
    is_remote = bool(args.ray) or args.workers > 1
    if is_remote:
        progress.stage(f'replaying {len(bags)} recordings')
    results = dict(
        run_units(
            _BagScan(args, model, progress, len(bags)),
            list(enumerate(bags, 1)),
            workers=args.workers,
            ray=args.ray,
            cost=lambda unit: _size(unit[1]),
            **({'progress': progress} if is_remote else {}),
        )
    )
    found = []
    for index, bag in enumerate(bags):
        result = results[index]
        if isinstance(result, WorkerError):
            result = _unusable(_name(bag, folder), bag, str(result), model)
        elif isinstance(result, Exception):
            raise result
        found.append(result)
    return sorted(found, key=lambda entry: ([*VERDICTS].index(entry.verdict), -entry.size))


class _BagScan:
    """Replays one recording; unpickled in another process, it loads the model again."""

    def __init__(
        self, args: argparse.Namespace, model: ModelUnderTest, progress: Progress, total: int
    ) -> None:
        self._args = args
        self._model = model
        self._progress = progress
        self._total = total

    def __reduce__(self) -> tuple[object, ...]:
        return _load_scan, (self._args, self._total)

    def __call__(self, unit: tuple[int, Path]) -> ScannedRecording:
        number, bag = unit
        name = _name(bag, Path(self._args.bag).expanduser())
        self._progress.prefix = f'{number} of {self._total}: '
        try:
            return _summary(name, self._model.run(bag, self._progress), self._model)
        except DistillError as error:
            return _unusable(name, bag, str(error), self._model)


def _load_scan(args: argparse.Namespace, total: int) -> _BagScan:
    return _BagScan(args, ModelUnderTest(args), Progress(Bar(disable=True)), total)


def _name(bag: Path, folder: Path) -> str:
    return str(bag.relative_to(folder)) if bag != folder else bag.name


def _size(bag: Path) -> int:
    """Return the size of a recording, in [byte]."""
    files = bag.rglob('*') if bag.is_dir() else (bag,)
    return sum(path.stat().st_size for path in files if path.is_file())


def scan_report(found: Sequence[ScannedRecording], model: ModelUnderTest) -> dict[str, object]:
    """Return the report on all recordings."""
    return {
        'verdict': found[0].verdict,
        'passed': found[0].verdict == 'within',
        'recordings': [entry.report for entry in found],
        'counts': counts(found),
        'model': model_facts(model.policy),
        'rules': model.rules_name,
        'versions': replay_versions(),
    }


def counts(found: Sequence[ScannedRecording]) -> dict[str, int]:
    """Return the number of recordings per verdict."""
    return {name: sum(entry.verdict == name for entry in found) for name in VERDICTS}


def exit_status(found: Sequence[ScannedRecording]) -> int:
    """Return 1 if any recording fails, 2 if one is inconclusive, else 0."""
    return VERDICTS[found[0].verdict][2]


def scan_page(found: Sequence[ScannedRecording], policy: LoadedPolicy) -> list[Section]:
    """Return the sections of the page."""
    heading, *lines = table_lines(_HEADINGS, [_row(entry) for entry in found], _RIGHT)
    verdict = ', '.join(
        f'{number} {VERDICTS[name][0]}' for name, number in counts(found).items() if number
    )
    model = f'model  {policy.path.name}: {policy.spec.name}, sha256 {policy.sha256[:12]}'
    return [
        Section(title='replay', lines=[model]),
        Section(
            title=f'recordings: {len(found)}, the worst first',
            lines=[heading, *styled_rows(lines, (VERDICTS[entry.verdict][1] for entry in found))],
        ),
        Section(
            title='verdict',
            lines=[styled(verdict, 'good' if found[0].verdict == 'within' else 'error')],
        ),
    ]


def _summary(name: str, outcome: Outcome, model: ModelUnderTest) -> ScannedRecording:
    """Return the figures of a replay, without its arrays."""
    result, _, found = outcome
    playback = result.playback
    first = found.differences[0] if found.differences else None
    breaches = [breach.text for breach in found.breaches]
    why = breaches[0] if breaches else ''
    if len(breaches) > 1:
        why += f' (and {len(breaches) - 1} more)'
    if not breaches and first is None:
        why = _drive_fit(outcome)
    return ScannedRecording(
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
        suite=replay_suite(
            model.policy, str(result.source.recording.path), list(junit_cases(found)), name
        ),
    )


def _unusable(name: str, bag: Path, why: str, model: ModelUnderTest) -> ScannedRecording:
    return ScannedRecording(
        name=name,
        verdict='unusable',
        why=why,
        report={
            'verdict': 'unusable',
            'passed': False,
            'recording': {'path': str(bag)},
            'error': why,
        },
        suite=replay_suite(model.policy, str(bag), [('replay', 'usable', why)], name),
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
    """Return how well targets explain the efforts, which replaces a comparison of commands."""
    inspection = outcome.found.inspection
    if inspection is None or inspection.drive_fit is None:
        return 'neither commands nor efforts are recorded'
    fit = inspection.drive_fit
    return f'targets explain {fit.median_r_squared:.1%} of the {fit.reference}'


def _row(entry: ScannedRecording) -> tuple[str, ...]:
    return (
        entry.name,
        VERDICTS[entry.verdict][0],
        str(entry.ticks or ''),
        _percent(entry.valid),
        _percent(entry.equal),
        entry.largest,
        entry.first,
        textwrap.shorten(entry.why, _MAX_REASON, placeholder=' ...'),
    )


def _percent(share: float) -> str:
    return '' if math.isnan(share) else f'{math.floor(share * 1000) / 10:g}%'
