# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Datasets of teacher labels: Parquet parts with a manifest, and what reads them."""
