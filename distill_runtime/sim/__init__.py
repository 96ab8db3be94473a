# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""A simulated robot: a MuJoCo scene with the sensors and commands of a real one.

Dimension names: ``num_joints`` counts the joints of the policy, as in ``core``.
"""
