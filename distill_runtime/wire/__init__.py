# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Message layouts: CDR bytes to numbers, for one message and for many, and prepared output."""
