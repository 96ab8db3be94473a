# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Recordings: bags as arrays, the ticks of a replay, and what a recording says of a policy."""
