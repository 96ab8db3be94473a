# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Replay a model over a recording and assess the result."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import NamedTuple

from distill_runtime.cli.terminal.arguments import read_topics
from distill_runtime.cli.terminal.progress import Progress
from distill_runtime.data.recording.policy_recording import read_policy_recording
from distill_runtime.data.replay.assessment import assess, Assessment
from distill_runtime.data.replay.config import assignment, parameters_in, replay_config
from distill_runtime.data.replay.replay import Replay, replay
from distill_runtime.data.replay.verdict import read_thresholds
from distill_runtime.policy.model import load_policy
from distill_runtime.spec.robots import load_robot


class Outcome(NamedTuple):
    """Result over one recording."""

    result: Replay
    other: Replay | None
    """Replay of the reference model; None: the reference is the recording."""
    found: Assessment


class ModelUnderTest:
    """A policy with its reference, thresholds and parameters, shared by all recordings.

    Attributes:
        policy: The policy.
        rules_name: File of the thresholds, or ``default``.
    """

    def __init__(self, args: argparse.Namespace) -> None:
        """Load the files that the arguments name.

        Raises:
            DistillError: If one of them cannot be used.
        """
        path = Path(args.rules).expanduser() if args.rules else None
        self._thresholds = read_thresholds(path, args.tolerance)
        self._explains: bool = args.explain
        self.rules_name: str = args.rules or 'default'
        self._parameters = _parameters(args)
        replay_config(self._parameters)  # fail here, not once per recording
        self._topics = read_topics(args.topic)
        self._node: str = args.node
        self.policy = load_policy(args.model, args.spec or None, args.robot)
        self._robot = load_robot(args.robot) if args.robot else None
        self._reference = None
        if args.against != 'recorded':
            self._reference = load_policy(args.against, args.against_spec or None, args.robot)

    def run(self, bag: Path, progress: Progress) -> Outcome:
        """Replay the policy over a recording, and assess it.

        Raises:
            DistillError: If the recording cannot be used.
        """
        progress.stage(f'reading {bag.name}')
        source = read_policy_recording(bag, self.policy, self._topics, self._node)
        config = replay_config({**source.parameters, **self._parameters})
        progress.stage(f'replaying {bag.name}')
        result = replay(source, self.policy, config, progress)
        other = None
        if self._reference is not None:
            progress.stage(f'replaying {self._reference.path.name} over {bag.name}')
            theirs = read_policy_recording(bag, self._reference, self._topics, self._node)
            other = replay(theirs, self._reference, config, progress)
        progress.stage(f'comparing {bag.name}')
        found = assess(
            result, self.policy, self._thresholds, self._robot, other, explains=self._explains
        )
        return Outcome(result, other, found)


def _parameters(args: argparse.Namespace) -> dict[str, object]:
    """Read the parameters; later ones override earlier ones, and -p overrides files."""
    parameters: dict[str, object] = {}
    for file in args.params_file:
        parameters.update(parameters_in(Path(file).expanduser()))
    parameters.update(map(assignment, args.param))
    return parameters
