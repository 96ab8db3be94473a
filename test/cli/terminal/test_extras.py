# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from distill_runtime.cli.terminal.extras import of_extra
from distill_runtime.errors import ConfigError, MissingExtraError
import pytest


def test_failed_import_names_the_extra():
    expected = (
        r'^no_such_module is not installed, install it with: '
        r'pip install "distill_runtime\[bags\]"$'
    )
    with pytest.raises(MissingExtraError, match=expected), of_extra('bags'):
        import no_such_module  # noqa: F401


def test_other_errors_are_unchanged():
    with pytest.raises(ConfigError, match=r'^wrong$'), of_extra('bags'):
        raise ConfigError('wrong')
