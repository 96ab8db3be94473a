# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""What a policy says about itself: the spec, its file forms, and its compilation."""
