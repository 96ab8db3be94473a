# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""The package as users install it: built by colcon in a workspace, and as a wheel."""

from __future__ import annotations

from configparser import ConfigParser
from importlib.metadata import distributions
from pathlib import Path
import shutil
import signal
import subprocess
import sys
from sysconfig import get_path
import time
import zipfile

import pytest

REPOSITORY = Path(__file__).resolve().parents[1]
NOT_COPIED = ('.*', '__pycache__', '*.egg-info', 'build', 'dist', 'install', 'log')
EXECUTABLES = {'distill-runtime', 'sim_node', 'relabel_node', 'student_node'}
SHARED_PATTERNS = ('launch/*.launch.py', 'config/**/*.yaml', 'models/*.onnx')
COLCON = 'import sys; from colcon_core.command import main; sys.exit(main())'
SOURCED = 'source install/setup.bash && exec "$@"'

pytestmark = pytest.mark.needs('package')


def run(*command, cwd):
    result = subprocess.run(command, cwd=cwd, capture_output=True, text=True)
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


def shared_files():
    """Return the files for share/distill_runtime, at least one of each kind."""
    files = []
    for pattern in SHARED_PATTERNS:
        found = [path.relative_to(REPOSITORY) for path in REPOSITORY.glob(pattern)]
        assert found, f'nothing matches {pattern}'
        files += found
    return files


def package_files():
    """Return the modules of the package and its data files."""
    package = REPOSITORY / 'distill_runtime'
    files = [package / 'py.typed', package / 'sim' / 'quadruped.xml', *package.rglob('*.py')]
    return [path.relative_to(REPOSITORY) for path in files]


def copy_sources(target):
    shutil.copytree(REPOSITORY, target, ignore=shutil.ignore_patterns(*NOT_COPIED))
    return target


@pytest.fixture(scope='module', params=[(), ('--symlink-install',)], ids=['copied', 'symlinked'])
def workspace(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp('workspace')
    copy_sources(folder / 'src' / 'distill_runtime')
    run(sys.executable, '-c', COLCON, 'build', *request.param, cwd=folder)
    return folder


@pytest.fixture(scope='module')
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp('wheel')
    sources = copy_sources(folder / 'sources')
    options = ('--no-deps', '--no-build-isolation', '--no-index', '--wheel-dir', str(folder))
    run(sys.executable, '-m', 'pip', 'wheel', *options, str(sources), cwd=folder)
    (path,) = folder.glob('*.whl')
    with zipfile.ZipFile(path) as archive:
        yield archive


def test_colcon_installs_the_executables(workspace):
    folder = workspace / 'install' / 'distill_runtime' / 'lib' / 'distill_runtime'
    assert {path.name for path in folder.iterdir()} == EXECUTABLES


def test_colcon_installs_what_launch_files_look_up(workspace):
    share = workspace / 'install' / 'distill_runtime' / 'share'
    for path in [Path('package.xml'), *shared_files()]:
        installed = share / 'distill_runtime' / path
        assert installed.read_bytes() == (REPOSITORY / path).read_bytes(), path
    assert (share / 'ament_index' / 'resource_index' / 'packages' / 'distill_runtime').is_file()
    # colcon adds this hook only to ament_python packages
    assert (share / 'distill_runtime' / 'hook' / 'ament_prefix_path.sh').is_file()


def test_colcon_installs_every_module(workspace):
    # a running executable is not enough: it would find a missing folder in a checkout that is
    # installed in editable form
    program = 'import distill_runtime; print(distill_runtime.__path__[0])'
    command = ('bash', '-c', SOURCED, 'bash', sys.executable, '-c', program)
    used = Path(run(*command, cwd=workspace).strip())
    assert workspace in used.parents
    for path in package_files():
        assert (used.parent / path).is_file(), path


def test_installed_executable_runs(workspace):
    executable = 'install/distill_runtime/lib/distill_runtime/distill-runtime'
    output = run('bash', '-c', SOURCED, 'bash', executable, '--help', cwd=workspace)
    assert 'usage: distill-runtime' in output


def wait_for_node(name, process):
    """Wait until a node of this name is in the graph, or its process has ended."""
    import rclpy
    from rclpy.executors import SingleThreadedExecutor

    context = rclpy.Context()
    rclpy.init(context=context)
    watcher = rclpy.create_node('watcher', context=context)
    executor = SingleThreadedExecutor(context=context)
    executor.add_node(watcher)
    deadline = time.monotonic() + 30.0
    try:
        while name not in watcher.get_node_names() and process.poll() is None:
            assert time.monotonic() < deadline, f'no node {name!r} within 30 s'
            executor.spin_once(timeout_sec=0.1)
    finally:
        executor.shutdown()
        watcher.destroy_node()
        rclpy.shutdown(context=context)


@pytest.mark.needs('ros')
def test_installed_node_appears_and_ends_on_interrupt(workspace):
    executable = 'install/distill_runtime/lib/distill_runtime/student_node'
    process = subprocess.Popen(
        ['bash', '-c', SOURCED, 'bash', executable, '--ros-args', '-r', '__node:=installed'],
        cwd=workspace,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        wait_for_node('installed', process)
        process.send_signal(signal.SIGINT)
        output, _ = process.communicate(timeout=10.0)
    finally:
        process.kill()
        process.stdout.close()
    assert process.returncode == 0, output
    assert 'Traceback' not in output


def test_wheel_holds_scripts_and_data(wheel):
    (entry_points,) = [name for name in wheel.namelist() if name.endswith('entry_points.txt')]
    parser = ConfigParser()
    parser.read_string(wheel.read(entry_points).decode())
    assert set(parser['console_scripts']) == EXECUTABLES

    names = set(wheel.namelist())
    assert {str(path) for path in package_files()} <= names
    for path in shared_files():
        assert any(name.endswith(f'share/distill_runtime/{path}') for name in names), path
    assert {name.partition('/')[0].partition('-')[0] for name in names} == {'distill_runtime'}


def test_plain_install_puts_the_scripts_beside_python():
    if not list(distributions(name='distill_runtime', path=[get_path('purelib')])):
        pytest.skip('distill_runtime is not installed by pip here')
    assert {path.name for path in Path(get_path('scripts')).iterdir()} >= EXECUTABLES
