# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""A simulated robot: a MuJoCo scene that is read and commanded like the real one.

Dimension names: ``num_joints`` counts the joints of the policy, as in ``core``.
"""
