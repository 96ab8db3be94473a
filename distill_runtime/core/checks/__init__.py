# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Safety checks: registry, checks of robot and policy, and when a finding becomes a fault."""
