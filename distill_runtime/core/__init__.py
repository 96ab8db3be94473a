# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Sensors in, joint command out: pure numpy, no clock, no files, no logging.

Glossary of array dimensions: ``num_joints`` joints of the policy, ``obs_dim`` elements of all
network inputs together, ``act_dim`` elements of the network output, ``frame_dim`` elements of one
tensor's terms at one tick, ``vector_dim`` elements of the runner's sensor vector.
"""
