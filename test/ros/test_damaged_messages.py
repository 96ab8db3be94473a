# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""The beginning of what `make fuzz` goes on with: damaged messages in a tick."""

from __future__ import annotations

import random

import pytest
from support.damaged_messages import Bombardment, damaged

MESSAGES = 3000
TAKEN = {
    'joint_states.length', 'joint_states.names', 'joint_states.stamp', 'imu.norm', 'imu.stamp',
    'odom.length', 'scan.width', 'goal.not_finite', 'cmd_vel.too_large', 'estop.requested',
}  # fmt: skip
"""Codes that so many messages lead to at least."""


@pytest.mark.parametrize('has_stamped_command', [False, True])
def test_tick_tolerates_damaged_messages_and_commands_stay_within_limits(has_stamped_command):
    bombardment = Bombardment(0, has_stamped_command)
    while bombardment.messages < MESSAGES:
        bombardment.advance()
    assert bombardment.counts.keys() >= TAKEN
    assert bombardment.policy_steps > MESSAGES / 4


def test_damage_is_the_same_in_every_run_and_seldom_none():
    message, others = bytes(range(100)), [bytes(200)]
    first, second = (
        [damaged(message, others, rng) for _ in range(1000)]
        for rng in (random.Random(1), random.Random(1))
    )
    assert first == second
    assert first.count(message) < 100
    assert len(set(first)) > 800
