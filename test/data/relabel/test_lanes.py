# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Labels of teachers whose period is a multiple of the student's, against one teacher per lane."""

from __future__ import annotations

from distill_runtime.core.modes import Event, POLICY_MODES
from distill_runtime.data.pipeline import rows
from distill_runtime.policy.model import load_policy
import numpy as np
import pytest
from support.bags import MS
from support.logged_run import run_node, write_log
from support.ros_policies import TERMS

from .test_labels import (
    Beside,
    config_of,
    HISTORY,
    label,
    without_commands,
    write_student,
    write_teacher,
)

pytestmark = pytest.mark.needs('policy')
GAIT = {
    'term': 'gait_phase', 'frequency': 1.5, 'offsets': [0.0], 'components': ['cos'],
    'advance': 'after',
}  # fmt: skip


class Lanes:
    """Teachers that run beside the student in turn, and restart with it."""

    def __init__(self, path, student, ticks, count):
        self._path, self._student, self._ticks, self._count = path, student, ticks, count
        self.labels = np.full((ticks, 3), np.nan, np.float32)
        self._tick = self._num_steps = 0
        self._restart()

    def _restart(self):
        self._lanes = [Beside(self._path, self._student, self._ticks) for _ in range(self._count)]

    def step(self, sensors, now_ns, acting):
        if acting.mode in POLICY_MODES:
            lane = self._lanes[self._num_steps % self._count]
            lane._tick, lane.labels = self._tick, self.labels
            lane.step(sensors, now_ns, acting)
            self._num_steps += 1
            self._is_fresh = False
        elif not self._is_fresh:
            self._restart()
            self._is_fresh = True
        self._tick += 1

    _is_fresh = True


@pytest.mark.parametrize('count', [2, 3])
@pytest.mark.parametrize('terms', [(), (*TERMS, GAIT)], ids=['history', 'gait clock'])
@pytest.mark.parametrize('chunk', [None, 7])
def test_each_lane_is_a_teacher_of_its_own(tmp_path, monkeypatch, count, terms, chunk):
    if chunk is not None:
        monkeypatch.setattr(rows, 'CHUNK', chunk)
    student = write_student(tmp_path)
    teacher = write_teacher(tmp_path, *terms, period=0.02 * count)
    policy = load_policy(student)
    beside = Lanes(teacher, policy, 600, count)
    requests = {11: Event.START, 350: Event.RESET_FAULT, 401: Event.START}
    log = run_node(
        policy, 600, requests, start_in='standby', faults={300: 'estop'}, beside=beside.step
    )
    facts, columns = label(write_log(tmp_path / 'bag', log), config_of(student, teacher))
    assert facts['teachers']['teacher']['last_action'] == 'executed'
    found = columns['teacher']
    ran = np.isfinite(beside.labels).all(axis=1)
    assert 450 < ran.sum() < 500
    np.testing.assert_array_equal(found['valid'], ran)
    np.testing.assert_allclose(found['label'][ran], beside.labels[ran], rtol=0, atol=1e-6)


def test_ticks_without_a_log_are_those_of_the_student(tmp_path):
    student = write_student(tmp_path)
    teacher = write_teacher(tmp_path, period=0.04)
    beside = Lanes(teacher, load_policy(student), 300, 2)
    log = run_node(load_policy(student), 300, beside=beside.step)
    bag = write_log(tmp_path / 'bag', log, lambda entry: not entry.topic.startswith('/student'))
    facts, columns = label(bag, config_of(student, teacher))
    assert facts['teachers']['teacher']['last_action'] == 'commands'
    found = columns['teacher']
    assert found['valid'].sum() >= 290
    expected = beside.labels[found['step'][found['valid']]]
    np.testing.assert_allclose(found['label'][found['valid']], expected, rtol=0, atol=1e-6)


def test_own_actions_are_those_of_the_lane(tmp_path):
    student = write_student(tmp_path)
    slow, fast = (
        write_teacher(tmp_path, name=f'{name}.onnx', period=period)
        for name, period in (('slow', 0.04), ('fast', 0.02))
    )
    log = run_node(load_policy(student), 200)
    bag = write_log(tmp_path / 'bag', log, without_commands)
    _, columns = label(bag, config_of(student, slow, fast))
    found, every = columns['slow']['label'], columns['fast']['label']
    np.testing.assert_allclose(found[0], every[0], rtol=0, atol=1e-6)
    assert np.abs(found[1:] - every[1:]).max() > 1e-3
    assert np.isfinite(found).all()


def test_a_recording_from_the_middle_marks_the_history_of_every_lane(tmp_path):
    student = write_student(tmp_path, history={**HISTORY, 'length': 1})
    log = run_node(load_policy(student), 200)
    bag = write_log(tmp_path / 'bag', log, lambda entry: entry.receive_ns > 3090 * MS)
    unknown = []
    for count in (1, 2, 3):
        changes = {'history': HISTORY, 'period': 0.02 * count}
        teacher = write_teacher(tmp_path, name=f'{count}.onnx', **changes)
        reasons = label(bag, config_of(student, teacher))[1][str(count)]['reason']
        marked = np.flatnonzero(reasons != '')
        assert marked.tolist() == list(range(len(marked)))
        unknown.append(len(marked))
    assert unknown == [4, 8, 12]
