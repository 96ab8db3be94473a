# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from distill_runtime.policy.keys import read_private_key, sign_model, write_new_key
import pytest
from rclpy.lifecycle import TransitionCallbackReturn
from rclpy.parameter import Parameter
from support.ros_harness import student

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


def test_model_in_the_root_is_loaded(ros, model):
    with student(ros, model, is_active=False, model_root=str(model.parent)) as rig:
        rig.configure()


def test_links_that_lead_nowhere_are_refused(ros, tmp_path):
    (tmp_path / 'a.onnx').symlink_to(tmp_path / 'b.onnx')
    (tmp_path / 'b.onnx').symlink_to(tmp_path / 'a.onnx')
    assert 'a.onnx' in refusal(ros, tmp_path / 'a.onnx', model_root=str(tmp_path))


def test_signed_model_runs_and_the_log_says_by_whom(ros, signed, keys, capfd):
    with student(ros, signed, is_active=False, trusted_keys=[str(keys[1])]) as rig:
        rig.configure()
    assert f'{signed} is signed with {keys[1]} (' in capfd.readouterr().err


def test_unsigned_model_is_refused(ros, model, keys):
    reason = refusal(ros, model, trusted_keys=[str(keys[1])])
    assert reason.startswith(f"model {model} is not signed, expected a signature of one of ['")
    assert str(keys[1]) in reason


def test_altered_model_is_refused(ros, signed, keys, tmp_path):
    path = tmp_path / 'altered.onnx'
    content = bytearray(signed.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    reason = refusal(ros, path, trusted_keys=[str(keys[1])])
    assert f'{path} was altered after it was signed with {keys[1]}' in reason


def test_model_of_another_key_is_refused_naming_who_signed_and_who_may(ros, signed, tmp_path):
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


def test_empty_name_alone_lets_unsigned_models_run(ros, model):
    with student(ros, model, is_active=False, trusted_keys=['']) as rig:
        rig.configure()


@pytest.mark.parametrize(
    ('name', 'value'), [('trusted_keys', ['']), ('model_root', '/'), ('model_root', '')]
)
def test_guards_cannot_be_taken_away_from_a_running_node(ros, model, keys, name, value):
    guards = {'trusted_keys': [str(keys[1])], 'model_root': str(keys[1].parent)}
    with student(ros, model, is_active=False, **guards) as rig:
        (result,) = rig.node.set_parameters([Parameter(name, value=value)])
        assert (result.successful, 'read-only' in result.reason) == (False, True)
        assert rig.node.get_parameter(name).value == guards[name]
