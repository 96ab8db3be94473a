# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Distill a teacher into a smaller student with fewer inputs: rollouts, labels, training, export.

Dimension names: ``B`` rows of a batch, ``T`` steps of an episode; ``obs_dim`` and ``act_dim`` are
those of the student.
"""
