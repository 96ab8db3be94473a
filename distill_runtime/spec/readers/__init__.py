# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""One reader per dialect; each turns a file of its kind into a SpecSource."""
