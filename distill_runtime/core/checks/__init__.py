# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Safety checks: their registry, what they look at, and when a finding becomes a fault."""
