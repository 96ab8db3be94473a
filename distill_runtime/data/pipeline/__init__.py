# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Recordings to rows: what a policy saw at each tick, chunk by chunk."""
