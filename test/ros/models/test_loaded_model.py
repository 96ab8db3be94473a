# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from distill_runtime.core.config import RunnerConfig
from distill_runtime.errors import ConfigError, DistillError
from distill_runtime.policy.model import load_policy
from distill_runtime.ros.models.loaded_model import ModelFactory
from distill_runtime.ros.node_config import StudentNodeConfig
import pytest
from support.bad_models import write_bad_models
from support.ros_harness import LOCKSTEP, student, values
from support.ros_policies import JOINT_TERM, LIMITS, TERMS, write_policy
from support.student_variants import STUDENT, write_alike
from support.swap_marathon import GOOD
from support.swaps import BUSY_MACHINE, has_acted, Remote, sha256, Walker

DEEP = {'major': 'term', 'order': 'oldest_first', 'fill': 'first'}
REASONS = {
    'truncated': 'cannot be loaded as ONNX',
    'empty': 'looks like an empty file: copy or export it again',
    'no_onnx': 'looks like text: give the .onnx file',
    'missing': 'cannot be read: No such file or directory',
    'nan_weights': 'nan',
    'other_joint': 'joint',
    'other_period': 'period is 0.01 s, expected 0.02 s',
    'other_gains': 'stiffness of ',
    'wrong_width': '225',
    'other_golden': 'golden',
    'slow': 'ms for an inference, expected within 16.00 ms, 80% of the control period',
    'no_data': 'weights.bin',
    'too_large': 'has 200 MB, expected at most 64 MB while the node runs',
    'huge': 'has 3221225472 bytes, expected at most',
}


@pytest.fixture(scope='module')
def bad(tmp_path_factory):
    return write_bad_models(tmp_path_factory.mktemp('bad') / 'models')


@pytest.fixture(scope='module')
def quadruped(ros):
    """Return a Remote and a Walker of a robot that the shipped student walks."""
    spec = load_policy(STUDENT).spec
    fields = {
        'names': spec.joints,
        'position': spec.default_position,
        'velocity': (0.0,) * len(spec.joints),
    }
    with student(ros, STUDENT, **LOCKSTEP, **BUSY_MACHINE) as rig:
        remote = Remote(rig)
        with Walker(rig, fields=lambda number: fields) as walker:
            yield remote, walker


def test_every_kind_of_bad_model_has_its_reason(bad):
    assert REASONS.keys() == bad.keys()


@pytest.mark.parametrize('kind', REASONS)
def test_bad_model_is_refused_with_its_reason_and_the_robot_walks_on(quadruped, bad, kind):
    remote, walker = quadruped
    is_set, reason = remote.set(model=bad[kind], blend_time=0.9)
    assert not is_set
    assert bad[kind].name in reason
    assert REASONS[kind] in reason
    assert remote.get('model', 'blend_time') == [str(STUDENT), 0.2]
    walker.steps(2)
    assert has_acted(remote.rig, STUDENT)
    found = values(remote.rig.diagnose())
    assert found['mode'] == 'policy', found['reason']


@pytest.mark.parametrize('kind', GOOD)
def test_good_student_of_another_kind_is_taken(quadruped, tmp_path, kind):
    remote, walker = quadruped
    path = write_alike(tmp_path / f'{kind}.onnx', **GOOD[kind])
    assert remote.set(model=path) == (True, '')
    assert has_acted(remote.rig, path)
    assert remote.set(model=STUDENT) == (True, '')
    walker.steps(2)


def make(known, other):
    """Return what a node that was configured with one policy makes of another one."""
    policy = load_policy(known)
    config = StudentNodeConfig(model=str(other))
    runner = policy.runner(config.runner_config(policy.spec.period, RunnerConfig().checks))
    return ModelFactory('/student_node', ('tick',), policy.spec, runner).make(config)


def test_occupant_says_what_it_is_and_has_seen_nothing_yet(model):
    made = make(model, model)
    assert made.name == f'policy.onnx ({sha256(model)[:12]})'
    assert made.facts['model_sha256'] == sha256(model)
    assert made.timed.mean_ns > 0.0
    assert made.instance.next_step == 0


@pytest.mark.parametrize(
    ('terms', 'changes', 'text'),
    [
        (
            (), {'history': {**DEEP, 'length': 257}},
            'history goes back 257 steps, expected at most 256',
        ),
        (
            ({'term': 'base_linear_velocity'},), {},
            'odom is needed, which the node was not configured to listen to',
        ),
        (
            ({'term': 'external', 'topic': '/scan', 'width': 4},), {},
            "external '/scan' is not among what the node was configured to listen to",
        ),
        ((), {'mode': 'velocity'}, 'outputs.mode of hip is velocity, expected position'),
        ((), {'limits': {**LIMITS, 'effort': [3.0] * 3}}, 'effort limit of hip is 3, expected 4'),
    ],
)  # fmt: skip
def test_policy_that_needs_a_configuration_of_its_own_is_refused(
    models, model, terms, changes, text
):
    other = write_policy(models, *(terms or TERMS), name='unlike.onnx', **changes)
    with pytest.raises(DistillError, match=text):
        make(model, other)


def test_gains_that_are_left_open_are_those_of_the_configuration(models, model):
    other = write_policy(models, name='open.onnx', stiffness=None, damping=None)
    assert make(model, other).policy.spec.stiffness is None
    with pytest.raises(ConfigError, match='stiffness is given, and was not when the node was'):
        make(other, model)


def test_policy_that_reads_less_is_taken_and_one_that_reads_more_is_not(models, model):
    blind = write_policy(models, JOINT_TERM, name='blind.onnx')
    make(model, blind)
    with pytest.raises(ConfigError, match=r'imu is needed, .*cmd_vel is needed, .*velocities'):
        make(blind, model)
