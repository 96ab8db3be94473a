# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from distill_runtime.errors import ConfigError, ModelError
from distill_runtime.policy.golden import record_golden
from distill_runtime.policy.model import load_policy
from distill_runtime.policy.model_file.mjlab_keys import KEYS
from distill_runtime.policy.pack import pack, PROVENANCE_KEY, read_provenance
from distill_runtime.policy.session import open_session, PolicySession
from distill_runtime.policy.versions import versions
from distill_runtime.spec.readers.native import SPEC_KEY
import numpy as np
import onnx
import pytest
from support.models import save_linear
from support.specs import make_spec

TERMS = (
    {'term': 'joint_position', 'relative': True},
    {'term': 'joint_velocity', 'scale': 0.05},
)
EXACT = {
    'default_position': [0.1 + 0.2, -1 / 3, 0.5],
    'stiffness': [1e-17, 35.123456789012345, 1.0],
    'damping': [0.5, 0.5, 0.5],
    'limits': {'position': [[-1.0, 1.0], [-2.0, 0.0], [0.0, 1.0]]},
    'action': {'scale': 0.4386},
}
SPEC = make_spec(*TERMS, **EXACT)
WEIGHTS = np.random.default_rng(0).normal(size=(6, 3)).astype(np.float32)


@pytest.fixture
def model(tmp_path):
    """Return the content of a model with metadata of another program."""
    return save_linear(tmp_path / 'a.onnx', WEIGHTS, metadata={'author': 'someone'}).read_bytes()


@pytest.fixture
def golden(model):
    observations = np.random.default_rng(1).normal(size=(3, 6)).astype(np.float32)
    return record_golden(PolicySession(*open_session(model), SPEC), observations)


def metadata_of(model):
    return {entry.key: entry.value for entry in onnx.load_from_string(model).metadata_props}


def test_packed_file_loads_with_the_same_spec(model, golden, tmp_path):
    path = tmp_path / 'packed.onnx'
    path.write_bytes(pack(model, SPEC, golden))
    loaded = load_policy(path)
    assert loaded.spec.golden == golden
    assert loaded.golden_error == 0.0
    for field in ('default_position', 'stiffness', 'limits', 'inputs', 'outputs'):
        assert getattr(loaded.spec, field) == getattr(SPEC, field)
    # its golden vectors count if no others are given
    assert metadata_of(pack(model, loaded.spec)) == metadata_of(path.read_bytes())


@pytest.mark.parametrize('restart', [True, 'at_offset', 'advanced'])
def test_packed_file_keeps_the_restart_of_the_gait_clock(tmp_path, restart):
    gait = {
        'term': 'gait_phase',
        'frequency': 1.0,
        'offsets': [0.0],
        'components': ['cos', 'sin', 'cos'],
        'advance': 'before',
        'standing': {'below': 0.01, 'phase': 3.0, 'restart': restart},
    }
    path = save_linear(tmp_path / 'packed.onnx', WEIGHTS)
    path.write_bytes(pack(path, make_spec(TERMS[0], gait)))
    assert load_policy(path).spec.inputs[0].terms[1].standing.restart == restart


def test_packing_again_replaces_and_keeps_foreign_metadata(model):
    first = pack(model, SPEC, provenance={'seed': 1})
    second = pack(first, SPEC, provenance={'seed': 2})
    metadata = metadata_of(second)
    assert metadata['author'] == 'someone'
    assert read_provenance(metadata) == {'seed': 2}
    ours = {PROVENANCE_KEY, SPEC_KEY, *KEYS} - {'command_names'}
    assert metadata.keys() == {'author', *ours}
    assert len(onnx.load_from_string(second).metadata_props) == len(metadata)


@pytest.mark.parametrize(
    ('weight', 'spec', 'message'),
    [
        (1.01, SPEC, r'golden\.action\[0\]\[\d\] is .*, expected'),
        (1.0, make_spec({'term': 'joint_velocity'}), 'expected 3 elements, the sum of'),
        (None, SPEC, 'model cannot be loaded as ONNX'),
    ],
)
def test_what_would_be_refused_at_load_is_not_packed(tmp_path, golden, weight, spec, message):
    content = b'no model'
    if weight is not None:
        content = save_linear(tmp_path / 'b.onnx', weight * WEIGHTS).read_bytes()
    with pytest.raises(ModelError, match=message):
        pack(content, spec, golden)


@pytest.mark.parametrize('value', [float('nan'), b'bytes', {1, 2}])
def test_provenance_that_is_no_json_is_refused(model, value):
    with pytest.raises(ConfigError, match='provenance cannot be written as JSON'):
        pack(model, SPEC, provenance={'value': value})


@pytest.mark.parametrize('text', ['{', '[1]'])
def test_broken_provenance_is_refused(text):
    assert read_provenance({}) == {}
    with pytest.raises(ConfigError, match=PROVENANCE_KEY):
        read_provenance({PROVENANCE_KEY: text})


def test_package_that_is_absent_has_an_unknown_version():
    expected = {'numpy': np.__version__, 'no-such-package': 'unknown'}
    assert versions(*expected) == expected
