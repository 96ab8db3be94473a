# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json

from distill_runtime.errors import ConfigError
from distill_runtime.policy import find_spec as module
from distill_runtime.policy.network import Graph
from distill_runtime.spec.readers.native import SPEC_KEY
from distill_runtime.spec.robot_description import RobotDescription
import pytest
from support.specs import spec_mapping
import yaml

ROBOT = RobotDescription(
    name='three',
    joints=('ankle', 'knee', 'hip'),
    position=((-1.0, 0.0), (-2.0, 2.0), (-float('inf'), float('inf'))),
    velocity=(1.0, 2.0, float('inf')),
    effort=(10.0, 20.0, 30.0),
    source='made up',
)
DEPLOY = {
    'joint_ids_map': [2, 1, 0],
    'step_dt': 0.02,
    'stiffness': [10, 20, 30],
    'damping': [1, 2, 3],
    'default_joint_pos': [0.1, 0.6, -0.5],
    'commands': {},
    'actions': {'JointPositionAction': {'scale': 0.5, 'offset': [0.1, 0.6, -0.5]}},
    'observations': {'joint_pos_rel': {'scale': None, 'clip': None, 'history_length': 1}},
}


@pytest.fixture
def model(tmp_path):
    """Return the path of a model; find_spec does not open it."""
    return tmp_path / 'exported' / 'walk.onnx'


def find_spec(model, metadata, spec=None, robot=None):
    graph = Graph(inputs=(), outputs=(), metadata=metadata)
    return module.find_spec(model, graph, spec, robot)


def write(path, values):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(yaml.safe_dump(values))
    return path


def embedded(**changes):
    return {SPEC_KEY: json.dumps(spec_mapping(**changes))}


def test_user_beats_embedded_beats_sidecar(model, tmp_path):
    user = write(tmp_path / 'mine.yaml', {'period': 0.01})
    sidecar = write(
        model.with_name('walk.spec.yaml'),
        {'period': 0.04, 'name': 'sidecar', 'stiffness': [1, 2, 3], 'damping': [1, 1, 1]},
    )
    found = find_spec(model, embedded(), user)
    assert (found.spec.period, found.spec.name) == (0.01, 'small')
    assert found.spec.stiffness == (1.0, 2.0, 3.0)
    assert found.sources['period'] == str(user)
    assert found.sources['name'] == 'walk.onnx:distill_runtime.spec'
    assert found.sources['stiffness'] == str(sidecar)
    assert {(c.field, c.value, c.other_value) for c in found.conflicts} == {
        ('period', 0.01, 0.02),
        ('period', 0.01, 0.04),
        ('name', 'small', 'sidecar'),
    }


@pytest.mark.parametrize(
    'location',
    ['deploy.yaml', 'params/deploy.yaml', '../params/deploy.yaml', '../param/deploy.yaml'],
)
def test_deploy_yaml_is_found_where_unitree_puts_it(model, location):
    model.parent.mkdir()
    write(model.parent / location, DEPLOY)
    assert find_spec(model, {}, None, ROBOT).spec.stiffness == (30.0, 20.0, 10.0)


METADATA = {
    'joint_names': 'hip,knee,ankle',
    'joint_stiffness': '30.000,20.000,10.000',
    'joint_damping': '3.000,2.000,1.000',
    'default_joint_pos': '0.100,0.600,-0.500',
    'observation_names': 'joint_pos',
    'observation_terms_scale': '1.000',
    'observation_terms_clip': '-inf;inf',
    'observation_terms_history_length': '0.000',
    'action_scale': '0.502',
}


def test_dialect_in_the_metadata_beats_one_in_a_file(model):
    write(model.parent / 'deploy.yaml', DEPLOY)
    found = find_spec(model, METADATA, None, ROBOT)
    assert found.spec.outputs.action.scale == 0.502
    assert found.sources['joints'] == 'walk.onnx metadata: joint_names'
    assert found.sources['period'].endswith('deploy.yaml: step_dt')
    conflicts = {entry.field: entry for entry in found.conflicts}
    assert conflicts['outputs.action.scale'].value == 0.502
    assert conflicts['outputs.action.scale'].other_value == [0.5, 0.5, 0.5]
    assert conflicts['outputs.action.scale'].other_source.endswith('deploy.yaml: actions')


def test_file_of_the_user_in_a_dialect_beats_the_metadata(model, tmp_path):
    user = write(tmp_path / 'mine.yaml', {**DEPLOY, 'damping': [1, 2, 4]})
    found = find_spec(model, METADATA, user, ROBOT)
    assert found.spec.damping == (4.0, 2.0, 1.0)
    assert found.conflicts == ()  # it is complete, so metadata is not read


def test_joint_that_the_robot_lacks_is_refused(model):
    metadata = embedded(joints=['hip', 'knee', 'toe'])
    with pytest.raises(
        ConfigError,
        match=r"^joint 'toe' is in the policy but not on robot 'three', which has \['ankle', ",
    ):
        find_spec(model, metadata, None, ROBOT)


def test_model_without_a_spec_is_refused_with_hints(model):
    with pytest.raises(
        ConfigError,
        match=r"^name is missing, found in none of \['no file'\]: give it in a file with --spec",
    ):
        find_spec(model, {})


def test_given_file_in_the_folder_of_the_model_is_read_once(model, monkeypatch):
    sidecar = write(model.with_name('walk.spec.yaml'), {'name': 'sidecar'})
    write(model.with_name('other.spec.yaml'), {})
    monkeypatch.chdir(model.parent)
    with pytest.raises(ConfigError, match=r"found in none of \['\S*walk\.spec\.yaml'\]"):
        find_spec(model, {}, sidecar.relative_to(model.parent))
    deploy = write(model.parent / 'deploy.yaml', DEPLOY)
    with pytest.raises(ConfigError, match=rf"found in none of \['{deploy}', '{sidecar}'\]"):
        find_spec(model, {}, deploy)


def test_weaker_source_that_differs_is_a_conflict(model):
    write(model.parent / 'deploy.yaml', DEPLOY)
    write(model.parent / 'params' / 'deploy.yaml', {**DEPLOY, 'step_dt': 0.01})
    found = find_spec(model, {}, None, ROBOT)
    assert (found.spec.period, found.spec.joints) == (0.02, ('hip', 'knee', 'ankle'))
    assert [(c.field, c.other_value) for c in found.conflicts] == [('period', 0.01)]
    write(model.with_name('walk.spec.yaml'), {'period': 0.04})
    found = find_spec(model, {}, None, ROBOT)
    assert found.spec.period == 0.04
    assert [(c.field, c.other_value) for c in found.conflicts] == [
        ('period', 0.02),
        ('period', 0.01),
    ]


def test_user_may_state_one_fact_and_leave_the_rest_to_a_dialect(model, tmp_path):
    write(model.parent / 'deploy.yaml', DEPLOY)
    user = write(tmp_path / 'mine.yaml', {'outputs': {'action': {'clip': [-5, 5]}}})
    found = find_spec(model, {}, user, ROBOT)
    assert found.spec.outputs.action.clip == (-5.0, 5.0)
    assert found.conflicts == ()
    write(model.parent / 'deploy.yaml', {**DEPLOY, 'step_dt': 'broken'})
    assert find_spec(model, embedded()).spec.period == 0.02  # complete without it


def test_limits_of_the_robot_fill_in_by_joint_name(model):
    found = find_spec(model, embedded(limits={'effort': [1, 2, 3]}), None, ROBOT)
    limits, infinity = found.spec.limits, float('inf')
    assert limits.effort == (1.0, 2.0, 3.0)
    assert limits.position == ((-infinity, infinity), (-2.0, 2.0), (-1.0, 0.0))
    assert limits.velocity == (infinity, 2.0, 1.0)
    assert found.sources['limits.velocity'] == 'robot three'
    assert [c.field for c in found.conflicts] == ['limits.effort']
