# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""One policy at run time: observation, network, action, and the state between steps."""
