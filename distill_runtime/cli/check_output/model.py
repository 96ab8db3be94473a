# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Facts about a model file and its signatures for the page and the report of `check`."""

from __future__ import annotations

from collections.abc import Iterator
import contextlib
from dataclasses import dataclass
from pathlib import Path

from distill_runtime.errors import SignatureError
from distill_runtime.policy.model import encoder_files
from distill_runtime.policy.model_file.model_files import model_files, sha256_of
from distill_runtime.policy.model_file.onnx_facts import (
    MAX_BYTES,
    OnnxFacts,
    read_file,
    read_onnx_facts,
)
from distill_runtime.policy.network import TensorInfo
from distill_runtime.policy.signature import fingerprint, split_signatures
from distill_runtime.policy.validation import Validation
from distill_runtime.spec.findings.finding import Finding


@dataclass(frozen=True, kw_only=True)
class SignatureFacts:
    """Signatures of a model file, and whether they are valid."""

    verdicts: dict[str, bool | None]
    """Fingerprint of each key, and whether its signature is valid; None: not verified."""
    problem: str = ''
    """Why the signatures cannot be read; '' if they can."""

    def text(self) -> str:
        """Return one line for the page."""
        words = {True: 'valid', False: 'NOT VALID', None: 'not verified, no cryptography here'}
        if self.problem:
            return f'NOT VALID: {self.problem}'
        texts = [f'key {mark}, {words[verdict]}' for mark, verdict in self.verdicts.items()]
        return '; '.join(texts) or 'none'

    def report(self) -> list[dict[str, object]]:
        """Return the signatures for the report."""
        return [{'key': mark, 'valid': verdict} for mark, verdict in self.verdicts.items()]

    def findings(self) -> Iterator[Finding]:
        """Yield a finding if the file was changed since it was signed, by any key."""
        broken = [mark for mark, verdict in self.verdicts.items() if verdict is False]
        if self.problem or broken:
            yield Finding(
                code='signature.not_valid',
                severity='warning',
                message=self.problem
                or f'file is not what {", ".join(broken)} signed: it was altered since',
                hint='get the file again from where it was signed; a robot with trusted_keys '
                'refuses it',
            )


def read_signature_facts(model: Path) -> SignatureFacts:
    """Read the signatures of a model file, and verify them if cryptography is installed.

    Raises:
        ConfigError: If the file cannot be read.
    """
    try:
        body, signatures = split_signatures(read_file(model, MAX_BYTES))
    except SignatureError as error:
        return SignatureFacts(verdicts={}, problem=str(error))
    verdicts: dict[str, bool | None] = {fingerprint(entry.key): None for entry in signatures}
    with contextlib.suppress(ImportError):
        from distill_runtime.policy.keys import is_valid

        verdicts = {fingerprint(entry.key): is_valid(entry, body) for entry in signatures}
    return SignatureFacts(verdicts=verdicts)


@dataclass(frozen=True, kw_only=True)
class ModelFacts:
    """A model and the files beside it that it needs."""

    files: tuple[str, ...]
    """Names of all its files, the model itself first."""
    sha256: str
    """Hash of all files, concatenated."""
    size: int
    """Total size in [byte]."""
    onnx: OnnxFacts
    signature: SignatureFacts

    def rows(self, found: Validation) -> list[tuple[str, str]]:
        """Return names and values for the page."""
        graph = found.graph
        rows = [] if found.sourced is None else [('policy', found.sourced.spec.name)]
        rows += [
            ('file', f'{found.path}, {self.size / 1024:.0f} KiB'),
            ('sha256', self.sha256),
            ('inputs', _tensors(graph.inputs)),
            ('outputs', _tensors(graph.outputs)),
        ]
        domains = f', also {", ".join(self.onnx.domains)}' if self.onnx.domains else ''
        rows += [
            ('opset', f'{self.onnx.opset}{domains}; by {self.onnx.producer or "unknown"}'),
            ('weights', ', '.join(self.onnx.external_files) or 'inside the file'),
            ('signature', self.signature.text()),
        ]
        return rows

    def report(self, found: Validation) -> dict[str, object]:
        """Return the facts for the report."""
        return {
            'path': str(found.path),
            'sha256': self.sha256,
            'size': self.size,
            'inputs': [vars(info) for info in found.graph.inputs],
            'outputs': [vars(info) for info in found.graph.outputs],
            'opset': self.onnx.opset,
            'producer': self.onnx.producer,
            'external_files': self.onnx.external_files,
            'files': self.files,
            'signatures': self.signature.report(),
        }


def read_model_facts(found: Validation) -> ModelFacts:
    """Read the files of a validated model."""
    facts = read_onnx_facts(found.path)
    files = model_files(found.path, facts)
    if found.policy is not None:
        files += encoder_files(found.path, found.graph, found.policy.spec)
    return ModelFacts(
        files=tuple(path.name for path in files),
        sha256=sha256_of(files),
        size=sum(path.stat().st_size for path in files),
        onnx=facts,
        signature=read_signature_facts(found.path),
    )


def _tensors(infos: tuple[TensorInfo, ...]) -> str:
    return ', '.join(f'{info.name} {list(info.shape)} {info.dtype}' for info in infos)
