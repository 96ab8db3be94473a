# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Linear policies of three joints, one ONNX file each with its spec inside."""

from __future__ import annotations

import json

import numpy as np

from .models import save_linear
from .specs import DEFAULT, make_spec, spec_mapping

TERMS = (
    {'term': 'base_angular_velocity', 'scale': 0.25},
    {'term': 'projected_gravity'},
    {'term': 'velocity_command'},
    {'term': 'joint_position', 'relative': True},
    {'term': 'joint_velocity', 'scale': 0.05},
    {'term': 'last_action'},
)
JOINT_TERM = {'term': 'joint_position', 'relative': True}
LIMITS = {'position': [[-1.0, 1.0]] * 3, 'velocity': [5.0] * 3, 'effort': [4.0] * 3}
GAINS = {'stiffness': [20.0, 30.0, 40.0], 'damping': [0.5, 0.6, 0.7]}


def write_policy(folder, *terms, name='policy.onnx', width=0, metadata=None, **changes):
    """Write a linear policy with its spec inside; return the path.

    Args:
        folder: Where to.
        terms: Of the observation; none: TERMS.
        name: File name.
        width: Of the graph's input, where it is not to fit the spec.
        metadata: Text instead of the spec.
        changes: Of the spec.
    """
    terms = terms or TERMS
    changes = {'limits': LIMITS, **GAINS, **changes}
    spec = spec_mapping(*terms, **changes)
    if not width and metadata is None:
        checked = make_spec(*terms, **changes)
        width = checked.input_dim(checked.inputs[0])
    weights = np.random.default_rng(0).normal(0.0, 0.3, (width or 1, 3)).astype(np.float32)
    text = json.dumps(spec) if metadata is None else metadata
    return save_linear(folder / name, weights, metadata={'distill_runtime.spec': text})


def joint_target(position):
    """Return what the policy of JOINT_TERM alone wants in a pose, worked out by hand."""
    weights = np.random.default_rng(0).normal(0.0, 0.3, (3, 3)).astype(np.float32)
    observation = (np.asarray(position) - DEFAULT).astype(np.float32)
    return np.clip(DEFAULT + 0.5 * (observation @ weights).astype(float), -1.0, 1.0)
