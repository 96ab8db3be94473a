# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Label the policy steps of one recording with all teachers, chunk by chunk.

Labels do not feed back: each policy reads what was recorded. See docs/relabel.md.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from distill_runtime.core.arrays import BoolArray, FloatArray, IndexArray, StampArray
from distill_runtime.core.compiled_spec import CompiledSpec
from distill_runtime.core.modes import Mode
from distill_runtime.data.bags.bag import Bag
from distill_runtime.data.bags.topics import resolved
from distill_runtime.data.dataset.columns import PartLayout
from distill_runtime.data.pipeline.rows import RecordedRows, Rows
from distill_runtime.data.recording.field_series import read_field
from distill_runtime.data.recording.policy_recording import (
    of_policy,
    PolicyRecording,
    read_policy_recording,
)
from distill_runtime.data.recording.unwrap_time import Timeline
from distill_runtime.data.replay.config import replay_config, ReplayConfig
from distill_runtime.data.ticks.by_stamp import newest_rows, NONE
from distill_runtime.errors import RecordingError
from distill_runtime.policy.model import LoadedPolicy
from distill_runtime.spec.compile import compile_spec, sensor_layout
from distill_runtime.wire.tick_fields import model_number
import numpy as np

from .config import periods_per_step, RelabelConfig
from .executed import ExecutedActions, LoggedActions
from .student import StudentRows
from .teacher import Teacher
from .teacher_rows import TeacherRows

_STILL = 0.1
"""Greatest joint velocity of a robot that stands still, in [rad]/[s]."""


class RecordingLabels:
    """Rows of a dataset part: one per tick and teacher; iterate once."""

    def __init__(
        self,
        bag: Path,
        name: str,
        config: RelabelConfig,
        student: LoadedPolicy,
        teachers: Sequence[LoadedPolicy],
    ) -> None:
        """Read the recording.

        Args:
            bag: The recording.
            name: Its name in the dataset.
            config: Options.
            student: Whose observations are stored.
            teachers: In the order of the options.

        Raises:
            ConfigError: If a policy does not fit the student or the options.
            RecordingError: If the recording cannot be used.
        """
        config.check_policies(student, teachers)
        topics = dict(config.topics)
        source = read_policy_recording(bag, student, topics, config.node, teachers)
        replay = replay_config({**source.parameters, **dict(config.parameters)})
        self._name, self._config, self._source = name, config, source
        self._rows = RecordedRows(of_policy(source, student), student, replay)
        everyone = [student, *teachers]
        compiled = [
            self._rows.compiled,
            *(
                compile_spec(policy.spec, sensor_layout(policy.spec), student.spec.joints)
                for policy in teachers
            ),
        ]
        self._executed, self._for_teachers = executed_actions(
            source, self._rows, replay, compiled, everyone, config
        )
        self._student = StudentRows(student, compiled[0], self._executed, self._rows.reasons)
        self._excluded: dict[str, str] = {}
        self._teachers: list[Teacher] = []
        for number, policy in enumerate(teachers, 1):
            file = config.teachers[number - 1]
            try:
                inputs = TeacherRows(
                    of_policy(source, policy), policy, compiled[number], replay,
                    self._rows.stamp_ns, student.spec.period,
                )  # fmt: skip
            except RecordingError as error:
                if not config.skip_missing or len(teachers) == 1:
                    hint = '' if len(teachers) == 1 else '; --skip-missing labels without it'
                    raise RecordingError(f'{bag}: teacher {file.label}: {error}{hint}') from error
                self._excluded[file.label] = str(error)
                continue
            self._teachers.append(
                Teacher(
                    number,
                    config,
                    policy,
                    compiled[number],
                    inputs,
                    self._for_teachers,
                    periods_per_step(student, policy),
                )
            )
        if not self._teachers:
            raise RecordingError(f'{bag}: no teacher has its inputs: {self._excluded}')
        self._values = rule_values(bag, config, source, self._rows)
        self._tag = dict(config.tags).get(name, '')
        self._counts: Counter[str] = Counter()
        self._reasons: dict[str, Counter[str]] = {t.name: Counter() for t in self._teachers}
        self._texts: dict[str, str] = {}
        self._standing = 0

    def layout(self, *, half: bool) -> PartLayout:
        """Return the widths of the columns; half: features are float16."""
        widths = {teacher.compiled.action.width for teacher in self._teachers}
        num_joints = len(self._rows.compiled.joints.names)
        extra: dict[str, int | None] = {'student_target': num_joints, 'velocity_command': 3}
        for teacher in self._teachers:
            for name, width in teacher.extra_widths.items():
                extra[name] = width if extra.get(name, width) == width else None
        return PartLayout(
            observation=self._student.obs_dim,
            action=self._rows.compiled.action.width,
            command=num_joints,
            label=widths.pop() if len(widths) == 1 else None,
            extra=extra,
            half_features=half,
        )

    def __len__(self) -> int:
        """Return the number of ticks."""
        return len(self._rows)

    @property
    def receive_ns(self) -> StampArray:
        """When the message of each tick was received, shape (T,)."""
        return self._rows.receive_ns

    def __iter__(self) -> Iterator[list[dict[str, Any]]]:
        """Yield the columns of each teacher's rows, chunk by chunk."""
        for rows in self._rows:
            yield self._label(rows)

    def refuse_unused_rules(self) -> None:
        """Refuse rules that choose no label, after the last chunk.

        Raises:
            RecordingError: If labels are valid, and none is chosen.
        """
        names = [teacher.name for teacher in self._teachers]
        num_valid = sum(self._counts[f'valid.{name}'] for name in names)
        if num_valid and not any(self._counts[f'chosen.{name}'] for name in names):
            raise RecordingError(
                f'{self._source.recording.path}: the rules choose none of its {num_valid} labels, '
                'expected a teacher for some: do their conditions fit, is a last rule without '
                'when missing?'
            )

    def facts(self) -> dict[str, object]:
        """Return what is known after the last chunk, as plain values."""
        log = self._source.log
        return {
            'bag': self._name,
            'ticks': len(self._rows),
            'rows': self._counts['rows'],
            'between_steps': self._counts['between_steps'],
            'thinned': self._counts['thinned'],
            'without_rule': self._counts['without_rule'],
            'seconds': float(np.ptp(self._rows.stamp_ns)) * 1e-9 if len(self._rows) else 0.0,
            'ticks_from': 'stamps' if log is None else f'{log.node}/tick',
            'student': {
                'last_action': self._student.last_action,
                'ran': self._counts['student_ran'],
            },
            'teachers': {
                teacher.name: {
                    'last_action': teacher.last_action,
                    'network': teacher.method,
                    'valid': self._counts[f'valid.{teacher.name}'],
                    'chosen': self._counts[f'chosen.{teacher.name}'],
                    'invalid': dict(sorted(self._reasons[teacher.name].items())),
                }
                for teacher in self._teachers
            },
            'excluded': self._excluded,
            'reason_texts': dict(sorted(self._texts.items())),
            'damage': list(self._source.damage),
        }

    def _label(self, rows: Rows) -> list[dict[str, Any]]:
        """Return the columns of a chunk, by teacher."""
        steps = np.flatnonzero(rows.is_step)
        chunk = slice(rows.first_tick, rows.first_tick + len(rows.stamp_ns))
        executed = self._executed.read(chunk, steps, rows.sent, rows.sensors)
        student = self._student.read(rows, steps, executed)
        if self._for_teachers is not self._executed:
            executed = self._for_teachers.read(chunk, steps, rows.sent, rows.sensors)
        command = rows.sensors[:, self._rows.compiled.layout.velocity_command]
        weights = self._config.rules.weights(
            [teacher.name for teacher in self._teachers],
            command=command,
            time=(rows.stamp_ns - self._rows.stamp_ns[0]) * 1e-9,
            values={key: values[chunk] for key, values in self._values.items()},
            tag=self._tag,
        )
        keep = self._kept(rows)
        shared = {
            'bag': self._name,
            'step': rows.first_tick + keep,
            'stamp_ns': rows.stamp_ns[keep],
            'observation': student.observation[keep],
            'action': student.action[keep],
            'command': rows.sent[keep],
            'student_target': student.target[keep],
            'velocity_command': command[keep].astype(np.float32),
            'mode': rows.mode[keep].astype(np.int8),
            'warm_up': student.warm_up[keep],
            'saturated': student.saturated[keep],
            'limited': student.limited[keep],
            'student_ran': student.ran[keep],
        }
        self._counts['student_ran'] += int(student.ran[keep].sum())
        self._texts.update(student.texts)
        is_open = ~weights[keep].any(axis=1)
        has_label = np.zeros(len(keep), np.bool_)
        columns = []
        for number, teacher in enumerate(self._teachers):
            found = teacher.label(rows, steps, executed, student)
            self._texts.update(found.texts)
            weight = weights[keep, number]
            reason = found.reason[keep]
            valid = reason == ''
            has_label |= valid
            self._counts['rows'] += len(keep)
            self._counts[f'valid.{teacher.name}'] += int(valid.sum())
            self._counts[f'chosen.{teacher.name}'] += int((valid & (weight > 0.0)).sum())
            self._reasons[teacher.name].update(reason[~valid].tolist())
            columns.append(
                {
                    **shared,
                    'teacher': teacher.name,
                    'teacher_sha256': teacher.sha256,
                    'label': found.label[keep],
                    'label_target': found.target[keep],
                    'valid': valid,
                    'reason': reason.tolist(),
                    'weight': weight.astype(np.float32),
                    'chosen': weight > 0.0,
                    **{name: values[keep] for name, values in found.extras.items()},
                }
            )
        self._counts['without_rule'] += int((has_label & is_open).sum())
        return columns

    def _kept(self, rows: Rows) -> IndexArray:
        """Return the rows to store: not those between policy steps, and not those thinned."""
        is_policy = np.isin(rows.mode, [Mode.POLICY, Mode.STOPPING])
        keep = rows.is_step | ~is_policy | (rows.reason != 0)
        self._counts['between_steps'] += int((~keep).sum())
        return np.flatnonzero(keep & ~self._thinned(rows))

    def _thinned(self, rows: Rows) -> BoolArray:
        """Return the rows to leave out while the robot stands still."""
        every = self._config.thin
        if every == 1:
            return np.zeros(len(rows.stamp_ns), np.bool_)
        layout = self._rows.compiled.layout
        still = rows.valid & rows.is_step
        still &= ~rows.sensors[:, layout.velocity_command].any(axis=1)
        still &= (np.abs(rows.sensors[:, layout.joint_velocity]) < _STILL).all(axis=1)
        thinned = np.zeros(len(still), np.bool_)
        for row, is_still in enumerate(still.tolist()):
            thinned[row] = is_still and self._standing % every != 0
            self._standing = self._standing + 1 if is_still else 0
        self._counts['thinned'] += int(thinned.sum())
        return thinned


def executed_actions(
    source: PolicyRecording,
    rows: RecordedRows,
    replay: ReplayConfig,
    compiled: Sequence[CompiledSpec],
    policies: Sequence[LoadedPolicy],
    config: RelabelConfig,
) -> tuple[ExecutedActions, ExecutedActions]:
    """Find what was executed: for the student, and for the teachers as the options ask.

    Raises:
        RecordingError: If the options ask for what is not recorded.
    """
    logged = []
    log = source.log
    if log is not None:
        for number, policy in enumerate(policies):
            is_active = log.model == model_number(policy.sha256)
            values = rows.logged_actions(policy.session.action.size) if is_active.any() else None
            if values is not None:
                logged.append(LoggedActions(policy=number, is_active=is_active, values=values))
    commands = source.commands
    has_commands = (
        commands is not None and commands.kind == 'commands' and rows.ticks_per_step == 1
    )
    executed = ExecutedActions(compiled, replay.runner, logged, has_commands)
    path = source.recording.path
    if config.last_action == 'executed' and not logged:
        raise RecordingError(
            f'{path} has no ~/action of the student or a teacher, expected it for --last-action '
            'executed'
        )
    if config.last_action != 'commands' or not logged:
        if config.last_action == 'commands' and not has_commands:
            raise RecordingError(
                f'{path} has no joint command per policy step, expected it for --last-action '
                'commands'
            )
        return executed, executed
    return executed, ExecutedActions(compiled, replay.runner, (), has_commands)


def rule_values(
    bag: Path, config: RelabelConfig, source: PolicyRecording, rows: RecordedRows
) -> dict[tuple[str, str], FloatArray]:
    """Return the numbers that rules read, at each tick, NaN before the first message.

    Raises:
        RecordingError: If the recording lacks a topic or a field.
    """
    found: dict[tuple[str, str], FloatArray] = {}
    if not config.rules.topics:
        return found
    node = '/student_node' if source.log is None else source.log.node
    timeline = Timeline(rows.stamp_ns, rows.receive_ns)
    with Bag(bag) as opened:
        for name, field in config.rules.topics:
            full = resolved(name, node)
            topic = next((topic for topic in opened.topics if topic.name == full), None)
            if topic is None or not topic.num_messages:
                raise RecordingError(
                    f'{bag} has no topic {full!r}, which the rules read: it has '
                    f'{[topic.name for topic in opened.topics]}'
                )
            stream = read_field(opened, topic, field)
            if stream.values.shape[1] != 1:
                raise RecordingError(
                    f'{bag}: {full} has {stream.values.shape[1]} numbers in {field!r}, expected '
                    f'one: name an element, such as {field}[0]'
                )
            newest = newest_rows(stream, timeline, rows.receive_ns)
            found[name, field] = np.where(newest == NONE, np.nan, stream.values[newest, 0])
    return found
