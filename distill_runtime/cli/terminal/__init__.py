# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Parts that commands share: arguments, tables, pages, progress, output files."""
