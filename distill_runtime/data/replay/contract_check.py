# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""What the recording of a replay says of the contract: the verdict where no commands are recorded.

Where there are commands and they differ, it says which other contract would explain them.
"""

from __future__ import annotations

from dataclasses import replace

from distill_runtime.data.bags.bag import Bag
from distill_runtime.data.diagnosis.inspection import inspect, Inspection
from distill_runtime.data.recording.joint_series import JointStream
from distill_runtime.data.recording.policy_recording import unneeded
from distill_runtime.data.recording.recording import read_inputs, Recording, Wanted
from distill_runtime.policy.model import LoadedPolicy
from distill_runtime.spec.compile import external_terms
from distill_runtime.spec.robot_description import RobotDescription
import numpy as np

from .replay import Replay
from .verdict import Breach

MAX_INSPECTED = 10_000
"""Ticks that are looked at, the first ones: to try other contracts takes dozens of replays."""


def inspect_contract(
    replay: Replay, policy: LoadedPolicy, robot: RobotDescription | None
) -> Inspection:
    """Ask the recording about the contract.

    Args:
        replay: Of the policy.
        policy: Whose spec is the contract.
        robot: Its motor order is one of those that are tried.
    """
    return inspect(policy.spec, policy.session, _first_part(replay, policy), robot)


def _first_part(replay: Replay, policy: LoadedPolicy) -> Recording:
    """Read all rows of the inputs, up to the last tick that is looked at, and the commands."""
    source = replay.source
    log, joints, commands = source.log, source.recording.joints, source.commands
    ticks = replay.playback.ticks
    received_ns = joints.receive_ns[ticks.joints] if log is None else log.receive_ns
    until_ns = int(received_ns[: MAX_INSPECTED + 1][-1])
    wanted = Wanted(
        joints=joints.joints,
        but=unneeded(policy.runner().compiled),
        externals=external_terms(policy.spec),
        node='' if log is None else log.node,
    )
    with Bag(source.recording.path, until_ns) as bag:
        recording = read_inputs(bag, source.topics, wanted)
    if commands is None or commands.kind != 'commands' or np.isnan(commands.values).any():
        return recording
    is_wanted = commands.receive_ns <= until_ns
    stamp_ns = commands.receive_ns if commands.stamp_ns is None else commands.stamp_ns
    stream = JointStream(
        topic=commands.topic,
        joints=policy.spec.joints,
        stamp_ns=stamp_ns[is_wanted],
        receive_ns=commands.receive_ns[is_wanted],
        position=commands.values[is_wanted],
        velocity=None,
        effort=None,
    )
    return replace(recording, joint_command=stream)


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
