# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""The recording part of `check`: its topics, and how well the policy explains its commands."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from distill_runtime.cli.terminal.page import Section
from distill_runtime.cli.terminal.tables import table_lines
from distill_runtime.data.diagnosis.bag_case import read_samples, received
from distill_runtime.data.diagnosis.inspection import inspect, Inspection
from distill_runtime.data.recording.series import JointStream, Stream
from distill_runtime.data.ticks.windows import NUM_WINDOWS
from distill_runtime.policy.validation import Validation


class BagInspection:
    """A recording, inspected for a validated model.

    Attributes:
        inspection: Result; empty for a model without a spec.
    """

    def __init__(self, found: Validation, bag: str, topics: Mapping[str, str]) -> None:
        """Read and inspect the recording.

        Args:
            found: The model; for a rejected one only the sensors are checked.
            bag: Path of the recording.
            topics: Topic of the recording per topic of student_node.

        Raises:
            RecordingError: If the recording cannot be used.
        """
        spec = None if found.sourced is None else found.sourced.spec
        self._recording, self._windows = read_samples(Path(bag).expanduser(), topics, spec)
        self.inspection = Inspection(findings=())
        if spec is not None:
            network = None if found.policy is None else found.policy.session
            self.inspection = inspect(
                spec, network, self._recording, found.robot, windows=self._windows
            )

    def section(self) -> Section:
        """Return the section of the page."""
        headings = ('input', 'topic', 'type', 'messages', 'rate', 'dropped')
        rows = [
            (
                name,
                stream.topic.name,
                stream.topic.type.rpartition('/')[2],
                str(stream.topic.num_messages),
                f'{rate:.1f} Hz' if (rate := received(self._windows, name, stream).rate) else '',
                str(stream.num_skipped or ''),
            )
            for name, stream in self._streams()
        ]
        lines = table_lines(headings, rows, {'messages', 'rate', 'dropped'})
        return Section(
            title=f'recording: {self._recording.path}', lines=[*lines, *self._results()]
        )

    def report(self) -> dict[str, object]:
        """Return the part of the report."""
        fit = self.inspection.drive_fit
        return {
            'path': str(self._recording.path),
            'topics': {name: stream.topic.name for name, stream in self._streams()},
            'ticks': self.inspection.num_ticks,
            'valid_ticks': self.inspection.num_valid,
            'reference': None if fit is None else fit.reference,
            'explained': None
            if fit is None
            else {
                name: float(value) for name, value in zip(fit.names, fit.r_squared, strict=True)
            },
        }

    def _streams(self) -> Iterator[tuple[str, Stream | JointStream]]:
        yield from self._recording.inputs()
        yield from self._recording.externals.items()
        if self._recording.joint_command is not None:
            yield 'joint_command', self._recording.joint_command

    def _results(self) -> Iterator[str]:
        result = self.inspection
        if not result.num_ticks:
            yield 'the policy was not run over it'
            return
        what = 'it' if self._windows is None else f'{NUM_WINDOWS} parts of it'
        yield f'the policy was run over {what}: {result.num_ticks} ticks, {result.num_valid} valid'
        fit = result.drive_fit
        if fit is not None:
            worst = int(fit.r_squared.argmin())
            yield (
                f'its targets explain {fit.median_r_squared:.1%} of the recorded '
                f'{fit.reference} (median joint; least: {fit.names[worst]} '
                f'{fit.r_squared[worst]:.1%})'
            )
