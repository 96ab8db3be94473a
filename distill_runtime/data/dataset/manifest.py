# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""The manifest of a dataset: student, teachers, rules, and the facts of all parts.

The parts are the truth: their list in the manifest is made from their files, so that a kill
between a part and the manifest loses nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
import json
import os
from pathlib import Path
from typing import Any

from distill_runtime.errors import ConfigError, DatasetError

from .part import find_parts, Part, part_path, remove_leftovers, temporary_file

FORMAT = 1
MANIFEST = 'manifest.json'


Facts = Mapping[str, Any]


class Manifest:
    """Facts of a dataset.

    Attributes:
        folder: Of the dataset.
        student: `name`, `sha256`, `spec`, and what else describes the student.
        teachers: The same of each teacher, by sha256.
        facts: Everything else that concerns all parts, such as rules and versions.
        parts: All complete parts, by name of the bag, then by key.
    """

    def __init__(
        self, folder: Path, student: Facts, teachers: Sequence[Facts], facts: Facts
    ) -> None:
        """Find the parts; nothing is written.

        Raises:
            DatasetError: If a part cannot be read.
        """
        self.folder = folder
        self.student = student
        self.teachers = teachers
        self.facts = facts
        self.parts: Sequence[Part] = find_parts(folder)

    def is_done(self, key: str) -> bool:
        """Whether a part is complete; true as soon as its writer has closed it."""
        return part_path(self.folder, key).is_file()

    def write(self) -> None:
        """Find the parts again, and write the file atomically.

        Raises:
            DatasetError: If a part cannot be read, or the file cannot be written.
        """
        self.parts = find_parts(self.folder)
        report = {
            'format': FORMAT,
            'student': self.student,
            'teachers': self.teachers,
            **self.facts,
            'parts': [{'file': part.path.name, **part.facts} for part in self.parts],
        }
        text = json.dumps(report, indent=1, sort_keys=True, allow_nan=False)
        path = self.folder / MANIFEST
        try:
            unfinished, file = temporary_file(path)
        except OSError as error:
            raise DatasetError(f'{path} cannot be written: {error.strerror}') from error
        try:
            with file:
                file.write(f'{text}\n'.encode())
                file.flush()
                os.fsync(file.fileno())
                os.replace(unfinished, path)
        except OSError as error:
            raise DatasetError(f'{path} cannot be written: {error.strerror}') from error
        finally:
            with suppress(OSError):
                unfinished.unlink()


def open_manifest(
    folder: Path, student: Facts, teachers: Sequence[Facts], facts: Facts | None = None
) -> Manifest:
    """Create a dataset, or open one to add parts; write its manifest.

    What writers that no longer run have left is removed.

    Args:
        folder: Created if it does not exist.
        student: See Manifest.
        teachers: See Manifest; those of earlier runs are kept.
        facts: Rules, versions and options; they replace those of an earlier run.

    Raises:
        ConfigError: If the folder holds the dataset of another student, or other files.
        DatasetError: If it cannot be read or written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        names = [path.name for path in folder.iterdir()]
    except OSError as error:
        raise DatasetError(f'{folder} cannot be used: {error.strerror}') from error
    known: dict[str, Facts] = {}
    if MANIFEST in names:
        earlier = read_manifest(folder)
        _check_student(folder, earlier.student, student)
        known = {str(teacher['sha256']): teacher for teacher in earlier.teachers}
    elif not all(name.startswith('.') for name in names):
        raise ConfigError(f'{folder} has files but no {MANIFEST}, expected a dataset or no files')
    known.update({str(teacher['sha256']): teacher for teacher in teachers})
    remove_leftovers(folder)
    manifest = Manifest(folder, student, [known[sha256] for sha256 in sorted(known)], facts or {})
    manifest.write()
    return manifest


def read_manifest(folder: Path) -> Manifest:
    """Read the manifest of a dataset.

    Raises:
        DatasetError: If the folder is not a dataset, or cannot be read.
    """
    path = folder / MANIFEST
    try:
        report = json.loads(path.read_bytes())
        if report['format'] != FORMAT:
            raise DatasetError(f'{path} has format {report["format"]}, expected {FORMAT}')
        del report['format'], report['parts']
        student, teachers = report.pop('student'), report.pop('teachers')
        for model in (student, *teachers):
            model['name'], model['sha256']
    except OSError as error:
        raise DatasetError(
            f'{path} cannot be read: {error.strerror}: is it the folder of a dataset?'
        ) from error
    except (ValueError, KeyError, TypeError) as error:
        raise DatasetError(f'{path} is not the manifest of a dataset: {error!r}') from error
    return Manifest(folder, student, teachers, report)


def _check_student(folder: Path, earlier: Facts, student: Facts) -> None:
    """Refuse another student, and the same network with another spec."""
    if earlier['sha256'] != student['sha256']:
        raise ConfigError(
            f'{folder} is the dataset of student {earlier["name"]!r}, sha256 '
            f'{str(earlier["sha256"])[:12]}, expected that of {student["name"]!r}, sha256 '
            f'{str(student["sha256"])[:12]}: choose another folder'
        )
    # as it is read back: a tuple becomes a list
    if earlier.get('spec') != json.loads(json.dumps(student.get('spec'))):
        raise ConfigError(
            f'{folder} is the dataset of student {earlier["name"]!r} with another spec, '
            'expected the same: choose another folder'
        )
