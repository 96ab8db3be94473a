# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""One policy at work: observation, network, action, with all the state between steps."""
