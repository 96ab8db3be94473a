# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json

from distill_runtime.cli.main import main
from distill_runtime.policy.model import load_policy
from distill_runtime.policy.pack import read_provenance
import onnx
import pytest
from support.policies import write_leaning_policy
from support.real_policies import REAL, real_words

pytestmark = pytest.mark.needs('policy')
# said of the sources that were merged, and of golden vectors that were not there
OF_SOURCES = {'golden.missing', 'source.conflict'}


def pack(*words):
    return main(['pack', *map(str, words)])


def report(words, capsys):
    status = main(['check', *map(str, words), '--json', '-'])
    return status, json.loads(capsys.readouterr().out)


@pytest.fixture
def leaning(tmp_path):
    """Return the paths of a model, its spec, and the file to write."""
    return (*write_leaning_policy(tmp_path), tmp_path / 'packed.onnx')


@pytest.mark.parametrize('name', sorted(REAL))
def test_packed_real_policies_have_the_same_report(name, shared_data, tmp_path, capsys):
    words = real_words(name, shared_data)
    folder = tmp_path / 'elsewhere'
    folder.mkdir()
    packed = folder / 'packed.onnx'
    assert pack(*words, '-o', packed) == 0
    assert list(folder.iterdir()) == [packed]
    capsys.readouterr()
    status, source = report(words, capsys)
    packed_status, alone = report([packed, '--robot', REAL[name]], capsys)
    assert packed_status == status == 0
    golden = alone['spec'].pop('golden')
    assert alone['spec'] == source['spec']
    assert len(golden['action']) >= 8
    assert alone['golden_error'] == 0.0
    assert {json.dumps(f) for f in alone['findings'] if f['code'] not in OF_SOURCES} == {
        json.dumps(f) for f in source['findings'] if f['code'] not in OF_SOURCES
    }
    assert 'golden.missing' not in {finding['code'] for finding in alone['findings']}
    for part in ('observation', 'target_at_rest', 'deployable'):
        assert alone[part] == source[part]
    before, after = (onnx.load(str(path)) for path in (words[0], packed))
    assert after.graph.SerializeToString() == before.graph.SerializeToString()
    for model in (before, after):
        del model.metadata_props[:]
    assert after == before


def test_provenance_names_files_and_hashes_without_their_folders(leaning, capsys):
    model, spec, packed = leaning
    assert pack(model, '--spec', spec, '-o', packed) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith(f'{packed}: ')
    assert lines[1] == 'policy leaning, 12 golden steps recorded here'
    assert lines[2] == f'spec from {spec}'
    loaded = load_policy(packed)
    provenance = read_provenance(loaded.graph.metadata)
    assert provenance['model'][0]['file'] == 'leaning.onnx'
    assert provenance['model'][0]['sha256'] == load_policy(model, spec).sha256
    assert provenance['spec'][0]['file'] == 'leaning.yaml'
    assert provenance['fields']['period'] == 'leaning.yaml'
    assert provenance['versions'].keys() == {'distill_runtime', 'numpy', 'onnx', 'onnxruntime'}
    assert str(model.parent) not in json.dumps(provenance)


def test_packed_file_can_be_packed_again_with_another_spec(leaning, tmp_path):
    model, spec, packed = leaning
    pack(model, '--spec', spec, '-o', packed)
    (tmp_path / 'more.yaml').write_text('name: renamed\n')
    again = tmp_path / 'again.onnx'
    assert pack(packed, '--spec', tmp_path / 'more.yaml', '-o', again) == 0
    first, second = load_policy(packed), load_policy(again)
    assert (first.spec.name, second.spec.name) == ('leaning', 'renamed')
    assert second.spec.golden == first.spec.golden
    assert second.spec.inputs == first.spec.inputs
    provenance = read_provenance(second.graph.metadata)
    assert provenance['earlier'] == read_provenance(first.graph.metadata)
    keys = [entry.key for entry in onnx.load(str(again)).metadata_props]
    assert len(keys) == len(set(keys))


def test_external_weights_are_embedded(leaning, tmp_path):
    model, spec, packed = leaning
    outside = tmp_path / 'outside' / 'model.onnx'
    outside.parent.mkdir()
    onnx.save(
        onnx.load(str(model)),
        str(outside),
        save_as_external_data=True,
        location='model.onnx.data',
        size_threshold=0,
    )
    assert pack(outside, '--spec', spec, '-o', packed) == 0
    loaded = load_policy(packed)
    files = [entry['file'] for entry in read_provenance(loaded.graph.metadata)['model']]
    assert files == ['model.onnx', 'model.onnx.data']
    assert loaded.golden_error == 0.0


def test_refused_model_leaves_no_file(leaning, tmp_path, capsys):
    model, spec, packed = leaning
    wrong = tmp_path / 'wrong.yaml'
    wrong.write_text(spec.read_text().replace('  - name: obs', '  - name: other'))
    assert pack(model, '--spec', wrong, '-o', packed) == 2
    assert capsys.readouterr().err.startswith('distill-runtime: ')
    assert not packed.exists()
    assert not list(tmp_path.glob('*.tmp'))


def test_file_that_exists_is_replaced_by_force_only_and_with_the_same_bytes(leaning, capsys):
    model, spec, packed = leaning
    words = (model, '--spec', spec, '-o', packed)
    assert pack(*words) == 0
    first = packed.read_bytes()
    packed.write_bytes(b'mine')
    assert pack(*words) == 2
    assert 'exists already, not overwriting: give --force' in capsys.readouterr().err
    assert packed.read_bytes() == b'mine'
    assert pack(*words, '--force') == 0
    assert packed.read_bytes() == first
