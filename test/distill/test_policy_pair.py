# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Labels of a teacher beside its student, against those that relabeling gives."""

from __future__ import annotations

from distill_runtime.core.checks.registry import ANY_MOTION
from distill_runtime.core.config import RunnerConfig
from distill_runtime.core.sensors import Sensors
from distill_runtime.distill.policy_pair import compile_pair, PolicyPair
from distill_runtime.errors import ConfigError
from distill_runtime.policy.model import load_policy
from distill_runtime.spec.compile import sensor_layout
import numpy as np
import pytest
from support.logged_run import LIMITS, run_node, write_log
from support.ros_policies import GAINS, TERMS, write_policy
from support.specs import DEFAULT, JOINTS, make_spec

pytestmark = [pytest.mark.needs('data'), pytest.mark.needs('policy')]
CONFIG = RunnerConfig(start_in='policy', checks=ANY_MOTION, **LIMITS)
PERMUTED = [2, 0, 1]
WIDE = {'position': [[-50.0, 50.0]] * 3}
SHIFTED = [0.02, -0.03, 0.01]


def permuted(values):
    return [values[index] for index in PERMUTED]


def write_student(folder, **changes):
    history = {'length': 4, 'major': 'term', 'order': 'oldest_first', 'fill': 'first'}
    known = {'history': history, 'limits': WIDE, 'action': {'scale': [0.05, 0.06, 0.08]}}
    return write_policy(folder, name='student.onnx', **{**known, **changes})


def write_teacher(folder, **changes):
    """Write a policy with another joint order, scale, offset and history."""
    other = {
        'joints': permuted(JOINTS),
        'default_position': permuted(DEFAULT),
        'limits': WIDE,
        **{key: permuted(values) for key, values in GAINS.items()},
        'action': {'scale': [0.04, 0.07, 0.05], 'offset': SHIFTED},
        'history': {'length': 2, 'major': 'frame', 'order': 'newest_first', 'fill': 'zeros'},
    }
    return write_policy(folder, *TERMS[::-1], name='teacher.onnx', **{**other, **changes})


def make_pair(teacher, student):
    policies = load_policy(teacher), load_policy(student)
    spec = compile_pair(*(policy.spec for policy in policies), sensor_layout(policies[1].spec))
    return PolicyPair(spec, *(policy.session for policy in policies), CONFIG)


def run_beside(pair, policy, ticks=300, teacher_acts=False):
    """Run a policy with a pair on its sensors; return the log and the steps of the pair."""
    sensors = Sensors(sensor_layout(load_policy(policy).spec))
    steps = []

    def beside(seen, now_ns, runner):
        sensors.values[:] = seen.values
        for name in ('joint_stamp_ns', 'imu_stamp_ns', 'command_stamp_ns'):
            setattr(sensors, name, getattr(seen, name))
        command = seen.velocity_command.copy()
        step = pair.step(sensors, (command, command), now_ns, teacher_acts=teacher_acts)
        steps.append((step.command.copy(), step.observation.copy(), step.label))

    log = run_node(load_policy(policy), ticks, beside=beside, checks=ANY_MOTION)
    return log, [np.array(values) for values in zip(*steps, strict=True)]


def relabel(bag, student, teacher):
    from distill_runtime.data.relabel.config import PolicyFile, RelabelConfig
    from distill_runtime.data.relabel.labels import RecordingLabels

    config = RelabelConfig(
        student=PolicyFile(model=student),
        teachers=(PolicyFile(model=teacher),),
        parameters=(*LIMITS.items(),),
    )
    found = RecordingLabels(bag, 'bag', config, load_policy(student), [load_policy(teacher)])
    rows = [columns for (columns,) in found]
    assert {reason for entry in rows for reason in entry['reason']} == {''}
    return {
        name: np.concatenate([entry[name] for entry in rows])
        for name in ('observation', 'label', 'label_target')
    }


def test_labels_are_those_of_relabeling_in_the_terms_of_the_student(tmp_path):
    student, teacher = write_student(tmp_path), write_teacher(tmp_path)
    log, (commands, observations, labels) = run_beside(make_pair(teacher, student), student)
    found = relabel(write_log(tmp_path / 'bag', log), student, teacher)
    expected = (found['label_target'] - np.array(DEFAULT)) / [0.05, 0.06, 0.08]
    np.testing.assert_allclose(labels, expected, rtol=0, atol=1e-5)
    assert observations.tobytes() == found['observation'].tobytes()
    np.testing.assert_array_equal(commands, log.commands)
    # worked out by hand: the teacher's order, scale and offset
    targets = np.array(SHIFTED) + np.array([0.04, 0.07, 0.05]) * found['label'].astype(float)
    back = targets[:, [PERMUTED.index(joint) for joint in range(3)]]
    np.testing.assert_allclose(found['label_target'], back, rtol=0, atol=1e-12)


def test_labels_of_an_equivalent_teacher_are_its_output_bit_for_bit(tmp_path):
    action = {'action': {'scale': 0.05}, 'limits': WIDE}
    student = write_student(tmp_path, **action)
    teacher = write_policy(tmp_path, *TERMS[::-1], name='teacher.onnx', **action)
    log, (_, _, labels) = run_beside(make_pair(teacher, student), student)
    found = relabel(write_log(tmp_path / 'bag', log), student, teacher)
    assert labels.tobytes() == found['label'].tobytes()


def test_labels_are_not_clipped_as_actions_of_the_student_are(tmp_path):
    action = {'scale': [0.05, 0.06, 0.08]}
    student, teacher = write_student(tmp_path, action=action), write_teacher(tmp_path)
    _, (_, _, expected) = run_beside(make_pair(teacher, student), student, teacher_acts=True)
    clipped = write_student(tmp_path, action={**action, 'clip': [-0.5, 0.5]})
    _, (_, observations, labels) = run_beside(
        make_pair(teacher, clipped), clipped, teacher_acts=True
    )
    assert labels.tobytes() == expected.tobytes()
    np.testing.assert_allclose(
        observations[1:, -3:], np.clip(labels[:-1], -0.5, 0.5), rtol=0, atol=1e-5
    )


def test_the_student_reads_the_action_that_the_teacher_executed(tmp_path):
    student, teacher = write_student(tmp_path), write_teacher(tmp_path)
    _, (commands, observations, labels) = run_beside(
        make_pair(teacher, student), student, teacher_acts=True
    )
    # last_action is the last term: four frames of three, newest last
    np.testing.assert_allclose(observations[1:, -3:], labels[:-1], rtol=0, atol=1e-5)
    np.testing.assert_allclose(
        commands, np.array(DEFAULT) + labels * [0.05, 0.06, 0.08], rtol=0, atol=1e-6
    )


def test_commands_of_the_teacher_keep_to_the_limits_of_the_student(tmp_path):
    narrow = {'position': [[0.05, 0.15], [0.15, 0.25], [-0.35, -0.25]]}
    lower, upper = np.transpose(narrow['position'])
    gains = {'stiffness': None, 'damping': None}  # without them limits clip
    student = write_student(tmp_path, limits=narrow, default_position=[0.1, 0.2, -0.3], **gains)
    teacher = write_teacher(tmp_path, default_position=[-0.3, 0.1, 0.2], **gains)
    _, (commands, _, labels) = run_beside(make_pair(teacher, student), student, teacher_acts=True)
    targets = np.array([0.1, 0.2, -0.3]) + labels * [0.05, 0.06, 0.08]
    assert ((targets < lower) | (targets > upper)).any()
    np.testing.assert_allclose(commands, np.clip(targets, lower, upper), rtol=0, atol=1e-6)


def test_an_episode_ends_where_a_policy_gives_no_action(tmp_path):
    student, teacher = write_student(tmp_path), write_teacher(tmp_path)
    policies = load_policy(teacher), load_policy(student)
    spec = compile_pair(*(policy.spec for policy in policies), sensor_layout(policies[1].spec))
    broken = policies[0].session
    broken.run = lambda: broken.action.fill(np.nan)
    pair = PolicyPair(spec, broken, policies[1].session, CONFIG)
    sensors = Sensors(sensor_layout(policies[1].spec))
    sensors.joint_stamp_ns = sensors.imu_stamp_ns = sensors.command_stamp_ns = 0
    sensors.quat_base_to_world[:] = (1.0, 0.0, 0.0, 0.0)
    command = np.zeros(3)
    assert pair.step(sensors, (command, command), 0, teacher_acts=False) is None


@pytest.mark.parametrize(
    ('changes', 'words'),
    [
        ({'joints': ('a', 'b', 'd')}, 'it lacks .*knee'),
        ({'stiffness': (41.0, 20.0, 30.0)}, 'stiffness of .* is 41, expected 40 .*torque$'),
        ({'period': 0.01}, 'period is 0.01 s, expected 0.02 s'),
    ],
)
def test_a_teacher_that_does_not_fit_the_student_is_refused(changes, words):
    known = {'joints': permuted(JOINTS), 'default_position': permuted(DEFAULT)}
    gains = {key: permuted(values) for key, values in GAINS.items()}
    student = make_spec(*TERMS, **GAINS)
    teacher = make_spec(*TERMS, **{**known, **gains, **changes})
    with pytest.raises(ConfigError, match=words):
        compile_pair(teacher, student, sensor_layout(student))


def test_a_student_over_choices_needs_the_choices_of_its_teacher():
    choices = {'choices': [[0.0, 0.1, 0.2], [0.1, 0.1, 0.1]], 'scale': None, 'offset': None}
    student = make_spec(*TERMS, action=choices)
    layout = sensor_layout(student)
    compile_pair(student, student, layout)
    with pytest.raises(ConfigError, match='expected a teacher with the same choices'):
        compile_pair(make_spec(*TERMS), student, layout)
