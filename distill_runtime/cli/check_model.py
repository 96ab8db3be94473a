# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Facts about a model file for the page and the report of `check`."""

from __future__ import annotations

from dataclasses import dataclass
import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

from distill_runtime.policy.examination import Examination
from distill_runtime.policy.session import Graph, TensorInfo

if TYPE_CHECKING:
    from distill_runtime.policy.onnx_facts import OnnxFacts


@dataclass(frozen=True, kw_only=True)
class ModelFacts:
    """One model file."""

    path: Path
    sha256: str
    size: int
    """In [byte]."""
    onnx: OnnxFacts | None
    """None where the library that reads it is not installed."""

    def rows(self, found: Examination) -> list[tuple[str, str]]:
        """Return names and values for people."""
        graph = found.graph
        rows = [] if found.sourced is None else [('policy', found.sourced.spec.name)]
        rows += [
            ('file', f'{self.path}, {self.size / 1024:.0f} KiB'),
            ('sha256', self.sha256),
            ('inputs', _tensors(graph.inputs)),
            ('outputs', _tensors(graph.outputs)),
        ]
        if self.onnx is not None:
            domains = f', also {", ".join(self.onnx.domains)}' if self.onnx.domains else ''
            rows += [
                ('opset', f'{self.onnx.opset}{domains}; by {self.onnx.producer or "unknown"}'),
                ('weights', ', '.join(self.onnx.external_files) or 'inside the file'),
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
            'opset': None if self.onnx is None else self.onnx.opset,
            'producer': None if self.onnx is None else self.onnx.producer,
            'external_files': None if self.onnx is None else list(self.onnx.external_files),
        }


def read_model_facts(model: Path) -> ModelFacts:
    """Read a model file that has been loaded before."""
    content = model.read_bytes()
    return ModelFacts(
        path=model,
        sha256=hashlib.sha256(content).hexdigest(),
        size=len(content),
        onnx=_onnx_facts(model),
    )


def _onnx_facts(model: Path) -> OnnxFacts | None:
    try:
        from distill_runtime.policy.onnx_facts import read_onnx_facts
    except ImportError:
        return None
    return read_onnx_facts(model)


def _tensors(infos: tuple[TensorInfo, ...]) -> str:
    return ', '.join(f'{info.name} {list(info.shape)} {info.dtype}' for info in infos)


def _report(info: TensorInfo) -> dict[str, object]:
    return {'name': info.name, 'dtype': info.dtype, 'shape': list(info.shape)}
