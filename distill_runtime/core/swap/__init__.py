# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Swaps of the policy while the robot walks: candidate, history, switcher."""
