# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""The recording of a demo: student_node makes it, under a name of its choice."""

from __future__ import annotations

from pathlib import Path

from distill_runtime.cli.terminal.extras import of_extra
from distill_runtime.errors import ConfigError, RecordingError


class Recorder:
    """Finds the recording that student_node adds to a folder."""

    def __init__(self, folder: Path) -> None:
        """Make the folder, and note what it holds.

        Raises:
            ConfigError: If it cannot be made.
            MissingExtraError: If student_node could not write a recording.
        """
        with of_extra('bags'):
            import distill_runtime.data.flight_recorder.bag_writer  # noqa: F401  student_node writes it so
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ConfigError(f'--record {folder} cannot be made: {error.strerror}') from error
        self._folder = folder
        self._others = self._complete()

    def recording(self) -> Path:
        """Return the newest one since.

        Raises:
            RecordingError: If there is none that is complete.
        """
        found = sorted(self._complete() - self._others)
        if not found:
            raise RecordingError(
                f'{self._folder} has no complete recording of this run, expected one: see the '
                'messages of student_node above'
            )
        return found[-1]

    def _complete(self) -> set[Path]:
        return {path.parent for path in self._folder.glob('*/metadata.yaml')}
