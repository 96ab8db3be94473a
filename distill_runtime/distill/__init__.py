# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""From a teacher to a smaller student that needs less: states, labels, training, export.

Dimension names: ``B`` counts rows of a batch, ``T`` steps of an episode; ``obs_dim`` and
``act_dim`` are those of the student.
"""
