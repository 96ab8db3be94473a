# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from types import SimpleNamespace

from distill_runtime.core.config import RunnerConfig
from distill_runtime.errors import ConfigError, DistillError
from distill_runtime.policy.keys import read_private_key, sign_model, write_new_key
from distill_runtime.policy.model import load_policy
from distill_runtime.ros.models.loader import ModelFactory, ModelRegistry
from distill_runtime.ros.node_config import StudentNodeConfig
import pytest
from rclpy.lifecycle import TransitionCallbackReturn
from rclpy.parameter import Parameter
from support.bad_models import write_bad_models
from support.ros_harness import LOCKSTEP, student, values
from support.ros_policies import JOINT_TERM, LIMITS, TERMS, write_policy
from support.student_variants import STUDENT, write_student_variant
from support.swap_marathon import GOOD
from support.swaps import BUSY_MACHINE, is_active, label_of, Remote, sha256, Walker

pytestmark = pytest.mark.needs('policy')
FAILURE = TransitionCallbackReturn.FAILURE


def refusal(ros, model, **parameters):
    """Return why a node with these parameters does not load a model."""
    with student(ros, model, is_active=False, **parameters) as rig:
        assert rig.node.trigger_configure() == FAILURE
        assert rig.state() == 'unconfigured'
        return rig.node.refusal


@pytest.fixture(scope='module')
def keys(tmp_path_factory):
    """Return the paths of a private key and its public one."""
    path = tmp_path_factory.mktemp('keys') / 'ours.pem'
    return path, write_new_key(path)[0]


@pytest.fixture(scope='module')
def signed(model, keys, tmp_path_factory):
    path = tmp_path_factory.mktemp('signed') / 'signed.onnx'
    path.write_bytes(sign_model(model.read_bytes(), read_private_key(keys[0], str)))
    return path


def test_model_outside_the_root_is_refused_whatever_path_leads_to_it(ros, model, tmp_path):
    root = tmp_path / 'models'
    (root / 'sub').mkdir(parents=True)
    (root / 'link.onnx').symlink_to(model)
    for path in (model, root / 'link.onnx', root / 'sub' / '..' / '..' / 'elsewhere.onnx'):
        reason = refusal(ros, path, model_root=str(root))
        assert reason.startswith(f'model {path} is outside model_root, expected it below {root}')
    (root / 'a.onnx').symlink_to(root / 'b.onnx')
    (root / 'b.onnx').symlink_to(root / 'a.onnx')
    assert 'a.onnx' in refusal(ros, root / 'a.onnx', model_root=str(root))


def test_signed_model_in_the_root_runs_and_the_log_names_the_key(ros, signed, keys, capfd):
    guards = {'trusted_keys': [str(keys[1])], 'model_root': str(signed.parent)}
    with student(ros, signed, is_active=False, **guards) as rig:
        rig.configure()
        for name, value in (('trusted_keys', ['']), ('model_root', '/'), ('model_root', '')):
            (result,) = rig.node.set_parameters([Parameter(name, value=value)])
            assert (result.successful, 'read-only' in result.reason) == (False, True)
            assert rig.node.get_parameter(name).value == guards[name]
    assert f'{signed} is signed with {keys[1]} (' in capfd.readouterr().err


def test_model_without_a_signature_of_a_trusted_key_is_refused(ros, model, signed, keys, tmp_path):
    public = str(keys[1])
    reason = refusal(ros, model, trusted_keys=[public])
    assert reason.startswith(f"model {model} is not signed, expected a signature of one of ['")
    assert public in reason
    altered = tmp_path / 'altered.onnx'
    content = bytearray(signed.read_bytes())
    content[len(content) // 2] ^= 1
    altered.write_bytes(content)
    reason = refusal(ros, altered, trusted_keys=[public])
    assert f'{altered} was altered after it was signed with {public}' in reason
    other, mark = write_new_key(tmp_path / 'other.pem')
    reason = refusal(ros, signed, trusted_keys=[str(other)])
    assert f'{signed} is signed with [' in reason
    assert f'{other} ({mark})' in reason


@pytest.mark.parametrize('content', [None, b'', b'no key'])
def test_key_file_that_holds_no_key_is_refused(ros, signed, keys, tmp_path, content):
    path = tmp_path / 'key.pem'
    if content is not None:
        path.write_bytes(content)
    reason = refusal(ros, signed, trusted_keys=[str(keys[1]), str(path)])
    assert reason.startswith(f'trusted_keys: {path} ')


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


@pytest.mark.parametrize('kind', REASONS)
def test_bad_model_is_refused_with_its_reason_and_the_robot_walks_on(quadruped, bad, kind):
    remote, walker = quadruped
    assert REASONS.keys() == bad.keys()
    is_set, reason = remote.set(model=bad[kind], blend_time=0.9)
    assert not is_set
    assert bad[kind].name in reason
    assert REASONS[kind] in reason
    assert remote.get('model', 'blend_time') == [str(STUDENT), 0.2]
    walker.steps(2)
    assert is_active(remote.rig, STUDENT)
    found = values(remote.rig.diagnose())
    assert found['mode'] == 'policy', found['reason']


@pytest.mark.parametrize('kind', GOOD)
def test_good_student_of_another_kind_is_taken(quadruped, tmp_path, kind):
    remote, walker = quadruped
    path = write_student_variant(tmp_path / f'{kind}.onnx', **GOOD[kind])
    assert remote.set(model=path) == (True, '')
    assert is_active(remote.rig, path)
    assert remote.set(model=STUDENT) == (True, '')
    walker.steps(2)


def make(known, other):
    """Return what a node that was configured with one policy makes of another one."""
    policy = load_policy(known)
    config = StudentNodeConfig(model=str(other))
    runner = policy.runner(config.runner_config(policy.spec.period, RunnerConfig().checks))
    return ModelFactory('/student_node', ('tick',), policy.spec, runner).make(config)


def test_loaded_model_has_name_facts_and_inference_time(model):
    made = make(model, model)
    assert made.name == label_of(model)
    assert made.facts['model_sha256'] == sha256(model)
    assert made.timed.mean_ns > 0.0
    assert made.instance.next_step == 0


def test_registry_keeps_the_models_of_retained_instances():
    models = [SimpleNamespace(instance=object()) for _ in range(3)]
    first, second, third = (model.instance for model in models)
    registry = ModelRegistry(models[0])
    registry.add(models[1])
    registry.add(models[2])
    assert registry.active is models[0]
    assert registry.activate(second) is registry.active is registry[second] is models[1]
    registry.retain(third, first, None)
    assert [registry.find(instance) for instance in (first, second, third)] == [
        models[0], None, models[2]
    ]  # fmt: skip


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
def test_policy_that_needs_another_configuration_is_refused(models, model, terms, changes, text):
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
