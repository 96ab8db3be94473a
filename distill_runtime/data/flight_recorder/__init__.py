# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""The flight recorder: a ring buffer in shared memory, and the process that dumps it."""
