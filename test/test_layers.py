# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

import pytest
from support.layers import imported_modules, violations


@pytest.mark.parametrize(
    ('source', 'path', 'expected'),
    [
        ('import numpy as np', 'core/action.py', []),
        ('from distill_runtime.errors import ShapeError', 'core/action.py', []),
        ('from .limits import limit_targets', 'core/action.py', []),
        ('import yaml', 'core/action.py', ['core/action.py imports yaml']),
        ('from time import time', 'core/action.py', ['core/action.py imports time.time']),
        ('from time import time', 'ros/loop.py', []),
        ('def f():\n    import torch', 'policy/state.py', ['policy/state.py imports torch']),
        (
            'from distill_runtime.spec import compile',
            'core/runner.py',
            ['core/runner.py imports distill_runtime.spec.compile'],
        ),
        (
            'from distill_runtime import spec',
            'core/runner.py',
            ['core/runner.py imports distill_runtime.spec'],
        ),
        (
            'from ..spec.spec import PolicySpec',
            'core/runner.py',
            ['core/runner.py imports distill_runtime.spec.spec.PolicySpec'],
        ),
        ('from distill_runtime.sim.robot import Robot', 'ros/demo/sim_node.py', []),
        (
            'from distill_runtime.sim.robot import Robot',
            'ros/student_node.py',
            ['ros/student_node.py imports distill_runtime.sim.robot.Robot'],
        ),
        ('from distill_runtime.share import share_path', 'spec/robots.py', []),
        (
            'from distill_runtime.share import share_path',
            'core/runner.py',
            ['core/runner.py imports distill_runtime.share.share_path'],
        ),
        ('import numpy', 'errors.py', ['errors.py imports numpy']),
    ],
)
def test_layer_table(source, path, expected):
    assert violations(source, Path(path)) == expected


def test_relative_import_in_a_package_is_resolved_from_the_package():
    assert imported_modules('from .a import b', 'p.core.__init__') == {'p.core.a.b'}
    assert imported_modules('from . import a', 'p.core.b') == {'p.core.a'}
