# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""What the black box keeps of a run in which the model changes."""

from __future__ import annotations

from distill_runtime.core.runner import PolicyRunner
from distill_runtime.data.bags.bag import Bag
from distill_runtime.data.info.bag_info import read_info
import pytest
from support.ros_harness import LOCKSTEP, student, T0, TICK, values, wait_for
from support.ros_policies import TERMS
from support.swaps import Remote, sha256, walking, write_other

DEEP = {'length': 3, 'major': 'term', 'order': 'oldest_first', 'fill': 'first'}


@pytest.fixture(scope='module')
def deep(models):
    """Return a policy whose observation has 45 elements, where that of the first has 18."""
    return write_other(models / 'deep.onnx', 0.2, *TERMS[:-1], history=DEEP)


def content(path):
    """Return time and message of every message of a bag, by last part of the topic."""
    with Bag(path) as bag:
        return {topic.name.rpartition('/')[2]: list(bag.messages(topic)) for topic in bag.topics}


def models_in(found):
    """Return time and hash of each ~/model."""
    return [(time_ns, values(message)['model_sha256']) for time_ns, message in found['model']]


def assert_same_arrays(found, robot, first_ns=T0):
    """The observations and actions in a bag are those that were published, labels too."""
    for name, inbox in (('observation', robot.observations), ('action', robot.actions)):
        kept = [m for time_ns, m in found[name] if time_ns >= first_ns]
        sent = inbox.messages[-len(kept) :]
        assert [m.data.tolist() for m in kept] == [list(m.data) for m in sent]
        assert [[(d.label, d.size) for d in m.layout.dim] for m in kept] == [
            [(d.label, d.size) for d in m.layout.dim] for m in sent
        ]


def dump(rig):
    """Return the content of a dump of now, when all that was published has come."""
    success, path = rig.robot.call('dump')
    assert success, path
    number = len(content(path)['observation'])
    wait_for(lambda: len(rig.robot.observations.messages) >= number, 'all observations')
    return content(path)


def test_dump_across_a_swap_holds_both_models_and_what_each_saw(ros, model, deep, tmp_path):
    options = {'blackbox_dir': str(tmp_path), 'publish_internals': True}
    with walking(ros, model, **options) as (remote, walker):
        walker.steps(10)
        assert remote.set(model=deep) == (True, '')
        since_ns = int(remote.until_model('was set')['since_ns'])
        walker.steps(70)
        with walker.paused():
            found = dump(remote.rig)
            assert_same_arrays(found, remote.rig.robot)
    assert models_in(found) == [(T0, sha256(model)), (since_ns, sha256(deep))]
    widths = {time_ns: len(message.data) for time_ns, message in found['observation']}
    narrow = {width for time_ns, width in widths.items() if time_ns < since_ns}
    wide = {width for time_ns, width in widths.items() if time_ns >= since_ns}
    assert (narrow, wide) == ({18}, {45})
    found = values(found['model'][1][1])
    assert found['why'] == 'parameter model was set'
    assert found['previous_sha256'] == sha256(model)


def test_dump_in_which_the_swap_was_overwritten_has_the_active_model(ros, model, deep, tmp_path):
    options = {
        'blackbox_dir': str(tmp_path), 'blackbox_seconds': 1.0, 'publish_internals': True,
    }  # fmt: skip
    with walking(ros, model, **options) as (remote, walker):
        assert remote.set(model=deep) == (True, '')
        walker.steps(400)
        with walker.paused():
            found = dump(remote.rig)
            first_ns = found['observation'][0][0]
            assert first_ns > T0
            assert_same_arrays(found, remote.rig.robot)
    assert [sha for _, sha in models_in(found)] == [sha256(deep)]
    assert len(found['observation']) >= 50, 'it holds what was asked for'


def test_dump_holds_a_swap_back_and_forth(ros, model, deep, tmp_path):
    options = {'blackbox_dir': str(tmp_path), 'publish_internals': True}
    with walking(ros, model, **options) as (remote, walker):
        for path in (deep, model, deep):
            assert remote.set(model=path) == (True, '')
            walker.steps(5)
        assert remote.rig.robot.call('rollback')[0]
        walker.steps(5)
        with walker.paused():
            found = dump(remote.rig)
            assert_same_arrays(found, remote.rig.robot)
    expected = [sha256(path) for path in (model, deep, model, deep, model)]
    assert [sha for _, sha in models_in(found)] == expected
    assert values(found['model'][-1][1])['why'] == 'rolled back: rollback was called'


def test_swap_between_two_runs_is_in_the_dump_and_in_every_recording_after_it(
    ros, model, deep, tmp_path
):
    folders = {'blackbox_dir': str(tmp_path / 'dumps'), 'record_to': str(tmp_path / 'runs')}
    options = {**LOCKSTEP, **folders, 'publish_internals': True}
    with student(ros, model, is_active=False, **options) as rig:
        robot, remote = rig.robot, Remote(rig)
        rig.configure()
        for run in range(3):
            if run == 1:
                assert remote.set(model=deep) == (True, '')
            rig.activate()
            for number in range(100 * run, 100 * run + 5):
                robot.tick(T0 + number * TICK)
            if run == 1:
                found = dump(rig)
                assert_same_arrays(found, robot)
            rig.node.trigger_deactivate()
            wait_for(lambda run=run: _complete(tmp_path / 'runs', run + 1), 'the recording')
        runs = [content(path) for path in _complete(tmp_path / 'runs', 3)]
        assert_same_arrays(runs[2], robot)
    assert [sha for _, sha in models_in(found)] == [sha256(model), sha256(deep)]
    assert [models_in(run) for run in runs] == [
        [(T0, sha256(model))],
        [(T0 + 100 * TICK, sha256(deep))],
        [(T0 + 200 * TICK, sha256(deep))],
    ]
    widths = [{len(message.data) for _, message in run['observation']} for run in runs]
    assert widths == [{18}, {45}, {45}]


def _complete(folder, count):
    """Return the recordings of a folder, oldest first, once that many are complete."""
    found = sorted(path.parent for path in folder.glob('*/metadata.yaml'))
    return found if len(found) == count else None


def test_dump_after_two_swaps_before_the_first_tick_begins_with_that_tick(
    ros, model, deep, tmp_path
):
    """Bug: the definition of the second model was stamped 0, and the dump began in 1970."""
    with student(ros, model, is_active=False, blackbox_dir=str(tmp_path), **LOCKSTEP) as rig:
        rig.configure()
        remote = Remote(rig)
        for path in (deep, model, deep):
            assert remote.set(model=path) == (True, '')
        rig.activate()
        for number in range(5):
            rig.robot.tick(T0 + number * TICK)
        _, path = rig.robot.call('dump')
    found = content(path)
    assert min(time_ns for entries in found.values() for time_ns, _ in entries) == T0
    assert models_in(found) == [(T0, sha256(deep))]
    assert {len(message.data) for _, message in found['observation']} == {45}
    info = read_info(path)
    assert (info.duration, info.is_valid) == (pytest.approx(4 * TICK * 1e-9), True)


def test_dump_of_a_crash_before_the_first_tick_is_stamped_when_it_happened(
    ros, model, tmp_path, monkeypatch
):
    def crash(self, sensors, stamp_ns):
        monkeypatch.undo()
        raise ZeroDivisionError('by chance')

    with student(ros, model, blackbox_dir=str(tmp_path), **LOCKSTEP) as rig:
        monkeypatch.setattr(PolicyRunner, 'step', crash)
        rig.robot.publish(T0)
        path = wait_for(lambda: [*tmp_path.glob('*_loop.crashed')], 'the dump')[0]
    times = {time_ns for entries in content(path).values() for time_ns, _ in entries}
    assert times == {T0}
