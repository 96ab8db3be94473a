# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Relabeling many recordings: resumed, in processes, with bad ones among them."""

from __future__ import annotations

import contextlib
from dataclasses import replace
import json
import os
from pathlib import Path
import random
import signal
import subprocess
import sys
import threading
import time

from distill_runtime.cli.main import main
from distill_runtime.data.dataset.dataset import Dataset, Selection
from distill_runtime.data.relabel.config import PolicyFile, RelabelConfig
from distill_runtime.data.relabel.run import name_bags, relabel
from distill_runtime.errors import ConfigError
from distill_runtime.policy.model import load_policy
import numpy as np
import pytest
from support.bags import imu, MS, write_bag
from support.logged_run import LIMITS, run_node, write_log
from support.ros_policies import TERMS, write_policy

pytestmark = pytest.mark.needs('policy')
GENTLE = {'action': {'scale': 0.05}}


@pytest.fixture
def student(tmp_path):
    return write_policy(tmp_path, name='student.onnx', **GENTLE)


@pytest.fixture
def config(student, tmp_path):
    teacher = write_policy(tmp_path, *TERMS[::-1], name='teacher.onnx', **GENTLE)
    return RelabelConfig(
        student=PolicyFile(model=student),
        teachers=(PolicyFile(model=teacher),),
        parameters=tuple(LIMITS.items()),
    )


@pytest.fixture
def bags(tmp_path, student):
    """Return a folder of recordings of different lengths."""
    policy = load_policy(student)
    for number in range(5):
        write_log(tmp_path / 'bags' / f'walk{number}', run_node(policy, 60 + 20 * number))
    return tmp_path / 'bags'


def content(folder):
    """Return the content of all files."""
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def words(config, bags, output):
    return [
        'relabel', str(bags), '--student', str(config.student.model), '--teacher',
        str(config.teachers[0].model), '-o', str(output),
        *(word for name, value in config.parameters for word in ('-p', f'{name}:={value}')),
    ]  # fmt: skip


def test_all_ways_give_the_same_dataset(config, bags, tmp_path, capsys):
    results = relabel([bags], config, tmp_path / 'one')
    assert [result.name for result in results] == [f'walk{number}' for number in range(5)]
    assert not any(result.problem or result.labeled.was_done for result in results)
    assert main([*words(config, bags, tmp_path / 'two'), '--workers', '2']) == 0
    assert 'walk4' in capsys.readouterr().out
    assert content(tmp_path / 'one') == content(tmp_path / 'two')
    again = relabel([bags], config, tmp_path / 'one')
    assert all(result.labeled.was_done for result in again)
    assert content(tmp_path / 'one') == content(tmp_path / 'two')
    rows = Dataset(tmp_path / 'one').load(['bag', 'step', 'label'], Selection())
    assert len(rows['step']) == sum(60 + 20 * number for number in range(5))
    assert np.isfinite(rows['label']).all()


def test_a_killed_run_goes_on_and_ends_the_same(config, bags, tmp_path):
    relabel([bags], config, tmp_path / 'undisturbed')
    command = [
        sys.executable,
        '-m',
        'distill_runtime.cli.main',
        *words(config, bags, tmp_path / 'killed'),
    ]
    rng = random.Random(0)
    for _ in range(3):
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        time.sleep(rng.uniform(0.5, 3.0))
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert subprocess.run(command, stdout=subprocess.DEVNULL, check=False).returncode == 0
    assert content(tmp_path / 'killed') == content(tmp_path / 'undisturbed')


@pytest.mark.filterwarnings('ignore')
def test_a_ray_cluster_gives_the_same_dataset_though_a_worker_dies(config, bags, tmp_path):
    pytest.importorskip('ray')
    relabel([bags], config, tmp_path / 'one')
    is_done, killed = threading.Event(), []

    def kill_one():
        """Kill the first process that works on a recording."""
        while not killed and not is_done.wait(0.005):
            killed.extend(kill(process) for process in ray_tasks()[:1])

    killer = threading.Thread(target=kill_one)
    killer.start()
    try:
        results = relabel([bags], config, tmp_path / 'ray', ray='local', workers=2)
    finally:
        is_done.set()
        killer.join()
    assert killed
    assert not any(result.problem for result in results)
    for path in (tmp_path / 'ray').glob(
        '.*.tmp'
    ):  # of the killed process; removed at the next run
        path.unlink()
    assert content(tmp_path / 'ray') == content(tmp_path / 'one')


def ray_tasks():
    """Return the processes of this process's cluster that run a unit."""
    parents, titles = {}, {}
    for path in Path('/proc').glob('[0-9]*'):
        with contextlib.suppress(OSError):
            state = (path / 'stat').read_text().rpartition(')')[2].split()
            parents[int(path.name)] = int(state[1])
            titles[int(path.name)] = (path / 'cmdline').read_bytes()
    return [
        process
        for process, title in titles.items()
        if title.startswith(b'ray::attempt_remotely')
        and os.getpid() in ancestors(process, parents)
    ]


def ancestors(process, parents):
    while process := parents.get(process, 0):
        yield process


def kill(process):
    os.kill(process, signal.SIGKILL)
    return process


def test_recordings_that_cannot_be_used_do_not_stop_the_others(config, bags, tmp_path, capsys):
    write_bag(bags / 'blind', [imu(1000 * MS, (1, 0, 0, 0), (0, 0, 0))])
    (bags / 'torn.mcap').write_bytes(b'no recording')
    path = tmp_path / 'result.json'
    assert main([*words(config, bags, tmp_path / 'labels'), '--json', str(path)]) == 1
    out = capsys.readouterr().out
    assert 'recordings that cannot be used' in out
    assert '5 of 7 recordings' in out
    report = json.loads(path.read_text())
    assert report['passed'] is False
    problems = {entry['bag']: entry['problem'] for entry in report['recordings']}
    assert 'no sensor_msgs/msg/JointState' in problems['blind']
    assert problems['torn']
    assert len(list((tmp_path / 'labels').glob('part-*'))) == 5
    assert main([*words(config, bags / 'blind', tmp_path / 'none')]) == 2


def test_a_dataset_belongs_to_one_student_and_one_set_of_options(config, bags, tmp_path):
    output = tmp_path / 'labels'
    relabel([bags / 'walk0'], config, output)
    before = content(output)
    other = write_policy(tmp_path, *TERMS[1:], name='other.onnx', **GENTLE)
    with pytest.raises(ConfigError, match='is the dataset of student'):
        relabel([bags / 'walk0'], replace(config, student=PolicyFile(model=other)), output)
    (result,) = relabel([bags / 'walk0'], replace(config, thin=2), output)
    assert 'by teachers of this run with other options' in result.problem
    assert {name: value for name, value in content(output).items() if 'part' in name} == {
        name: value for name, value in before.items() if 'part' in name
    }
    (result,) = relabel(
        [bags / 'walk0'], replace(config, teachers=(PolicyFile(model=other),)), output
    )
    assert not result.problem
    teachers = set(Dataset(output).load(['teacher'], Selection())['teacher'].tolist())
    assert teachers == {'teacher', 'other'}


def test_recordings_are_named_as_short_as_is_unambiguous(tmp_path):
    paths = [tmp_path / 'a' / 'walk', tmp_path / 'b' / 'walk', tmp_path / 'run']
    for path in paths:
        path.mkdir(parents=True)
    assert [unit.name for unit in name_bags(paths)] == ['a/walk', 'b/walk', 'run']
    with pytest.raises(ConfigError, match='given twice'):
        name_bags([paths[0], paths[0]])


@pytest.mark.parametrize(
    ('more', 'text'),
    [
        (['--teacher', 'no_such.onnx'], 'no_such.onnx cannot be read'),
        (['--teacher', 'x=STUDENT', '--teacher', 'x=STUDENT'], "teachers ['x'] have one name"),
        (['--rules', 'RULES'], "rules[0] names the teacher 'nobody'"),
        (['--features', 'first'], "features is 'first', expected last, all"),
        (['--topic', 'imu'], "topics is 'imu', expected pairs such as"),
        (['-p', 'no_such:=1'], "parameter 'no_such' is unknown"),
        (['--thin', '0'], 'thin is 0, expected at least 1'),
    ],
)
def test_wrong_options_are_refused(config, bags, tmp_path, capsys, more, text):
    rules = tmp_path / 'rules.yaml'
    rules.write_text('rules: [{teacher: nobody}]')
    known = {'RULES': str(rules), 'x=STUDENT': f'x={config.student.model}'}
    given = [known.get(word, word) for word in more]
    assert main([*words(config, bags, tmp_path / 'labels'), *given]) == 2
    assert text in capsys.readouterr().err
    assert not (tmp_path / 'labels').exists()


@pytest.mark.parametrize(
    ('text', 'problem'),
    [
        ('rules: []', 'rules is empty'),
        ('rules: [{teacher: a, mix: {a: 1.0}}]', 'needs one of teacher and mix'),
        ('rules: [{mix: {a: 0.5}}]', 'expected a sum of 1'),
        ('rules: [{mix: {a: -1.0}}]', 'expected above 0'),
        ('rules: [{teacher: a, when: {command: {vz: [0, 1]}}}]', 'expected ranges of'),
        ('rules: [{teacher: a, when: {vx: [0, 1]}}]', 'expected it below'),
        ('rules: [{teacher: a, when: {time: [2, 1]}}]', 'expected [least, greatest]'),
        ('rules: [{teacher: a, when: {topic: /t}}]', 'needs one of equals and range'),
        ('rules: [{teacher: a, when: {equals: 1}}]', 'need a topic'),
    ],
)
def test_wrong_rules_are_refused_with_their_place(config, bags, tmp_path, capsys, text, problem):
    rules = tmp_path / 'rules.yaml'
    rules.write_text(text)
    assert main([*words(config, bags, tmp_path / 'labels'), '--rules', str(rules)]) == 2
    err = capsys.readouterr().err
    assert problem in err
    assert str(rules) in err


def test_rules_that_leave_rows_open_are_reported_and_rules_without_effect_refused(
    config, bags, tmp_path, capsys
):
    rules = tmp_path / 'rules.yaml'
    rules.write_text('rules: [{teacher: teacher, when: {time: [0.0, 0.5]}}]')
    given = ['--rules', str(rules)]
    assert main([*words(config, bags / 'walk0', tmp_path / 'some'), *given]) == 0
    out = capsys.readouterr().out
    assert 'no rule holds\n34 ticks with a label' in out
    rules.write_text('rules: [{teacher: teacher, when: {time: [100.0, 200.0]}}]')
    assert main([*words(config, bags / 'walk0', tmp_path / 'none'), *given]) == 2
    out = ' '.join(capsys.readouterr().out.split())
    assert 'the rules choose none of its 60 labels' in out
    assert not list((tmp_path / 'none').glob('*part-*'))


def test_full_disk_is_reported_and_finished_parts_stay(config, bags, tmp_path):
    output = tmp_path / 'labels'
    relabel([bags / 'walk0'], config, output)
    (part,) = output.glob('part-*')
    before = part.read_bytes()
    given = words(config, bags, output)
    limit = f'ulimit -f 16; exec {sys.executable} -m distill_runtime.cli.main "$@"'
    done = subprocess.run(
        ['bash', '-c', limit, 'bash', *given], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1, done.stdout + done.stderr
    assert done.stdout.count('cannot be written: File too large') == 4
    assert '1 of 5 recordings' in done.stdout
    assert [path.name for path in output.glob('*part-*')] == [part.name]
    assert part.read_bytes() == before
    assert main(given) == 0
    assert len(list(output.glob('part-*'))) == 5
