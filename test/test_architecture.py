# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Layers, licence headers and sizes of the sources."""

from __future__ import annotations

import ast
from collections import Counter
from pathlib import Path
import re
import subprocess
import sys

import pytest
from support.layers import imported_modules, LAYERS, PACKAGE, violations

REPOSITORY = Path(__file__).resolve().parents[1]
SOURCES = sorted((REPOSITORY / PACKAGE).rglob('*.py'))
ALL_FILES = SOURCES + [
    path
    for folder in ('benchmarks', 'fuzz', 'launch', 'test')
    for path in sorted((REPOSITORY / folder).rglob('*.py'))
]
HEADER = (
    '# Copyright 2026 The distill_runtime Authors',
    '# SPDX-License-Identifier: Apache-2.0',
)
MAX_LINES = 400
MAX_MODULES = 15
CATALOGS = {'cli', 'spec/readers'}
"""Folders in which one file is one entry: a command, a dialect."""


def below_repository(path):
    return str(path.relative_to(REPOSITORY))


def test_every_folder_is_a_layer():
    folders = {path.parent.name for path in (REPOSITORY / PACKAGE).glob('*/*.py')}
    assert folders <= LAYERS.keys()


@pytest.mark.parametrize('path', SOURCES, ids=below_repository)
def test_imports_follow_the_layer_table(path):
    assert violations(path.read_text(), path.relative_to(REPOSITORY / PACKAGE)) == []


def test_drawing_of_the_layers_is_their_table():
    page = (REPOSITORY / 'docs' / 'architecture.md').read_text()
    arrows = re.findall(r'^ +(\w+)(?:\[".*?"\])? --> (.+)$', page, re.MULTILINE)
    targets = {layer: set(names.split(' & ')) for layer, names in arrows if layer in LAYERS}

    def reached(layer):
        direct = targets.get(layer, set())
        return direct.union(*map(reached, direct))

    assert {layer: reached(layer) for layer in LAYERS} == LAYERS


def test_core_loads_no_optional_stack():
    program = (
        'import importlib, pkgutil, sys\n'
        'import distill_runtime.core as core\n'
        'for module in pkgutil.walk_packages(core.__path__, "distill_runtime.core."):\n'
        '    importlib.import_module(module.name)\n'
        'print(*{name.partition(".")[0] for name in sys.modules})\n'
    )
    output = subprocess.run(
        [sys.executable, '-c', program], cwd=REPOSITORY, capture_output=True, text=True, check=True
    ).stdout
    loaded = set(output.split())
    assert 'numpy' in loaded
    assert loaded & {'mujoco', 'onnx', 'onnxruntime', 'rclpy', 'rosbags', 'torch', 'yaml'} == set()


@pytest.mark.parametrize('path', ALL_FILES, ids=below_repository)
def test_file_starts_with_the_licence_header(path):
    lines = path.read_text().splitlines()
    if lines[0].startswith('#!'):
        del lines[0]
    assert tuple(lines[:2]) == HEADER


@pytest.mark.parametrize('path', ALL_FILES, ids=below_repository)
def test_file_parses_with_the_oldest_supported_python(path):
    ast.parse(path.read_text(), feature_version=(3, 10))


@pytest.mark.parametrize('path', SOURCES, ids=below_repository)
def test_file_is_short_enough_to_hold_one_idea(path):
    num_lines = len(path.read_text().splitlines())
    assert num_lines <= MAX_LINES


def test_folder_shows_its_modules_at_a_glance():
    package = REPOSITORY / PACKAGE
    modules = Counter(
        path.parent.relative_to(package).as_posix()
        for path in SOURCES
        if path.name != '__init__.py'
    )
    crowded = {folder: count for folder, count in modules.items() if count > MAX_MODULES}
    assert crowded.keys() <= CATALOGS


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
