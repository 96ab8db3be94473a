# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest
from support.policies import write_leaning_policy


@pytest.fixture(scope='session')
def files(tmp_path_factory):
    """Return model and spec of a policy of the shipped quadruped."""
    return write_leaning_policy(tmp_path_factory.mktemp('policy'))
