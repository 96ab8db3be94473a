# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Networks run over recorded observations: many rows at once, and with inner tensors exposed."""
