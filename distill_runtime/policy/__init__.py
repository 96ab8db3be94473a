# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""ONNX policies: sessions, recurrent state, golden vectors, and loading of model files."""
