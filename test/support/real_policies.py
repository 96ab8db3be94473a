# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""The real policies of the shared data, with their specs and robots."""

from __future__ import annotations

from pathlib import Path

_SPECS = Path(__file__).resolve().parents[1] / 'policies'
REAL = {
    'mjlab_anymal_c': 'anymal_c',
    'playground_g1': 'unitree_g1_29dof',
    'playground_go1': 'unitree_go1',
    'rl_sar_go2_himloco': 'unitree_go2',
    'unitree_rl_gym_g1_lstm': 'unitree_g1_12dof',
    'unitree_rl_lab_g1': 'unitree_g1_29dof',
}


def real_words(name, shared_data):
    """Return the words that name a real policy: model, --spec where it has one, --robot."""
    spec = _SPECS / f'{name}.yaml'
    words = [shared_data / 'policies' / name / 'policy.onnx']
    words += ['--spec', spec] if spec.is_file() else []
    return [*words, '--robot', REAL[name]]
