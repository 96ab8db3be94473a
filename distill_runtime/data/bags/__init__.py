# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Bags on disk: rosbag2 (MCAP, sqlite3) and rosbag1 as chunks of serialized messages."""
