# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Shared settings of all tests: isolation from robots, optional suites, shared data."""

from __future__ import annotations

import contextlib
import fcntl
import os
from pathlib import Path
import signal
import tempfile
from typing import IO

from hypothesis import settings
import pytest
from support.suites import missing_modules, MODULES, RequiredSuiteError

REPOSITORY = Path(__file__).resolve().parents[1]
SKIPPED_SUITES = pytest.StashKey[dict[str, list[str]]]()


def reserve_domain() -> tuple[int, IO[bytes]]:
    """Reserve a ROS domain that no other test run on this machine uses; return it and its lock.

    1 to 101 are the domains whose ports are free on every system.
    """
    folder = Path(tempfile.gettempdir()) / f'distill_runtime_domains_{os.getuid()}'
    folder.mkdir(exist_ok=True)
    for offset in range(101):
        domain = 1 + (os.getpid() + offset) % 101
        lock = (folder / str(domain)).open('wb')
        with contextlib.suppress(BlockingIOError):
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return domain, lock
        lock.close()
    raise pytest.UsageError('all 101 ROS domains are in use by other runs of the tests')


# Overrides the caller's environment: tests send joint commands, and neither a robot nor another
# test run may receive them.
_DOMAIN, _DOMAIN_LOCK = reserve_domain()
os.environ['ROS_DOMAIN_ID'] = str(_DOMAIN)
os.environ['ROS_AUTOMATIC_DISCOVERY_RANGE'] = 'LOCALHOST'
# Nodes that are started as users start them write dumps.
_ROS_HOME = tempfile.TemporaryDirectory()
os.environ['ROS_HOME'] = _ROS_HOME.name
if os.environ.get('ROS_DISTRO') == 'humble':
    os.environ['ROS_LOCALHOST_ONLY'] = '1'

# A shell that starts the tests in the background ignores SIGINT, and so would all their children.
signal.signal(signal.SIGINT, signal.default_int_handler)

settings.register_profile('default', deadline=None, derandomize=True, max_examples=50)
settings.register_profile('fuzz', deadline=None, max_examples=5000)
settings.load_profile('default')


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Skip the folder of a suite whose libraries are not installed."""
    if collection_path.parent != REPOSITORY / 'test' or not collection_path.is_dir():
        return None
    try:
        missing = missing_modules(collection_path.name)
    except RequiredSuiteError as error:
        raise pytest.UsageError(str(error)) from None
    if missing:
        config.stash.setdefault(SKIPPED_SUITES, {})[collection_path.name] = missing
        return True
    return None


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """List the suites that were skipped."""
    for suite, missing in config.stash.get(SKIPPED_SUITES, {}).items():
        terminalreporter.write_line(f'skipped test/{suite}: no {", ".join(missing)} here')


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip a test marked needs(*suites) if a library of these suites is missing."""
    for marker in item.iter_markers('needs'):
        for suite in marker.args:
            assert suite in MODULES, f'unknown suite {suite!r}, expected one of {sorted(MODULES)}'
            missing = missing_modules(suite)
            if missing:
                pytest.skip(f'no {", ".join(missing)} here')


@pytest.fixture(scope='session')
def shared_data() -> Path:
    """Return the folder of real policies, robots and recordings, which is not shipped."""
    default = REPOSITORY.parent / 'shared' / 'data'
    path = Path(os.environ.get('DISTILL_RUNTIME_DATA', default))
    if not path.is_dir():
        pytest.skip('no shared data here: DISTILL_RUNTIME_DATA can name its folder')
    return path
