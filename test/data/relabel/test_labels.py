# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Labels of recordings against teachers that are stepped beside the student."""

from __future__ import annotations

import json

from distill_runtime.core.modes import Event
from distill_runtime.data.relabel.config import PolicyFile, RelabelConfig
from distill_runtime.data.relabel.labels import RecordingLabels
from distill_runtime.data.relabel.rules import Rule, Rules, When
from distill_runtime.errors import ConfigError, RecordingError
from distill_runtime.policy.model import load_policy
from distill_runtime.spec.readers.native import SPEC_KEY
import numpy as np
import pytest
from support.bags import float64_array, MS, odometry
from support.beside import Beside
from support.logged_run import LIMITS, NODE, run_node, write_log
from support.models import save_linear, save_recurrent
from support.ros_policies import GAINS, JOINT_TERM, TERMS, write_policy
from support.specs import DEFAULT, JOINTS, spec_mapping

pytestmark = pytest.mark.needs('policy')
HISTORY = {'length': 4, 'major': 'term', 'order': 'oldest_first', 'fill': 'first'}
GENTLE = {'action': {'scale': 0.05}}
"""No target is beyond a limit."""
PERMUTED = [2, 0, 1]
SCAN = {'term': 'external', 'topic': 'scan', 'width': 4}


def permuted(values):
    return [values[index] for index in PERMUTED]


def write_student(folder, **changes):
    limits = {'position': [[-1.0, 1.0]] * 3}
    known = {'history': HISTORY, 'limits': limits, **GENTLE, **changes}
    return write_policy(folder, name='student.onnx', **known)


def write_teacher(folder, *terms, name='teacher.onnx', **changes):
    """Write a policy with another joint order, scale and history."""
    other = {
        'joints': permuted(JOINTS),
        'default_position': permuted(DEFAULT),
        'limits': {'position': [[-50.0, 50.0]] * 3},
        **{key: permuted(values) for key, values in GAINS.items()},
        'action': {'scale': [0.04, 0.07, 0.05]},
        'history': {'length': 2, 'major': 'frame', 'order': 'newest_first', 'fill': 'zeros'},
    }
    return write_policy(folder, *(terms or TERMS[::-1]), name=name, **{**other, **changes})


def config_of(student, *teachers, **options):
    return RelabelConfig(
        student=PolicyFile(model=student),
        teachers=tuple(PolicyFile(model=path) for path in teachers),
        parameters=(*LIMITS.items(),),
        **options,
    )


def label(bag, config):
    """Return facts, and columns by teacher."""
    found = RecordingLabels(
        bag, 'bag', config, config.student.load(), [file.load() for file in config.teachers]
    )
    rows = [list(columns) for columns in found]
    columns = {}
    for number, file in enumerate(config.teachers):
        chunks = [entry[number] for entry in rows]
        columns[file.label] = {
            name: np.concatenate([np.asarray(chunk[name]) for chunk in chunks])
            for name in chunks[0]
            if np.ndim(chunks[0][name])
        }
    return found.facts(), columns


def recorded(folder, teacher, student, ticks=600, keep=lambda message: True, **options):
    """Record a run with a teacher beside it; return the recording and the teacher's labels."""
    policy = load_policy(student)
    beside = Beside(teacher, policy, ticks)
    log = run_node(policy, ticks, beside=beside.step, **options)
    log.messages += beside.messages
    return write_log(folder / 'bag', log, keep), beside.labels


def without_ticks(message):
    return not message.topic.startswith(NODE)


def without_commands(message):
    return without_ticks(message) and message.topic != '/joint_command'


@pytest.mark.parametrize(
    ('terms', 'keep', 'source'),
    [
        pytest.param((), lambda message: True, 'executed', id='actions'),
        pytest.param((), without_ticks, 'commands', id='commands'),
        pytest.param(
            (*TERMS, SCAN),
            lambda message: True,
            'executed',
            id='a topic that only the teacher reads',
        ),
        pytest.param((JOINT_TERM,), without_commands, 'none', id='no last action'),
    ],
)
def test_labels_are_those_of_a_teacher_on_the_executed_actions(tmp_path, terms, keep, source):
    student, teacher = write_student(tmp_path), write_teacher(tmp_path, *terms)
    bag, expected = recorded(tmp_path, teacher, student, keep=keep)
    facts, columns = label(bag, config_of(student, teacher))
    assert facts['teachers']['teacher']['last_action'] == source
    found = columns['teacher']
    assert found['valid'].sum() >= 590
    rows = found['step'][found['valid']]
    np.testing.assert_allclose(found['label'][found['valid']], expected[rows], rtol=0, atol=1e-6)
    spec = load_policy(teacher).spec
    scale = np.array(spec.outputs.action.scale)
    targets = np.array(spec.default_position) + scale * found['label'].astype(float)
    order = [spec.joints.index(joint) for joint in JOINTS]
    np.testing.assert_allclose(found['label_target'], targets[:, order], rtol=0, atol=1e-12)
    assert found['student_ran'].all() == (source == 'executed')


def write_recurrent(folder):
    """Write a teacher that sums up joint positions since its start."""
    state = [{'input': 'h_in', 'output': 'h_out', 'shape': [1, 1, 3]}]
    spec = spec_mapping(JOINT_TERM, **GAINS, action={'scale': 0.01}, state=state)
    return save_recurrent(folder / 'teacher.onnx', {SPEC_KEY: json.dumps(spec)})


def write_chained(folder):
    """Write a teacher whose encoder reads velocities and the last action."""
    rng = np.random.default_rng(3)
    terms = [{'term': 'joint_velocity'}, {'term': 'last_action'}]
    inputs = [
        {'name': 0, 'network': 'encoder', 'terms': terms},
        {'name': 0, 'terms': [{'term': 'latent', 'width': 2}, JOINT_TERM]},
    ]
    encoder = {'model': 'encoder.onnx'}
    spec = spec_mapping(**GAINS, action={'scale': 0.01}, encoder=encoder, inputs=inputs)
    save_linear(folder / 'encoder.onnx', rng.normal(size=(6, 2)), names=('frame', 'latent'))
    weights = rng.normal(size=(5, 3))
    return save_linear(folder / 'teacher.onnx', weights, metadata={SPEC_KEY: json.dumps(spec)})


@pytest.mark.parametrize(
    ('write', 'method'), [(write_recurrent, 'loop'), (write_chained, 'rewritten')]
)
@pytest.mark.parametrize('fault', [None, 250])
def test_recurrent_and_chained_teachers_equal_those_that_are_stepped(
    tmp_path, write, method, fault
):
    student, teacher = write_student(tmp_path), write(tmp_path)
    again = {270: Event.RESET_FAULT, 300: Event.START}
    options = {} if fault is None else {'faults': [fault], 'requests': again}
    bag, expected = recorded(tmp_path, teacher, student, ticks=700, **options)
    facts, columns = label(bag, config_of(student, teacher))
    found = columns['teacher']
    assert facts['teachers']['teacher']['network'] == method
    assert found['valid'].sum() == np.isfinite(expected).all(axis=1).sum() > 600
    assert set(found['reason'][:240]) == {''}
    valid = found['valid']
    np.testing.assert_allclose(
        found['label'][valid], expected[found['step'][valid]], rtol=0, atol=1e-5
    )


def test_labels_of_the_student_itself_are_its_actions_bit_for_bit(tmp_path):
    student = write_student(tmp_path)
    bag, _ = recorded(tmp_path, student, student)
    _, columns = label(bag, config_of(student, student))
    found = columns['student']
    assert found['valid'].all()
    assert found['label'].tobytes() == found['action'].tobytes()
    assert not found['limited'].any()
    assert not found['saturated'].any()
    assert found['warm_up'].tolist() == [True] * 3 + [False] * 597


def test_own_actions_are_fed_back_where_none_are_recorded(tmp_path):
    student, teacher = write_student(tmp_path), write_teacher(tmp_path)
    bag, executed = recorded(tmp_path, teacher, student, keep=without_commands)
    own = write_log(
        tmp_path / 'own', run_node(load_policy(teacher), 600, start_in='policy'), without_commands
    )
    facts, columns = label(bag, config_of(student, teacher))
    assert facts['teachers']['teacher']['last_action'] == 'own'
    assert np.abs(columns['teacher']['label'] - executed).max() > 1e-3
    expected = label(own, config_of(teacher, teacher))[1]['teacher']['action']
    np.testing.assert_allclose(columns['teacher']['label'], expected, rtol=0, atol=1e-6)


def test_commands_at_a_limit_stand_for_no_action(tmp_path):
    student = write_student(tmp_path, action={'scale': 3.0})
    teacher = write_teacher(tmp_path)
    bag, _ = recorded(tmp_path, teacher, student, keep=without_ticks)
    _, columns = label(bag, config_of(student, teacher))
    found = columns['teacher']
    is_limited = found['reason'] == 'last_action.limited'
    assert 20 < is_limited.sum() < 600
    # a step and the history of the next ones depend on it
    for row in np.flatnonzero(found['limited'])[:50]:
        assert is_limited[row + 1 : row + 5].all()
    assert np.isfinite(found['label'][is_limited]).all()


def test_ticks_without_the_policy_have_no_label(tmp_path):
    student, teacher = write_student(tmp_path), write_teacher(tmp_path)
    requests = {200: Event.START, 400: Event.STOP, 650: Event.START}
    log = run_node(load_policy(student), 800, requests, start_in='standby', faults={700: 'estop'})
    _, columns = label(write_log(tmp_path / 'bag', log), config_of(student, teacher))
    found = columns['teacher']
    modes = np.array([int(mode) for mode in log.modes])
    assert found['mode'].tolist() == modes.tolist()
    ran = np.isin(modes, [2, 4])
    assert (found['valid'] == ran).all()
    assert set(found['reason'][~ran]) == {'mode.standby', 'mode.fault'}
    for name in ('observation', 'action', 'label', 'label_target'):
        assert np.isnan(found[name][~ran]).all()
        assert np.isfinite(found[name][ran]).all()


def test_an_input_of_the_teacher_that_is_late_or_old_makes_rows_invalid(tmp_path):
    student = write_student(tmp_path)
    teacher = write_teacher(tmp_path, *TERMS, {**SCAN, 'max_age': 0.1})
    bag, expected = recorded(
        tmp_path,
        teacher,
        student,
        keep=lambda message: (
            message.topic != '/scan'
            or (message.receive_ns > 3000 * MS and not 6000 * MS < message.receive_ns < 8000 * MS)
        ),
    )
    _, columns = label(bag, config_of(student, teacher))
    found = columns['teacher']
    reasons = found['reason']
    assert set(reasons) == {'', 'scan.missing', 'scan.stale', 'history.unknown'}
    assert (np.flatnonzero(reasons == 'scan.missing') < 102).all()
    assert np.isnan(found['label'][reasons == 'scan.stale']).all()
    # zero-filled history of two, and a last action, are not known at a restart
    assert (reasons == 'history.unknown').sum() == 2 * 2
    # the teacher beside the student had the scans that the recording lacks
    valid = found['valid'] & ((found['stamp_ns'] < 6000 * MS) | (found['stamp_ns'] > 8000 * MS))
    np.testing.assert_allclose(
        found['label'][valid], expected[found['step'][valid]], rtol=0, atol=1e-6
    )


def test_a_recording_of_the_teacher_labels_a_new_student(tmp_path):
    student = write_student(tmp_path)
    teacher = write_policy(tmp_path, *TERMS[::-1], name='teacher.onnx', **GENTLE)
    bag = write_log(tmp_path / 'bag', run_node(load_policy(teacher), 600))
    facts, columns = label(bag, config_of(student, teacher))
    assert facts['student'] == {'last_action': 'executed', 'ran': 0}
    logged = label(bag, config_of(teacher, teacher))[1]['teacher']
    found = columns['teacher']
    assert found['valid'].all()
    assert found['label'].tobytes() == logged['action'].tobytes()
    assert not found['student_ran'].any()


@pytest.mark.parametrize('is_recurrent', [False, True])
def test_a_recording_from_the_middle_of_a_run_has_labels_once_history_is_known(
    tmp_path, is_recurrent
):
    student = write_student(tmp_path)
    gait = {
        'term': 'gait_phase', 'frequency': 1.5, 'offsets': [0.0], 'components': ['cos'],
        'advance': 'after',
    }  # fmt: skip
    teacher = write_teacher(tmp_path, *TERMS, *([gait] if is_recurrent else []))
    bag, expected = recorded(
        tmp_path, teacher, student, keep=lambda message: message.receive_ns > 5000 * MS
    )
    _, columns = label(bag, config_of(student, teacher))
    found = columns['teacher']
    assert set(found['reason']) <= {
        '', 'history.unknown', 'joint_states.not_recorded', 'cmd_vel.not_recorded'
    }  # fmt: skip
    if is_recurrent:
        assert not found['valid'].any()
        return
    assert found['valid'].sum() > 380
    valid = found['valid']
    first = found['step'][0]
    np.testing.assert_allclose(
        found['label'][valid], expected[-len(valid):][found['step'][valid] - first],
        rtol=0, atol=1e-6,
    )  # fmt: skip


def test_rules_choose_by_command_time_topic_and_tag(tmp_path):
    student, teacher = write_student(tmp_path), write_teacher(tmp_path)
    other = write_teacher(tmp_path, name='other.onnx', action={'scale': [0.03] * 3})
    log = run_node(load_policy(student), 300)
    log.messages += [float64_array((2000 + 1000 * n) * MS, [n, 7], '/terrain') for n in range(5)]
    bag = write_log(tmp_path / 'bag', log)
    rules = Rules(
        rules=(
            Rule(teacher='other', when=When(topic='/terrain', field='data[0]', equals=2.0)),
            Rule(mix=(('teacher', 0.25), ('other', 0.75)), when=When(time=(0.0, 0.1))),
            Rule(teacher='other', when=When(tag='wet')),
            Rule(teacher='teacher', when=When(vx=(-1.0, 12.0))),
        )
    )
    facts, columns = label(bag, config_of(student, teacher, other, rules=rules))
    weights = np.stack([columns[name]['weight'] for name in ('teacher', 'other')], axis=1)
    stamps = columns['teacher']['stamp_ns']
    seconds = (stamps - stamps[0]) * 1e-9
    on_stairs = (stamps >= 4000 * MS) & (stamps < 5000 * MS)
    assert (weights[on_stairs] == [0.0, 1.0]).all()
    assert (weights[seconds <= 0.1] == [0.25, 0.75]).all()
    rest = ~on_stairs & (seconds > 0.1)
    is_slow = columns['teacher']['velocity_command'][:, 0] <= 12.0
    assert (weights[rest & is_slow] == [1.0, 0.0]).all()
    assert (weights[rest & ~is_slow] == 0.0).all()
    assert facts['without_rule'] == (rest & ~is_slow).sum() > 0
    assert (columns['other']['chosen'] == (weights[:, 1] > 0)).all()
    _, tagged = label(bag, config_of(student, teacher, other, rules=rules, tags=(('bag', 'wet'),)))
    assert (tagged['other']['weight'][rest] == 1.0).all()


def test_standing_still_is_thinned(tmp_path):
    student = write_student(tmp_path)
    log = run_node(load_policy(student), 400, still_from=100)
    log.messages = [message for message in log.messages if message.topic != '/cmd_vel']
    bag = write_log(tmp_path / 'bag', log, without_ticks)
    facts, columns = label(bag, config_of(student, student, thin=10))
    assert facts['thinned'] == 270
    assert len(columns['student']['step']) == 130


def test_odometry_is_a_topic_like_others(tmp_path):
    student = write_student(tmp_path)
    teacher = write_teacher(tmp_path, {'term': 'base_linear_velocity'})
    log = run_node(load_policy(student), 100)
    log.messages += [odometry((1000 + 20 * n) * MS, (n, 2.0, 3.0)) for n in range(100)]
    _, columns = label(write_log(tmp_path / 'bag', log), config_of(student, teacher))
    weights = np.random.default_rng(0).normal(0.0, 0.3, (6, 3)).astype(np.float32)
    found = columns['teacher']['label']
    for tick in (5, 50, 99):
        newest = np.array([tick, 2, 3, tick - 1, 2, 3], np.float32)
        np.testing.assert_allclose(found[tick], newest @ weights, rtol=0, atol=1e-4)


@pytest.mark.parametrize(
    ('teacher', 'options', 'error', 'words'),
    [
        ({'joints': ['a', 'b', 'd']}, {}, ConfigError, 'it lacks .*knee'),
        ({'stiffness': [21.0, 30.0, 40.0]}, {}, ConfigError, 'stiffness of .* is 21, expected'),
        ({'period': 0.01}, {}, ConfigError, 'period is 0.01 s, expected 0.02 s'),
        ({'period': 0.05}, {}, ConfigError, '0.05 s, expected 0.02 s .* whole multiple'),
        ({'terms': (*TERMS, SCAN)}, {}, RecordingError, r"no topic gives \['scan'\]"),
        ({}, {'std': True}, ConfigError, 'computes no standard deviation'),
        ({}, {'features': (4,)}, ConfigError, 'there is no layer 4'),
        ({}, {'last_action': 'executed'}, RecordingError, 'has no ~/action of the student'),
    ],
)
def test_what_cannot_be_labeled_is_refused(tmp_path, teacher, options, error, words):
    student = write_student(tmp_path)
    changes = dict(teacher)
    if 'stiffness' in changes:
        changes['stiffness'] = permuted(changes['stiffness'])
    path = write_teacher(tmp_path, *changes.pop('terms', ()), **changes)
    log = run_node(load_policy(student), 50)
    bag = write_log(tmp_path / 'bag', log, without_ticks)
    with pytest.raises(error, match=words):
        label(bag, config_of(student, path, **options))


def test_a_teacher_without_its_inputs_can_be_left_out(tmp_path):
    student, teacher = write_student(tmp_path), write_teacher(tmp_path)
    blind = write_teacher(tmp_path, *TERMS, SCAN, name='blind.onnx')
    bag = write_log(tmp_path / 'bag', run_node(load_policy(student), 50))
    with pytest.raises(RecordingError, match=r'teacher blind: no topic gives .*--skip-missing'):
        label(bag, config_of(student, teacher, blind))
    config = config_of(student, teacher, blind, skip_missing=True)
    found = RecordingLabels(
        bag, 'bag', config, load_policy(student), [load_policy(teacher), load_policy(blind)]
    )
    assert [len(columns) for columns in found] == [1]
    assert found.facts()['excluded'] == {'blind': "no topic gives ['scan']"}


def test_inner_tensors_are_stored_where_asked_for(tmp_path):
    student, teacher = write_student(tmp_path), write_teacher(tmp_path)
    bag = write_log(tmp_path / 'bag', run_node(load_policy(student), 50))
    _, columns = label(bag, config_of(student, teacher, logits=True, features=(-1,)))
    found = columns['teacher']
    assert found['label_logits'].tobytes() == found['label'].tobytes()
    assert found['feature_0'].shape == (50, 3)
