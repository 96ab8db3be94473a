# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""The unit of work of relabeling: one recording becomes one part of a dataset."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, fields
from functools import lru_cache
import hashlib
import json
from pathlib import Path
from typing import Any, NamedTuple

from distill_runtime.data.dataset.part import part_path, PartWriter, read_part
from distill_runtime.errors import ConfigError
from distill_runtime.policy.model import LoadedPolicy
from distill_runtime.policy.model_file.model_files import sha256_of
from distill_runtime.spec.compile import compile_spec
from distill_runtime.spec.mapping import to_mapping
from distill_runtime.spec.observation_table import observation_rows

from .config import PolicyFile, RelabelConfig
from .label_topics import LabelBag
from .labels import RecordingLabels

FORMAT = 1
"""Changes when the same recording and options give other rows."""


class Policies(NamedTuple):
    """The policies of a run."""

    student: LoadedPolicy
    teachers: tuple[LoadedPolicy, ...]


@dataclass(frozen=True, kw_only=True)
class BagUnit:
    """One recording."""

    path: Path
    name: str
    """In the dataset."""
    earlier: tuple[tuple[str, Mapping[str, Any]], ...] = ()
    """Key and facts of the parts that the dataset has of a recording with this name."""


@dataclass(frozen=True, kw_only=True)
class Labeled:
    """Result of a unit."""

    key: str
    facts: Mapping[str, Any]
    """Of the part, see RecordingLabels.facts."""
    was_done: bool
    """It was complete before."""


@lru_cache(maxsize=1)
def load_policies(student: PolicyFile, teachers: tuple[PolicyFile, ...]) -> Policies:
    """Load all policies; the newest set is kept for the next recording.

    Raises:
        ConfigError: If a spec is invalid.
        ModelError: If a model cannot be used.
    """
    return Policies(student.load(), tuple(teacher.load() for teacher in teachers))


def label_bag(unit: BagUnit, folder: Path, config: RelabelConfig) -> Labeled:
    """Label a recording, and write its part and, if wanted, its topics.

    Args:
        unit: The recording.
        folder: Of the dataset.
        config: Options.

    Raises:
        ConfigError: If the folder has other labels of these teachers for this recording.
        RecordingError: If the recording cannot be used.
        DatasetError: If the part cannot be written.
    """
    policies = load_policies(config.student, config.teachers)
    bag_sha256 = sha256_of(bag_files(unit.path))
    key = part_key(unit.name, bag_sha256, config, policies)
    path = part_path(folder, key)
    if path.is_file():
        return Labeled(key=key, facts=read_part(path).facts, was_done=True)
    _refuse_others(unit, bag_sha256, key, policies)
    labels = RecordingLabels(unit.path, unit.name, config, *policies)
    facts = {
        'bag_sha256': bag_sha256,
        'teacher_sha256': [policy.sha256 for policy in policies.teachers],
    }
    with ExitStack() as stack:
        writer = stack.enter_context(PartWriter(folder, key, labels.layout(half=config.half)))
        topics = None
        if config.mcap:
            joints = policies.student.spec.joints
            topics = LabelBag(folder / 'mcap' / key, joints, labels.receive_ns)
            stack.callback(topics.discard)
        for columns in labels:
            for rows in columns:
                writer.write(rows)
                if topics is not None:
                    topics.write(rows)
        labels.refuse_unused_rules()
        if topics is not None:
            topics.close()
        writer.close({**labels.facts(), **facts})
    return Labeled(key=key, facts=read_part(path).facts, was_done=False)


def _refuse_others(unit: BagUnit, bag_sha256: str, key: str, policies: Policies) -> None:
    """Refuse to label a recording again with a teacher that has labeled it.

    Raises:
        ConfigError: If the folder has a part with other options.
    """
    hashes = {policy.sha256 for policy in policies.teachers}
    for other, facts in unit.earlier:
        is_same = facts['bag_sha256'] == bag_sha256 and other != key
        if is_same and hashes.intersection(facts['teacher_sha256']):
            raise ConfigError(
                f'{unit.path.name} has labels by teachers of this run with other options, in '
                f'part-{other}.parquet: choose another folder, or remove that part'
            )


def bag_files(path: Path) -> list[Path]:
    """Return the files of a recording, sorted.

    Raises:
        ConfigError: If there is none.
    """
    files = [path] if path.is_file() else sorted(p for p in path.rglob('*') if p.is_file())
    if not files:
        raise ConfigError(f'{path} does not exist, expected a recording')
    return files


def part_key(name: str, bag_sha256: str, config: RelabelConfig, policies: Policies) -> str:
    """Return the key of a part: the same recording, policies and options give the same one."""
    options = {
        entry.name: to_mapping(getattr(config, entry.name))
        for entry in fields(config)
        if entry.name not in ('student', 'teachers', 'mcap')
    }
    options['tags'] = dict(config.tags).get(name, '')
    facts = {
        'format': FORMAT,
        'bag': [name, bag_sha256],
        'student': policy_facts('', policies.student),
        'teachers': teacher_facts(config, policies),
        'options': options,
    }
    text = json.dumps(facts, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def policy_facts(name: str, policy: LoadedPolicy) -> dict[str, object]:
    """Return name, hash and spec of a policy, as the manifest has them."""
    return {
        'name': name or policy.spec.name,
        'sha256': policy.sha256,
        'spec': to_mapping(policy.spec),
    }


def teacher_facts(config: RelabelConfig, policies: Policies) -> list[dict[str, object]]:
    """Return the facts of all teachers, under their names in the options."""
    return [
        policy_facts(file.label, policy)
        for file, policy in zip(config.teachers, policies.teachers, strict=True)
    ]


def student_facts(policy: LoadedPolicy) -> dict[str, object]:
    """Return the facts of the student, with the names of joints and observation elements."""
    names = [''] * policy.session.observation.size
    begin = 0
    for rows, compiled in zip(
        observation_rows(policy.spec, compile_spec(policy.spec)), policy.spec.inputs, strict=True
    ):
        for row in rows:
            for age, (first, last) in zip(row.ages, row.blocks, strict=True):
                suffix = f'.{age}' if age else ''
                for element, index in zip(row.elements, range(first, last + 1), strict=True):
                    names[begin + index] = f'{row.term.kind}.{element}{suffix}'
        begin += policy.spec.input_dim(compiled)
    return {
        **policy_facts('', policy),
        'joints': list(policy.spec.joints),
        'observation_names': names,
    }
