# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Labels of a teacher that reads a field of messages that the node cannot read."""

from __future__ import annotations

from distill_runtime.data.relabel.config import PolicyFile, RelabelConfig
from distill_runtime.data.relabel.labels import RecordingLabels
from distill_runtime.errors import ConfigError, RecordingError
from distill_runtime.policy.model import load_policy
import numpy as np
import pytest
from support.bags import MS, wrench
from support.logged_run import LIMITS, run_node, write_log
from support.ros_policies import write_policy

pytestmark = pytest.mark.needs('policy')
FORCE = {
    'term': 'external',
    'topic': 'wrench',
    'width': 3,
    'message': 'geometry_msgs/msg/WrenchStamped',
    'field': 'wrench.force',
}


def write_student(folder):
    return write_policy(folder, name='student.onnx', action={'scale': 0.05})


def recorded(folder, student):
    """Record a run with a force per tick, stamped 2 ms before it."""
    log = run_node(load_policy(student), 100)
    log.messages += [
        wrench((998 + 20 * tick) * MS, (tick, -tick, 0.5))._replace(
            receive_ns=(999 + 20 * tick) * MS
        )
        for tick in range(100)
    ]
    return write_log(folder / 'bag', log)


def labels_of(bag, student, *teachers):
    config = RelabelConfig(
        student=PolicyFile(model=student),
        teachers=tuple(PolicyFile(model=path) for path in teachers),
        parameters=(*LIMITS.items(),),
    )
    policies = [load_policy(path) for path in teachers]
    found = RecordingLabels(bag, 'bag', config, load_policy(student), policies)
    chunks = [columns[0] for columns in found]
    return {
        name: np.concatenate([chunk[name] for chunk in chunks])
        for name in ('valid', 'label', 'reason')
    }


def test_a_force_is_what_the_teacher_reads(tmp_path):
    student = write_student(tmp_path)
    teacher = write_policy(tmp_path, FORCE, name='teacher.onnx')
    columns = labels_of(recorded(tmp_path, student), student, teacher)
    assert set(columns['reason']) == {''}
    weights = np.random.default_rng(0).normal(0.0, 0.3, (3, 3)).astype(np.float32)
    ticks = np.arange(100)
    force = np.stack([ticks, -ticks, np.full(100, 0.5)], axis=1).astype(np.float32)
    np.testing.assert_allclose(columns['label'], force @ weights, rtol=0, atol=1e-4)


@pytest.mark.parametrize(
    ('changes', 'words'),
    [
        ({'field': 'wrench.push'}, "has no field 'wrench.push', its fields are"),
        ({'width': 4}, r"/wrench has no message with 4 values in 'wrench.force', they have \[3\]"),
        (
            {'message': 'geometry_msgs/msg/AccelStamped'},
            'is of type .*WrenchStamped, expected geometry_msgs/msg/AccelStamped for wrench',
        ),
        ({'topic': 'force'}, r"no topic gives \['force'\]"),
    ],
)
def test_a_field_that_the_recording_lacks_is_refused(tmp_path, changes, words):
    student = write_student(tmp_path)
    teacher = write_policy(tmp_path, {**FORCE, **changes}, name='teacher.onnx')
    with pytest.raises(RecordingError, match=words):
        labels_of(recorded(tmp_path, student), student, teacher)


def test_two_fields_of_one_topic_are_refused(tmp_path):
    student = write_student(tmp_path)
    torque = {**FORCE, 'field': 'wrench.torque'}
    teachers = [
        write_policy(tmp_path, term, name=f'{name}.onnx')
        for name, term in (('force', FORCE), ('torque', torque))
    ]
    with pytest.raises(ConfigError, match=r'has field wrench\.force for one policy and'):
        labels_of(recorded(tmp_path, student), student, *teachers)
