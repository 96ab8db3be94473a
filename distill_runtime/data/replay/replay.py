# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Replay a policy over a recording."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from distill_runtime.core.arrays import FloatArray
from distill_runtime.data.recording.policy_recording import PolicyRecording
from distill_runtime.policy.model import LoadedPolicy
import numpy as np

from .anomalies import Anomaly, find_anomalies
from .config import ReplayConfig
from .driver import FollowLog
from .recorded_run import find_run, RecordedRun
from .step_loop import play, Playback
from .swap_driver import FollowSwaps, make_swap_log


@dataclass(frozen=True, kw_only=True, eq=False)
class Replay:
    """Result of a policy over a recording."""

    source: PolicyRecording
    run: RecordedRun
    playback: Playback
    is_approximate: bool
    """Whether valid ticks may still depend on the time before the recording, or on samples that
    the log of an older node does not name.
    """
    anomalies: tuple[Anomaly, ...]
    """Of the recording."""

    @property
    def commands(self) -> FloatArray:
        """What the policy would send, in units of the recorded commands, (T, num_joints)."""
        commands = self.source.commands
        is_effort = commands is not None and commands.kind == 'efforts'
        if is_effort and self.playback.effort is not None:
            return self.playback.effort
        return self.playback.command


def replay(
    source: PolicyRecording,
    policy: LoadedPolicy,
    config: ReplayConfig,
    progress: Callable[[int, int], None] | None = None,
) -> Replay:
    """Run a policy over a recording.

    Args:
        source: The recording.
        policy: The policy.
        config: Parameters of the node.
        progress: See play.

    Raises:
        ConfigError: If the control rate does not fit the recording's ticks.
        RecordingError: If the recording cannot be used.
    """
    run, log = find_run(source, policy, config), source.log
    runner = policy.runner(run.config)
    driver: FollowLog | FollowSwaps | None = None
    if log is not None:
        swaps = make_swap_log(policy, run)
        if swaps is None:
            driver = FollowLog(run, runner)
        else:
            runner, swap_log = swaps
            run = replace(run, is_other=np.zeros_like(run.is_other))
            driver = FollowSwaps(FollowLog(run, runner), swap_log)
    playback = play(
        source.recording,
        run.ticks,
        runner,
        driver,
        network=policy.session,
        needs_effort=source.commands is not None and source.commands.kind == 'efforts',
        progress=progress,
    )
    lacks_names = log is not None and not set(source.recording.externals) <= set(log.externals)
    return Replay(
        source=source,
        run=run,
        playback=playback,
        is_approximate=(driver is not None and driver.is_approximate)
        or (bool(run.is_same_model) and lacks_names),
        anomalies=find_anomalies(source, run.ticks, runner),
    )
