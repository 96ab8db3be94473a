# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""The spec of a policy: its file formats, its validation and its compilation."""
