# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import sys

from distill_runtime.cli.check_output.model import read_signature_facts
from distill_runtime.policy.signature import join_signatures, Signature
import pytest
from support.models import save_linear

pytestmark = pytest.mark.needs('policy')
# of nobody: what a stranger can write beside any model
FORGED = Signature(key=b'k' * 32, value=b's' * 64)


@pytest.fixture
def model(tmp_path):
    return save_linear(tmp_path / 'walk.onnx', [[1.0]])


@pytest.fixture
def forged(model):
    model.write_bytes(join_signatures(model.read_bytes(), [FORGED]))
    return model


def test_unsigned_model_has_none(model):
    facts = read_signature_facts(model)
    assert (facts.text(), facts.report(), list(facts.findings())) == ('none', [], [])


def test_forged_signature_is_not_valid(forged):
    facts = read_signature_facts(forged)
    assert facts.text() == f'key {FORGED.fingerprint}, NOT VALID'
    assert facts.report() == [{'key': FORGED.fingerprint, 'valid': False}]
    (finding,) = facts.findings()
    assert finding.code == 'signature.not_valid'
    assert f'is not what {FORGED.fingerprint} signed' in finding.message


def test_entry_that_is_not_the_end_is_not_valid(forged):
    forged.write_bytes(forged.read_bytes() + b'\x32\x01x')
    facts = read_signature_facts(forged)
    assert facts.text().startswith('NOT VALID: its signature entry is not the end of the file')
    (finding,) = facts.findings()
    assert finding.message == facts.problem


def test_signature_is_not_verified_without_cryptography(forged, monkeypatch):
    monkeypatch.delitem(sys.modules, 'distill_runtime.policy.keys', raising=False)
    monkeypatch.setitem(sys.modules, 'cryptography.exceptions', None)
    facts = read_signature_facts(forged)
    assert facts.text().endswith('not verified, no cryptography here')
    assert facts.report() == [{'key': FORGED.fingerprint, 'valid': None}]
    assert list(facts.findings()) == []
