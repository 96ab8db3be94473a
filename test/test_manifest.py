# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""package.xml, setup.py and the imports of the package agree."""

from __future__ import annotations

from pathlib import Path
import re
import runpy
import sys
import xml.etree.ElementTree as ET

import pytest
import setuptools
from support.layers import imported_modules, PACKAGE

REPOSITORY = Path(__file__).resolve().parents[1]
MANIFEST = ET.parse(REPOSITORY / 'package.xml').getroot()

PYPI_NAMES = {
    'python3-cryptography': 'cryptography',
    'python3-hypothesis': 'hypothesis',
    'python3-jinja2': 'jinja2',
    'python3-mujoco-pip': 'mujoco',
    'python3-numpy': 'numpy',
    'python3-onnxruntime-pip': 'onnxruntime',
    'python3-pytest': 'pytest',
    'python3-pytest-timeout': 'pytest-timeout',
    'python3-rich': 'rich',
    'python3-rosbags-pip': 'rosbags',
    'python3-yaml': 'PyYAML',
}
IMPORT_NAMES = {'PyYAML': 'yaml'}
ROBOT_EXTRAS = ('bags', 'sign', 'sim')
"""Extras of pip that rosdep installs with this package."""
ROBOT_PACKAGES = {'jinja2'}
"""The part of the extra `report` that rosdep installs."""


@pytest.fixture
def arguments(monkeypatch):
    captured = {}
    monkeypatch.setattr(setuptools, 'setup', captured.update)
    monkeypatch.chdir(REPOSITORY)
    runpy.run_path('setup.py')
    return captured


def manifest_keys(tag):
    return {element.text for element in MANIFEST.iter(tag)}


def pypi_names(requirements):
    return {re.split(r'[<>=!~\[ ;]', requirement)[0] for requirement in requirements}


@pytest.mark.parametrize('field', ['name', 'version', 'license'])
def test_manifest_and_setup_agree_on(field, arguments):
    assert MANIFEST.findtext(field) == arguments[field]


def test_maintainer_is_the_same(arguments):
    maintainer = MANIFEST.find('maintainer')
    assert maintainer.text == arguments['maintainer']
    assert maintainer.get('email') == arguments['maintainer_email']


def test_dependencies_from_outside_ros_are_the_same(arguments):
    keys = {key for key in manifest_keys('exec_depend') if key.startswith('python3-')}
    required = sum(
        (arguments['extras_require'][extra] for extra in ROBOT_EXTRAS),
        start=arguments['install_requires'],
    )
    assert {PYPI_NAMES[key] for key in keys} == pypi_names(required) | ROBOT_PACKAGES


def test_test_dependencies_are_the_same(arguments):
    keys = {PYPI_NAMES[key] for key in manifest_keys('test_depend')}
    assert keys == pypi_names(arguments['extras_require']['test'])


def test_every_requirement_has_both_bounds(arguments):
    extras = arguments['extras_require'].values()
    for requirement in sum(extras, start=arguments['install_requires']):
        assert re.search(r'>=[\d.]+,<[\d.]+$', requirement), requirement


def test_every_import_is_declared(arguments):
    extras = arguments['extras_require']
    required = pypi_names(sum(extras.values(), start=arguments['install_requires']))
    declared = {IMPORT_NAMES.get(name, name) for name in required}
    declared |= manifest_keys('exec_depend') | set(sys.stdlib_module_names) | {PACKAGE}
    for folder in (PACKAGE, 'launch'):
        for path in (REPOSITORY / folder).rglob('*.py'):
            module = '.'.join(path.relative_to(REPOSITORY).with_suffix('').parts)
            names = imported_modules(path.read_text(), module)
            assert {name.partition('.')[0] for name in names} <= declared, path


@pytest.mark.needs('package')
def test_manifest_is_accepted_by_catkin_pkg():
    # colcon silently builds a package with a manifest that this rejects as plain Python
    from catkin_pkg.package import parse_package

    package = parse_package(str(REPOSITORY), warnings=(warnings := []))
    assert warnings == []
    assert package.get_build_type() == 'ament_python'
