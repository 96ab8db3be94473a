# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""A synthetic policy for the shipped quadruped: it stands, and leans with what it measures."""

from __future__ import annotations

import numpy as np

from .models import save_linear
from .sim import QUADRUPED_JOINTS, QUADRUPED_POSE

SPEC = f"""
spec_version: 1
name: leaning
period: 0.02
joints: {list(QUADRUPED_JOINTS)}
default_position: {list(QUADRUPED_POSE)}
stiffness: {[35.0] * 12}
damping: {[0.5] * 12}
inputs:
  - name: obs
    terms:
      - {{term: base_angular_velocity, scale: 0.25}}
      - {{term: projected_gravity}}
      - {{term: velocity_command}}
      - {{term: joint_position, relative: true}}
      - {{term: joint_velocity, scale: 0.05}}
outputs:
  action: {{name: actions, scale: 0.25, offset: default}}
"""


def write_leaning_policy(folder):
    """Write model and spec; return their paths."""
    weights = np.random.default_rng(0).normal(0.0, 0.05, (33, 12)).astype(np.float32)
    model, spec = folder / 'leaning.onnx', folder / 'leaning.yaml'
    save_linear(model, weights)
    spec.write_text(SPEC)
    return model, spec
