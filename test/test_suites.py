# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest
from support import suites


@pytest.fixture(autouse=True)
def absent_library(monkeypatch):
    monkeypatch.setitem(suites.MODULES, 'sim', ('no_such_module',))


def test_suite_without_its_libraries_is_skipped(monkeypatch):
    monkeypatch.setenv('REQUIRE_SUITES', 'ros')
    assert suites.missing_modules('sim') == ['no_such_module']


def test_required_suite_without_its_libraries_fails(monkeypatch):
    monkeypatch.setenv('REQUIRE_SUITES', 'ros sim')
    message = "REQUIRE_SUITES names 'sim', which needs no_such_module"
    with pytest.raises(suites.RequiredSuiteError, match=message):
        suites.missing_modules('sim')


def test_folder_without_optional_libraries_always_runs(monkeypatch):
    monkeypatch.setenv('REQUIRE_SUITES', 'core')
    assert suites.missing_modules('core') == []
