# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from distill_runtime.cli.terminal.output import write_file, write_text
from distill_runtime.errors import ConfigError
import pytest


def test_file_is_replaced_atomically(tmp_path):
    path = tmp_path / 'out.txt'
    path.write_text('old')
    write_text(path, '--out', 'new é')
    assert path.read_text(encoding='utf-8') == 'new é'
    assert [entry.name for entry in tmp_path.iterdir()] == ['out.txt']


@pytest.mark.parametrize(
    ('failure', 'error', 'message'),
    [
        (OSError(28, 'No space left'), ConfigError, '--out .*out.txt cannot be written: No space'),
        (KeyboardInterrupt(), KeyboardInterrupt, ''),
    ],
)
def test_failure_leaves_the_old_file_and_nothing_else(tmp_path, failure, error, message):
    path = tmp_path / 'out.txt'
    path.write_text('old')

    def fail(file):
        file.write(b'half')
        raise failure

    with pytest.raises(error, match=message):
        write_file(path, '--out', fail)
    assert path.read_text() == 'old'
    assert [entry.name for entry in tmp_path.iterdir()] == ['out.txt']
