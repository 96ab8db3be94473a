# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""The flight recorder of a node: what it records, and the process that writes it."""
