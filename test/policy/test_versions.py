# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from distill_runtime.policy.versions import versions
import numpy as np


def test_versions_are_those_that_are_installed():
    assert versions('numpy') == {'numpy': np.__version__}


def test_package_that_is_absent_has_an_unknown_version():
    assert versions('no-such-package') == {'no-such-package': 'unknown'}
