# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import hashlib
import json
import os
import shutil
import sys

from distill_runtime.errors import ConfigError, MissingExtraError, ModelError, SignatureError
from distill_runtime.policy import model as model_module
from distill_runtime.policy.keys import (
    read_private_key,
    read_public_key,
    sign_model,
    write_new_key,
)
from distill_runtime.policy.model import load_policy
from distill_runtime.policy.trust import make_trust, ModelTrust, SIGNED_ONLY
from distill_runtime.spec.readers.native import SPEC_KEY
import onnx
import pytest
from support.models import save_linear
from support.specs import spec_mapping

WEIGHTS = [[1, 0, 0], [0, 2, 0], [0, 0, 3]]
URDF = '<robot name="leg"><link name="base"/></robot>'


@pytest.fixture
def root(tmp_path):
    folder = tmp_path / 'models'
    folder.mkdir()
    return folder


@pytest.fixture(scope='module')
def keys(tmp_path_factory):
    """Return the paths of a private key and its public one."""
    path = tmp_path_factory.mktemp('keys') / 'ours.pem'
    return path, write_new_key(path)[0]


def packed(path, **changes):
    return save_linear(path, WEIGHTS, metadata={SPEC_KEY: json.dumps(spec_mapping(**changes))})


def signed(path, keys, **changes):
    packed(path, **changes)
    path.write_bytes(sign_model(path.read_bytes(), read_private_key(keys[0], str)))
    return path


def load(path, root, **options):
    return load_policy(path, trust=make_trust(str(root)), **options)


def trusting(keys, root=''):
    return make_trust(str(root), [str(keys[1])])


def test_without_parameters_anything_goes():
    assert make_trust() == make_trust('', ['']) == ModelTrust()


def test_files_in_the_root_are_loaded_from_their_resolved_paths(root):
    real = save_linear(root / 'walk.onnx', WEIGHTS)
    (root / 'newest.onnx').symlink_to('walk.onnx')
    (root / 'own.yaml').write_text(json.dumps(spec_mapping()))
    policy = load(root / 'newest.onnx', root, spec=root / 'own.yaml')
    assert (policy.path, policy.spec.name) == (real, 'small')
    with pytest.raises(ConfigError, match="joint 'hip' is in the policy but not on robot 'unitr"):
        load(packed(real), root, robot='unitree_go2')  # a profile is in no file
    with pytest.raises(ConfigError, match=r"model_root is '.*/no', expected a folder that exist"):
        make_trust(str(root / 'no'))


@pytest.mark.parametrize('is_link', [True, False])
@pytest.mark.parametrize(
    ('name', 'message'),
    [
        ('walk.onnx', r'^model .*walk\.onnx is outside model_root, expected it'),
        ('mine.yaml', r'^spec .*mine\.yaml is outside model_root'),
        ('leg.urdf', r'^robot_description .*leg\.urdf is outside model_root'),
        ('safe.spec.json', r'file .*safe\.spec\.json is outside .*evil$'),
    ],
)
def test_file_outside_the_root_is_refused(root, tmp_path, is_link, name, message):
    model, path = save_linear(root / 'safe.onnx', WEIGHTS), root / '..' / name
    if is_link or name == 'safe.spec.json':  # which is searched in the root only
        (tmp_path / 'evil').write_text(json.dumps(spec_mapping()))
        path = root / name
        path.symlink_to(tmp_path / 'evil')
    options = {'mine.yaml': {'spec': path}, 'leg.urdf': {'robot': str(path)}}
    with pytest.raises(ConfigError, match=message):
        load(path if name == 'walk.onnx' else model, root, **options.get(name, {}))


@pytest.mark.parametrize('location', ['params/deploy.yaml', '../params/deploy.yaml'])
def test_file_of_a_dialect_is_read_from_the_root_only(root, shared_data, location):
    source = shared_data / 'policies' / 'unitree_rl_lab_g1'
    if not source.is_dir():
        pytest.skip(f'no {source} here')
    folder = root / 'exported'
    folder.mkdir()
    model = shutil.copy(next(source.rglob('*.onnx')), folder / 'policy.onnx')
    target = folder / location
    target.parent.mkdir()
    shutil.copy(next(source.rglob('deploy.yaml')), target)
    robot = 'unitree_g1_29dof'
    assert load(model, root, robot=robot).spec.joints
    if location.startswith('..'):
        with pytest.raises(ConfigError, match=r'deploy\.yaml is outside model_root'):
            load(model, folder, robot=robot)


def test_signed_model_is_loaded_with_its_signer(root, keys):
    path = signed(root / 'walk.onnx', keys)
    policy = load_policy(path, trust=trusting(keys, root))
    assert policy.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert policy.signer == str(read_public_key(keys[1]))
    assert load_policy(path).signer == ''


def test_unsigned_and_altered_models_are_refused(root, keys):
    path = packed(root / 'walk.onnx')
    with pytest.raises(SignatureError, match=r'walk\.onnx is not signed, expected a signature of'):
        load_policy(path, trust=trusting(keys))
    content = signed(path, keys).read_bytes()
    path.write_bytes(content.replace(b'"scale":0.5', b'"scale":0.9').replace(b'0.5', b'0.9'))
    with pytest.raises(SignatureError, match=r'walk\.onnx was altered after it was signed with'):
        load_policy(path, trust=trusting(keys))


def test_other_files_are_ignored_for_a_signed_model(root, keys):
    path = signed(root / 'walk.onnx', keys)
    before = load_policy(path, trust=trusting(keys)).sourced
    limits = {'position': [[-9, 9]] * 3, 'velocity': [99] * 3, 'effort': [99] * 3}
    for name in ('walk.spec.json', 'walk.spec.yaml'):
        (root / name).write_text(json.dumps({'limits': limits}))
    assert load_policy(path).spec.limits is not None
    assert load_policy(path, trust=trusting(keys)).sourced == before
    assert load_policy(path, trust=SIGNED_ONLY).sourced == before
    with pytest.raises(ConfigError, match='is_alone is False, expected True where a model must'):
        ModelTrust(keys=(read_public_key(keys[1]),))
    save_linear(path, WEIGHTS)
    path.write_bytes(sign_model(path.read_bytes(), read_private_key(keys[0], str)))
    with pytest.raises(ConfigError, match='is missing, found in none of'):
        load_policy(path, trust=trusting(keys))
    onnx.save(
        onnx.load(str(path)), str(path), save_as_external_data=True, location='walk.data',
        size_threshold=0,
    )  # fmt: skip
    with pytest.raises(SignatureError):
        load_policy(path, trust=trusting(keys))
    with pytest.raises(ModelError, match=r"needs \['walk\.data'\], expected its weights embedded"):
        load_policy(path, trust=SIGNED_ONLY)


def test_key_that_cannot_be_read_is_refused(keys, tmp_path):
    with pytest.raises(ConfigError, match=r'^trusted_keys: .*no\.pem cannot be read: No such fi'):
        make_trust('', [str(keys[1]), str(tmp_path / 'no.pem')])
    for paths in (['', 'a.pem'], ['a.pem', '']):
        with pytest.raises(ConfigError, match=r'expected paths of PEM files, or \[\'\'\] alone$'):
            make_trust('', paths)
    if os.geteuid() == 0:
        return  # nothing is unreadable for root
    hidden = tmp_path / 'hidden.pem'
    shutil.copy(keys[1], hidden)
    hidden.chmod(0)
    with pytest.raises(ConfigError, match=r'hidden\.pem cannot be read: Permission denied'):
        make_trust('', [str(hidden)])


def test_missing_library_is_an_error(monkeypatch):
    monkeypatch.delitem(sys.modules, 'distill_runtime.policy.keys', raising=False)
    monkeypatch.setitem(sys.modules, 'cryptography.exceptions', None)
    with pytest.raises(MissingExtraError, match=r'is not installed: .*apt install python3-crypt'):
        make_trust('', ['a.pem'])


@pytest.fixture
def before_inspection(monkeypatch):
    """Return a list of what to do once a path has been checked and is not yet loaded."""
    steps, inspect = [], model_module.inspect_model

    def change_and_inspect(content):
        while steps:
            steps.pop()()
        return inspect(content)

    monkeypatch.setattr(model_module, 'inspect_model', change_and_inspect)
    return steps


def test_link_that_changes_after_the_check_has_no_effect(root, tmp_path, before_inspection):
    packed(root / 'good.onnx', name='good')
    packed(tmp_path / 'evil.onnx', name='evil')
    link = root / 'newest.onnx'
    link.symlink_to('good.onnx')
    before_inspection += [lambda: link.symlink_to(tmp_path / 'evil.onnx'), link.unlink]
    assert load(link, root).spec.name == 'good'


def test_file_that_is_swapped_after_it_was_verified_changes_nothing(root, keys, before_inspection):
    path = signed(root / 'walk.onnx', keys, name='good')
    before_inspection.append(lambda: packed(path, name='evil'))
    assert load_policy(path, trust=trusting(keys)).spec.name == 'good'


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        ({'spec': 'a.yaml'}, r"^spec is 'a\.yaml', expected '' where only signed"),
        ({'robot': 'a.urdf'}, r"^robot_description is 'a\.urdf', expected '' where"),
        ({'robot': URDF}, r"^robot_description is 'XML text', expected '' where"),
    ],
)
def test_what_would_change_a_signed_model_is_refused(root, keys, options, message):
    path = signed(root / 'walk.onnx', keys)
    with pytest.raises(ConfigError, match=message):
        load_policy(path, trust=trusting(keys), **options)


def test_urdf_that_is_in_no_file_is_refused_with_a_root(root):
    with pytest.raises(ConfigError, match=r'^robot_description is XML text, expected a file'):
        load(packed(root / 'walk.onnx'), root, robot=URDF)
