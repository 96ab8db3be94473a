# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections import deque
import re
import threading

from distill_runtime.core.modes import Event, Mode
from distill_runtime.ros.mode_log import ModeChange, ModeLog
import pytest
from rclpy.impl.rcutils_logger import RcutilsLogger
from support.ros_harness import LOCKSTEP, student, T0, TICK, wait_for
from support.swaps import walking

TILT = 'tilt.limit: base is tilted by 1.2 rad'
ESTOP = 'estop.requested: estop was called'


class Node:
    """Keeps what is logged, with its level."""

    def __init__(self):
        self.lines = []
        for level in ('info', 'warning', 'error'):
            setattr(self, level, lambda text, level=level: self.lines.append((level, text)))

    def get_logger(self):
        return self


@pytest.mark.parametrize(
    ('requests', 'changes', 'expected'),
    [
        (
            [(Event.START, Mode.STANDBY), (Event.STOP, Mode.POLICY)],
            [
                (Mode.STANDBY, Mode.POLICY, ''),
                (Mode.POLICY, Mode.STOPPING, 'imu.stale: old'),
                (Mode.STOPPING, Mode.STANDBY, ''),
            ],
            [
                ('info', 'mode standby to policy: ~/start was called'),
                ('info', 'mode policy to stopping: ~/stop was called'),
                ('info', 'mode stopping to standby'),
            ],
        ),
        (
            [(Event.STOP, Mode.POLICY)],
            [(Mode.POLICY, Mode.STANDBY, '')],
            [('info', 'mode policy to standby: ~/stop was called')],
        ),
        (
            [(Event.ESTOP, Mode.POLICY), (Event.RESET_FAULT, Mode.FAULT)],
            [
                (Mode.POLICY, Mode.FAULT, ESTOP),
                (Mode.FAULT, Mode.STANDBY, ''),
                (Mode.STANDBY, Mode.FAULT, TILT),
            ],
            [
                ('info', f'mode policy to fault: {ESTOP}'),
                ('info', 'mode fault to standby: ~/reset_fault was called'),
                ('error', f'mode standby to fault: {TILT}'),
            ],
        ),
        (
            [(Event.RESET_FAULT, Mode.FAULT)],
            [(Mode.POLICY, Mode.FAULT, TILT), (Mode.FAULT, Mode.STANDBY, '')],
            [
                ('error', f'mode policy to fault: {TILT}'),
                ('info', 'mode fault to standby: ~/reset_fault was called'),
            ],
        ),
        (
            [],
            [(Mode.POLICY, Mode.STANDBY, ''), (Mode.STANDBY, Mode.POLICY, 'x.y: z')],
            [('info', 'mode policy to standby'), ('info', 'mode standby to policy: x.y: z')],
        ),
        (
            [(Event.STOP, Mode.STANDBY), (Event.ESTOP, Mode.FAULT)],
            [],
            [
                ('info', 'mode stays standby: ~/stop was called'),
                ('info', 'mode stays fault: ~/estop was called'),
            ],
        ),
    ],
    ids=['stop', 'stop at once', 'estop', 'reset of a later fault', 'by itself', 'no change'],
)
def test_change_is_logged_with_its_cause(requests, changes, expected):
    node = Node()
    log = ModeLog(node)
    for event, mode in requests:
        log.note_request(event, mode, True, '')
    queue = deque(ModeChange(*change) for change in changes)
    log.write(queue)
    assert not queue
    assert node.lines == expected


def test_refused_request_is_a_warning_with_the_answer():
    node = Node()
    ModeLog(node).note_request(Event.START, Mode.STANDBY, False, 'start is refused: why')
    assert node.lines == [('warning', '~/start: start is refused: why')]


@pytest.fixture
def lines(monkeypatch):
    """Return the lines of the log, as (severity, text, thread)."""
    found = []

    def log(self, message, severity, **options):
        found.append((severity.name, message, threading.current_thread().name))

    monkeypatch.setattr(RcutilsLogger, 'log', log)
    return found


def test_whole_run_is_in_the_log_one_line_each_and_none_from_the_control_thread(ros, model, lines):
    options = {**LOCKSTEP, 'start_in': 'standby', 'ramp_time': 0.0}
    with student(ros, model, **options, start_pose_limit=0.0) as rig:
        stamps = iter(range(T0, T0 + 100 * TICK, TICK))
        rig.robot.tick(next(stamps))
        for service in ('start', 'stop', 'estop', 'reset_fault'):
            assert rig.robot.call(service)[0]
            rig.robot.tick(next(stamps))
        rig.robot.tick(next(stamps))
        rig.node.trigger_deactivate()
    texts = [
        (severity, text) for severity, text, _ in lines if re.match(r'(in)?active|mode', text)
    ]
    assert texts[0][1].startswith('active: policy.onnx (')
    assert texts[0][1].endswith('), mode standby, 50 Hz, trigger joint_states')
    assert [text for _, text in texts[1:]] == [
        'mode standby to policy: ~/start was called',
        'mode policy to stopping: ~/stop was called',
        f'mode stopping to fault: {ESTOP}',
        'mode fault to standby: ~/reset_fault was called',
        'inactive: deactivated after 6 ticks',
    ]
    assert {severity for severity, _ in texts} == {'INFO'}
    assert 'control' not in {thread for *_, thread in lines}


def test_fault_is_one_line_of_the_log(ros, model, lines):
    with student(ros, model, **LOCKSTEP, **{'checks.tilt.debounce': 0.0}) as rig:
        rig.robot.tick(T0)
        rig.robot.tick(T0 + TICK, quaternion=(0.0, 1.0, 0.0, 0.0))
        wait_for(lambda: any('tilt.limit' in text for _, text, _ in lines), 'the line')
        rig.diagnose()
        rig.robot.tick(T0 + 2 * TICK)
        assert rig.robot.call('reset_fault')[0]
        rig.robot.tick(T0 + 3 * TICK)
        rig.diagnose()  # there was a fault since it was called last
    found = [(severity, text) for severity, text, _ in lines if 'tilt.limit' in text]
    assert len(found) == 1
    assert found[0][0] == 'ERROR'
    assert found[0][1].startswith('mode policy to fault: tilt.limit: base is tilted by 3.14 rad')


def test_swap_and_rollback_are_one_line_each(ros, model, other, lines):
    with walking(ros, model) as (remote, walker):
        assert remote.set(model=other) == (True, '')
        walker.steps(2)
        assert remote.call('rollback')[0]
        assert remote.set(model=other, probation_time=0.0, blend_time=0.0) == (True, '')
        walker.steps(2)
        assert remote.call('rollback')[0]
    found = [re.sub(r' \(\w{12}\)', '', text) for _, text, _ in lines if ' is active' in text]
    assert found == [
        'other.onnx is active: parameter model was set',
        'policy.onnx is active: rolled back: rollback was called',
        'other.onnx is active: parameter model was set',
        'policy.onnx is active: rollback was called',
    ]


def test_dump_at_a_normal_end_is_no_warning_and_one_of_a_fault_is(ros, model, capfd, tmp_path):
    with student(ros, model, blackbox_dir=str(tmp_path), **LOCKSTEP) as rig:
        rig.robot.tick(T0)
        assert rig.robot.call('dump')[0]
        rig.robot.tick(T0 + TICK, rate=(float('nan'), 0.0, 0.0))
        rig.robot.tick(T0 + 10 * TICK, rate=(float('nan'), 0.0, 0.0))
        wait_for(lambda: [*tmp_path.glob('*_imu.*')], 'the dump of the fault')
        rig.node.trigger_shutdown()
    found = re.findall(r'\[(\w+)\].*black box: ([a-z_.]+): .* s in ', capfd.readouterr().err)
    assert [severity for severity, _ in found] == ['INFO', 'WARN', 'INFO']
    assert [cause.partition('.')[0] for _, cause in found] == ['request', 'imu', 'shutdown']
