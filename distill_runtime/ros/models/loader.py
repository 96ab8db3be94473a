# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""The policy that the parameters of student_node name, from where they let it come."""

from __future__ import annotations

from pathlib import Path

from distill_runtime.errors import ConfigError
from distill_runtime.policy.model import load_policy, LoadedPolicy
from distill_runtime.policy.trust import make_trust
from distill_runtime.ros.node_config import StudentNodeConfig


def load_chosen_policy(config: StudentNodeConfig) -> LoadedPolicy:
    """Load the model that is configured, and refuse it if it may not be used.

    Raises:
        DistillError: If there is none, a file of it lies outside of model_root, it is not signed
            with one of trusted_keys, or anything about it does not fit.
    """
    if not config.model:
        raise ConfigError("model is '', expected the path of an ONNX file")
    return load_policy(
        Path(config.model).expanduser(),
        spec=config.spec or None,
        robot=config.robot or config.robot_description,
        provider=config.provider,
        trust=make_trust(config.model_root, config.trusted_keys),
    )
