# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Optional libraries that each test folder needs, and whether they may be missing."""

from __future__ import annotations

from importlib.util import find_spec
import os

MODULES = {
    'cli': ('mujoco', 'rclpy'),
    'data': ('pyarrow', 'rosbags'),
    'distill': ('mujoco', 'onnx', 'torch'),
    'package': ('colcon_core',),
    'policy': ('cryptography', 'onnx'),
    'ros': ('mujoco', 'rclpy'),
    'sim': ('mujoco',),
}


class RequiredSuiteError(Exception):
    """A suite that REQUIRE_SUITES names cannot run here."""


def missing_modules(suite: str) -> list[str]:
    """Return the modules that a suite needs and that are not installed.

    Raises:
        RequiredSuiteError: If one is missing and REQUIRE_SUITES names the suite.
    """
    missing = [module for module in MODULES.get(suite, ()) if find_spec(module) is None]
    if missing and suite in os.environ.get('REQUIRE_SUITES', '').split():
        raise RequiredSuiteError(
            f'REQUIRE_SUITES names {suite!r}, which needs {", ".join(missing)}: run make setup'
        )
    return missing
