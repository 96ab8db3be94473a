# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Facts about a model file for the page and the report of `check`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from distill_runtime.policy.model import encoder_files
from distill_runtime.policy.model_file.model_files import model_files, sha256_of
from distill_runtime.policy.model_file.onnx_facts import OnnxFacts, read_onnx_facts
from distill_runtime.policy.network import Graph, TensorInfo
from distill_runtime.policy.validation import Validation

from .signature import read_signature_facts, SignatureFacts


@dataclass(frozen=True, kw_only=True)
class ModelFacts:
    """One model, with the files beside it that belong to it."""

    path: Path
    files: tuple[str, ...]
    """Names of all its files, the model itself first."""
    sha256: str
    """Of all files behind one another."""
    size: int
    """In [byte]."""
    onnx: OnnxFacts
    signature: SignatureFacts

    def rows(self, found: Validation) -> list[tuple[str, str]]:
        """Return names and values for people."""
        graph = found.graph
        rows = [] if found.sourced is None else [('policy', found.sourced.spec.name)]
        rows += [
            ('file', f'{self.path}, {self.size / 1024:.0f} KiB'),
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

    def report(self, graph: Graph) -> dict[str, object]:
        """Return the part of the report about the file."""
        return {
            'path': str(self.path),
            'sha256': self.sha256,
            'size': self.size,
            'inputs': [_report(info) for info in graph.inputs],
            'outputs': [_report(info) for info in graph.outputs],
            'opset': self.onnx.opset,
            'producer': self.onnx.producer,
            'external_files': list(self.onnx.external_files),
            'files': list(self.files),
            'signatures': self.signature.report(),
        }


def read_model_facts(found: Validation) -> ModelFacts:
    """Read the files of a model that has been examined."""
    facts = read_onnx_facts(found.path)
    files = model_files(found.path, facts)
    if found.policy is not None:
        files += encoder_files(found.path, found.graph, found.policy.spec)
    return ModelFacts(
        path=found.path,
        files=tuple(path.name for path in files),
        sha256=sha256_of(files),
        size=sum(path.stat().st_size for path in files),
        onnx=facts,
        signature=read_signature_facts(found.path),
    )


def _tensors(infos: tuple[TensorInfo, ...]) -> str:
    return ', '.join(f'{info.name} {list(info.shape)} {info.dtype}' for info in infos)


def _report(info: TensorInfo) -> dict[str, object]:
    return {'name': info.name, 'dtype': info.dtype, 'shape': list(info.shape)}
