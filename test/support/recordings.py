# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""The recordings of the shared data, each with the policy that controlled the robot."""

from __future__ import annotations

from dataclasses import dataclass, replace

from distill_runtime.data.bags.bag import Bag
from distill_runtime.data.bags.topics import check_names
from distill_runtime.data.recording.recording import read_inputs, read_positions_command, Recording
from distill_runtime.policy.model import load_policy, LoadedPolicy
import numpy as np

from .real_policies import real_words

PAIRS = {
    'anymal_sim_walk_mcap': 'mjlab_anymal_c',
    'g1_sim_walk_mcap': 'unitree_rl_lab_g1',
    'go2_sim_walk_db3': 'rl_sar_go2_himloco',
}
"""Policy per recording."""


@dataclass(frozen=True)
class Pair:
    """A right contract with a recording of it."""

    policy: LoadedPolicy
    robot: str
    recording: Recording
    expected: dict[str, np.ndarray]
    """stamp_ns, cmd, obs, action and target per tick."""


def load_pair(bag, shared_data):
    """Load a recording and its policy."""
    model, *options = real_words(PAIRS[bag], shared_data)
    words = dict(zip(options[::2], options[1::2], strict=True))
    folder = shared_data / 'recordings' / bag
    with np.load(folder / 'expected.npz') as expected:
        arrays = {key: expected[key] for key in ('stamp_ns', 'cmd', 'obs', 'action', 'target')}
    robot = words['--robot']
    return Pair(
        load_policy(model, words.get('--spec'), robot), robot, read_recording(folder), arrays
    )


def read_recording(path, topics=None, policy_joints=None):
    """Read all inputs of a recording, and the commands to the joints."""
    given = topics or {}
    check_names(given)
    with Bag(path) as bag:
        recording = read_inputs(bag, given)
        return replace(recording, joint_command=read_positions_command(bag, given, policy_joints))
