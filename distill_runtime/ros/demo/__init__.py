# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""A simulated robot as a node, and the monitor of the demo."""
