# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Content of files with something wrong in it, for hypothesis."""

from __future__ import annotations

import contextlib
import copy
from pathlib import Path

from distill_runtime.errors import ConfigError
from distill_runtime.spec.dialect import ModelContext
from distill_runtime.spec.readers.registry import read_content
from distill_runtime.spec.sources import merge_sources
from hypothesis import given
from hypothesis import strategies as st
import pytest

_WRONG = (
    None, True, -1, 0, 3, 2**70, 0.5, float('inf'), float('nan'), '', 'x', 'a/b', [], {}, [[]],
    [None], [1.0], {'x': 1}, [{'x': []}], [float('nan')] * 6,
)  # fmt: skip


def _paths(content, path=()):
    """Return the paths of all values inside of a content."""
    if isinstance(content, dict):
        entries = list(content.items())
    elif isinstance(content, list):
        entries = list(enumerate(content))
    else:
        return []
    found = [(*path, key) for key, _ in entries]
    for key, value in entries:
        found += _paths(value, (*path, key))
    return found


@st.composite
def damaged(draw, content):
    """Return a copy of a content with one to three values replaced or taken out."""
    content = copy.deepcopy(content)
    for _ in range(draw(st.integers(1, 3))):
        paths = _paths(content)
        if not paths:
            break
        *parents, key = draw(st.sampled_from(paths))
        target = content
        for parent in parents:
            target = target[parent]
        if draw(st.booleans()):
            target[key] = copy.deepcopy(draw(st.sampled_from(_WRONG)))
        else:
            del target[key]
    return content


def damage_test(content, path, robot=None):
    """Return a test: the content of a file, damaged, is read and merged, or refused."""
    context = ModelContext(model=Path('walk.onnx'), robot=robot)
    return _read_or_refused(
        damaged(content), lambda content: read_content(content, Path(path), context)
    )


def metadata_damage_test(metadata, read):
    """Return a test: metadata, with any text under one of its keys, is read or refused."""
    texts = st.text() | st.text('0123456789.,;[]()-einfa{}":')
    changes = st.tuples(st.sampled_from(sorted(metadata)), texts)
    return _read_or_refused(changes.map(lambda change: {**metadata, change[0]: change[1]}), read)


def _read_or_refused(contents, read):
    @pytest.mark.fuzz
    @given(contents)
    def test(content):
        with contextlib.suppress(ConfigError):
            merge_sources([read(content)])

    return test
