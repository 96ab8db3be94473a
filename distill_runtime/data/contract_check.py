# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""What the recording of a replay says of the contract: the verdict where no commands are recorded.

Where there are commands and they differ, it says which other contract would explain them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from distill_runtime.policy.model import LoadedPolicy
from distill_runtime.spec.description import RobotDescription
import numpy as np

from .doctor.inspection import inspect, Inspection
from .recording import Recording
from .replay import Replay
from .streams import JointStream
from .verdict import Breach

MAX_INSPECTED = 30_000
"""Ticks above which no better contract is looked for: it takes dozens of replays."""


def inspect_contract(
    replay: Replay, policy: LoadedPolicy, robot: RobotDescription | None, is_outside: bool
) -> Inspection | None:
    """Ask the recording about the contract; None: it is too long to try others.

    Args:
        replay: Of the policy.
        policy: Whose spec is the contract.
        robot: Its motor order is one of those that are tried.
        is_outside: Whether something differs, so that only a better contract is of interest.
    """
    is_long = len(replay.playback.mode) > MAX_INSPECTED
    if is_outside and is_long:
        return None
    recording = _with_commands(replay, policy.spec.joints)
    return inspect(policy.spec, policy.session, recording, robot, tries_variants=not is_long)


def _with_commands(replay: Replay, joints: Sequence[str]) -> Recording:
    """Return the recording with its commands as the inspection takes them."""
    source = replay.source
    commands = source.commands
    if commands is None or commands.kind != 'commands' or np.isnan(commands.values).any():
        return source.recording
    stream = JointStream(
        topic=commands.topic,
        joints=tuple(joints),
        stamp_ns=commands.receive_ns if commands.stamp_ns is None else commands.stamp_ns,
        receive_ns=commands.receive_ns,
        position=commands.values,
        velocity=None,
        effort=None,
    )
    return replace(source.recording, joint_command=stream)


def contract_breaches(inspection: Inspection) -> list[Breach]:
    """Return what a right contract does not have."""
    return [
        Breach(
            what='contract',
            name=finding.code,
            metric='finding',
            value=1.0,
            limit=0.0,
            text=f'{finding.code}: {finding.message}',
        )
        for finding in inspection.findings
        if finding.severity in ('error', 'warning')
    ]
