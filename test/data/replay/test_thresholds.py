# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from distill_runtime.data.replay.verdict import Limits, read_thresholds
from distill_runtime.errors import ConfigError
import pytest


def thresholds_of(tmp_path, text, tolerance=None):
    path = tmp_path / 'rules.yaml'
    path.write_text(text)
    return read_thresholds(path, tolerance)


def test_tolerance_is_the_default_limit(tmp_path):
    assert read_thresholds(None).limits_of('commands', 'hip') == Limits(max=1e-5)
    assert read_thresholds(None, 0.5).limits_of('action', 'hip') == Limits(max=0.5)
    assert thresholds_of(tmp_path, 'tolerance: 0.1').limits_of('observation', 'x') == Limits(
        max=0.1
    )


def test_tolerance_of_the_command_line_overrides_the_file(tmp_path):
    assert thresholds_of(tmp_path, 'tolerance: 0.1', 0.2).tolerance == 0.2


def test_limits_of_a_joint_or_term_override_the_general_ones(tmp_path):
    thresholds = thresholds_of(
        tmp_path,
        'commands: {rms: 0.1}\njoints: {hip: {max: 0.5}}\nterms: {gravity: {p99: 1}}\n'
        'motion: {lag: 0.1}\n',
    )
    assert thresholds.limits_of('commands', 'hip') == Limits(max=0.5)
    assert thresholds.limits_of('commands', 'knee') == Limits(rms=0.1)
    assert thresholds.limits_of('observation', 'gravity') == Limits(p99=1.0)
    assert thresholds.motion.lag == 0.1


@pytest.mark.parametrize(
    ('text', 'message'),
    [
        ('tolerence: 1', r'rules.yaml: tolerence is unknown, expected one of'),
        ('commands: {mean: 1}', 'commands.mean is unknown'),
        ('joints: {hip: {max: -1}}', r'joints.hip: max is -1.0, expected at least 0'),
        ('joints: [hip]', r"joints is \['hip'\], expected limits by name"),
        ('invalid: 2', 'invalid is 2.0, expected a share from 0 to 1'),
        ('tolerance: -1', 'tolerance is -1.0, expected at least 0'),
        ('- 1', r'expected a mapping'),
    ],
)
def test_wrong_thresholds_are_refused(text, message, tmp_path):
    with pytest.raises(ConfigError, match=message):
        thresholds_of(tmp_path, text)
