# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""How fast a recording becomes observations and actions: many rows at once, or step by step.

The recording is that of benchmarks.replay: 10 minutes of a quadruped at 500 Hz, the shipped
student at 50 Hz. The step path is a replay. The batch path reads rows of ticks, computes
observations from them, and runs the network: row by row on its own last action, as a replay does,
with observations and actions equal bit for bit; and on many rows at once, on last actions that are
given, as for recordings that hold the executed actions.

    taskset -c 0 python -m benchmarks.batch
    python -m benchmarks.batch --memory --minutes 30
"""

from __future__ import annotations

import json
from pathlib import Path
import time
from typing import NamedTuple

from distill_runtime.core.arrays import Float32Array
from distill_runtime.core.instance.batch import BatchObservations, clipped_actions
from distill_runtime.data.pipeline.observations import observations
from distill_runtime.data.pipeline.rows import rows_of
from distill_runtime.data.recording.policy_recording import read_policy_recording
from distill_runtime.data.replay.replay import replay
from distill_runtime.policy.model import LoadedPolicy
from distill_runtime.policy.offline.batch import BatchPolicy
import numpy as np

from .replay import CONFIG, measured


class Steps(NamedTuple):
    """What a policy reads and gives at each tick."""

    observation: Float32Array
    action: Float32Array


def by_step(path: Path, policy: LoadedPolicy) -> Steps:
    """Step the runner of the robot."""
    playback = replay(read_policy_recording(path, policy), policy, CONFIG).playback
    return Steps(playback.observation[:], playback.action)


def by_row(path: Path, policy: LoadedPolicy) -> Steps:
    """Compute observations in chunks; run the network row by row."""
    chunks = list(observations(rows_of(path, policy, CONFIG), policy))
    return Steps(
        np.concatenate([chunk.observation for chunk in chunks]),
        np.concatenate([chunk.action for chunk in chunks]),
    )


def by_batch(path: Path, policy: LoadedPolicy, executed: Float32Array) -> Steps:
    """Compute observations in chunks, from given actions; run the network on many rows."""
    recorded, network = rows_of(path, policy, CONFIG), BatchPolicy(policy)
    batch = BatchObservations(recorded.compiled)
    actions = clipped_actions(recorded.compiled.action, executed)
    last_action = np.concatenate((np.zeros_like(actions[:1]), actions[:-1]))
    observed, given = [], []
    for rows in recorded:
        end = rows.first_tick + len(rows.stamp_ns)
        observed.append(
            batch.compute(rows.sensors, last_action[rows.first_tick : end], rows.starts)
        )
        given.append(network.run(observed[-1], rows.starts))
    return Steps(np.concatenate(observed), np.concatenate(given))


def measure(path: Path, policy: LoadedPolicy) -> dict[str, float]:
    """Go all ways once; return seconds of the processor, and the largest difference of an action.

    What counts is the time of the processor, not of the clock: neighbours take none of it.
    """
    begin = time.process_time()
    stepped = by_step(path, policy)
    step_end = time.process_time()
    in_rows = by_row(path, policy)
    row_end = time.process_time()
    in_batch = by_batch(path, policy, stepped.action)
    batch_end = time.process_time()
    np.testing.assert_array_equal(in_rows.observation, stepped.observation)
    np.testing.assert_array_equal(in_rows.action, stepped.action)
    np.testing.assert_array_equal(in_batch.observation, stepped.observation)
    return {
        'step_s': step_end - begin,
        'row_s': row_end - step_end,
        'batch_s': batch_end - row_end,
        'largest_difference': float(np.abs(in_batch.action - stepped.action).max()),
    }


def read_once(path: Path, policy: LoadedPolicy) -> None:
    """Go through all observations once."""
    for _ in observations(rows_of(path, policy, CONFIG), policy):
        pass


def main() -> None:
    """Measure and print."""
    _, runs = measured(__doc__, measure, read_once)
    print(json.dumps({name: [round(run[name], 9) for run in runs] for name in runs[0]}))


if __name__ == '__main__':
    main()
