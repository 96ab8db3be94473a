# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Relabel recordings into a dataset: resumable, on several processes or machines."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from distill_runtime.data.bags.find_bags import find_bags
from distill_runtime.data.dataset.manifest import open_manifest
from distill_runtime.data.workers import run_units
from distill_runtime.errors import ConfigError
from distill_runtime.policy.versions import versions
from distill_runtime.spec.mapping import to_mapping

from .config import RelabelConfig
from .unit import (
    bag_files,
    BagUnit,
    label_bag,
    Labeled,
    load_policies,
    student_facts,
    teacher_facts,
)

VERSIONS = ('distill_runtime', 'numpy', 'onnxruntime', 'pyarrow', 'rosbags')
"""Packages that labels may depend on."""


@dataclass(frozen=True, kw_only=True)
class BagResult:
    """What became of one recording."""

    path: Path
    name: str
    """In the dataset."""
    labeled: Labeled | None
    problem: str = ''
    """Why it could not be used."""


def relabel(
    bags: Sequence[Path | str],
    config: RelabelConfig,
    output: Path | str,
    *,
    workers: int = 1,
    ray: str = '',
    progress: Callable[[int, int], None] = lambda done, total: None,
    report: Callable[[BagResult], None] | None = None,
) -> list[BagResult]:
    """Label recordings with teachers; parts that are complete are skipped.

    Args:
        bags: Recordings, or folders with recordings.
        config: Student, teachers and options.
        output: Folder of the dataset, created if it does not exist.
        workers: Number of processes.
        ray: Address of a Ray cluster to run on instead, ``local`` for one on this machine.
        progress: Called with the bytes of the recordings that are done, and of all.
        report: Called with each result as it comes.

    Returns:
        One result per recording, in their order.

    Raises:
        ConfigError: If a policy or an option is invalid, the folder is that of another student,
            or there is no recording.
        ModelError: If a model cannot be used.
        DatasetError: If the folder cannot be written.
    """
    folder = Path(output).expanduser()
    units = name_bags([found for bag in bags for found in _recordings(Path(bag).expanduser())])
    policies = load_policies(config.student, config.teachers)
    config.check_policies(*policies)
    facts = {
        'rules': to_mapping(config.rules),
        'versions': versions(*VERSIONS),
    }
    teachers = teacher_facts(config, policies)
    manifest = open_manifest(folder, student_facts(policies.student), teachers, facts)
    earlier: dict[str, list[tuple[str, Mapping[str, Any]]]] = {}
    for part in manifest.parts:
        earlier.setdefault(part.bag, []).append((part.key, part.facts))
    units = [replace(unit, earlier=tuple(earlier.get(unit.name, ()))) for unit in units]
    results: dict[int, BagResult] = {}
    try:
        for index, found in run_units(
            partial(label_bag, folder=folder, config=config),
            units,
            workers=workers,
            ray=ray,
            cost=_size,
            progress=progress,
        ):
            unit = units[index]
            if isinstance(found, Exception):
                result = BagResult(
                    path=unit.path, name=unit.name, labeled=None, problem=str(found)
                )
            else:
                result = BagResult(path=unit.path, name=unit.name, labeled=found)
            results[index] = result
            if report is not None:
                report(result)
    finally:
        manifest.write()
    return [results[index] for index in range(len(units))]


def exit_status(results: Sequence[BagResult]) -> int:
    """Return 0 if all recordings are labeled, 1 if some are, 2 if none is."""
    num_failed = sum(result.labeled is None for result in results)
    return 0 if not num_failed else 1 if num_failed < len(results) else 2


def name_bags(paths: Sequence[Path]) -> list[BagUnit]:
    """Name recordings by the end of their paths, as short as is unambiguous.

    Raises:
        ConfigError: If one is given twice.
    """
    unique = list(dict.fromkeys(path.resolve() for path in paths))
    if len(unique) != len(paths):
        raise ConfigError('a recording is given twice')
    units = []
    for path in unique:
        parts = path.with_suffix('').parts if path.is_file() else path.parts
        count = 1
        while sum(_ends_with(other, parts[-count:]) for other in unique) > 1:
            count += 1
        units.append(BagUnit(path=path, name='/'.join(parts[-count:])))
    return units


def _ends_with(path: Path, parts: tuple[str, ...]) -> bool:
    own = path.with_suffix('').parts if path.is_file() else path.parts
    return own[-len(parts) :] == parts


def _recordings(path: Path) -> list[Path]:
    return find_bags(path) if path.is_dir() else [path]


def _size(unit: BagUnit) -> int:
    """Return the size of a recording in bytes."""
    try:
        return sum(path.stat().st_size for path in bag_files(unit.path))
    except (ConfigError, OSError):
        return 0
