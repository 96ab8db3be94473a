# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Units of work in this process, in a pool and on a Ray cluster: same results, deaths included."""

from __future__ import annotations

from functools import partial
import os
from pathlib import Path
import socket
import subprocess
import sys
import time

from distill_runtime.data.workers import run_units
from distill_runtime.errors import MissingExtraError, RecordingError, WorkerError
import pytest
from support.work import work

UNITS = ['a', 'bad bag', 'dies once', 'b', 'unpicklable', 'dies', 'a long one']
TEST = Path(__file__).resolve().parents[1]


def results_of(folder, units, **options):
    return dict(run_units(partial(work, folder), units, cost=len, **options))


def text(result):
    return f'{type(result).__name__}: {result}' if isinstance(result, Exception) else result[0]


@pytest.fixture
def ray_paths(monkeypatch):
    """Make this folder importable to the workers of a cluster."""
    paths = [str(TEST), str(TEST.parent), os.environ.get('PYTHONPATH', '')]
    monkeypatch.setenv('PYTHONPATH', os.pathsep.join(filter(None, paths)))


@pytest.mark.parametrize('how', ['pool', 'ray'])
def test_failures_and_deaths_concern_their_unit_alone(how, tmp_path, ray_paths, request):
    if how == 'ray':
        pytest.importorskip('ray')
        request.applymarker(pytest.mark.filterwarnings('ignore'))
    progress = []
    results = results_of(
        tmp_path,
        UNITS,
        workers=2,
        ray='local' if how == 'ray' else '',
        progress=lambda done, total: progress.append((done, total)),
    )

    assert sorted(results) == list(range(len(UNITS)))
    for unit in ('a', 'dies once', 'b', 'a long one'):
        done, process, threads = results[UNITS.index(unit)]
        assert (done, threads) == (unit, '1')
        assert process != os.getpid()
    assert text(results[1]) == 'RecordingError: it is empty'
    assert text(results[4]) == 'WorkerError: UnpicklableError: a name'
    assert isinstance(results[5], WorkerError)
    assert '2 times' in str(results[5])
    # every unit ran to its end once
    assert sorted((tmp_path / 'log').read_text().split('\n')) == [
        '', 'a', 'a long one', 'b', 'dies once',
    ]  # fmt: skip
    total = sum(map(len, UNITS))
    assert len(progress) == len(UNITS)
    assert progress[-1] == (total, total)


def test_in_this_process_units_run_in_order(tmp_path):
    units = ['a', 'bad bag', 'a long one']
    results = list(run_units(partial(work, tmp_path), units, cost=len))
    assert [text(result) for _, result in results] == [
        'a', 'RecordingError: it is empty', 'a long one',
    ]  # fmt: skip
    assert isinstance(results[1][1], RecordingError)
    assert results[0][1][1] == os.getpid()


def test_pool_names_the_signal_and_starts_the_largest_unit_first(tmp_path):
    results = results_of(tmp_path, ['dies', 'b', 'long', 'longer'], workers=2)
    assert text(results[0]) == (
        'WorkerError: its worker process ended with signal 9, 2 times: is there enough memory?'
    )
    assert (tmp_path / 'log').read_text().split()[-1] == 'b'


def test_no_worker_survives_a_killed_parent(tmp_path):
    program = (
        'import sys; from functools import partial; from pathlib import Path\n'
        'from distill_runtime.data.workers import run_units\n'
        'from support.work import wait_forever\n'
        "if __name__ == '__main__':\n"
        '    list(run_units(partial(wait_forever, Path(sys.argv[1])), ["a", "b"], workers=2))\n'
    )
    path = os.pathsep.join([str(TEST), str(TEST.parent)])
    parent = subprocess.Popen(
        [sys.executable, '-c', program, str(tmp_path)],
        env={**os.environ, 'PYTHONPATH': path},
    )
    workers = [wait_for(lambda name=name: read_pid(tmp_path / name)) for name in 'ab']
    parent.kill()
    parent.wait()
    for worker in workers:
        wait_for(lambda worker=worker: not is_running(worker))


def read_pid(path):
    return int(path.read_text() or 0) if path.exists() else 0


def is_running(process):
    try:
        state = Path(f'/proc/{process}/stat').read_text().rpartition(')')[2].split()[0]
    except OSError:
        return False
    return state != 'Z'  # ended; nobody has waited for it


def wait_for(condition):
    deadline = time.monotonic() + 60.0
    while not (value := condition()):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return value


def test_workers_end_with_the_iteration(tmp_path):
    results = run_units(partial(work, tmp_path), ['a', 'b', 'c'], workers=2)
    _, (_, process, _) = next(results)
    results.close()
    assert not is_running(process)


@pytest.mark.filterwarnings('ignore')
def test_no_cluster_at_the_address_is_one_message(tmp_path):
    pytest.importorskip('ray')
    with socket.create_server(('127.0.0.1', 0)) as server:
        port = server.getsockname()[1]
    with pytest.raises(WorkerError, match=f"Ray at '127.0.0.1:{port}' cannot be used: .*refused"):
        results_of(tmp_path, ['a'], ray=f'127.0.0.1:{port}')


def test_missing_ray_names_the_extra(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, 'ray', None)
    monkeypatch.delitem(sys.modules, 'distill_runtime.data.ray_workers', raising=False)
    with pytest.raises(MissingExtraError, match=r'pip install "distill_runtime\[ray\]"'):
        results_of(tmp_path, ['a'], ray='local')
