# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""What a reader of a foreign dialect is: how its sources are found, told, and turned into ours."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
import math
from pathlib import Path
from typing import Any

from .description import RobotDescription
from .sources import SpecSource


@dataclass(frozen=True, kw_only=True)
class TensorShape:
    """Name and shape of a tensor of the graph; a symbolic size is a string."""

    name: str
    shape: tuple[int | str | None, ...]

    @property
    def width(self) -> int | None:
        """Number of elements for one robot; None if a size but the first is symbolic."""
        sizes = [size for size in self.shape[1:] if isinstance(size, int)]
        if not self.shape or len(sizes) != len(self.shape) - 1:
            return None
        first = self.shape[0]
        return math.prod(sizes) * (first if isinstance(first, int) else 1)


@dataclass(frozen=True, kw_only=True)
class ModelContext:
    """What a reader may need to know beside its file."""

    model: Path
    """The model file; its side-car files lie beside it."""
    root: Path | None = None
    """Folder that all files must lie in, links resolved; None: anywhere."""
    robot: RobotDescription | None = None
    """Names the motors; None: not told."""
    inputs: tuple[TensorShape, ...] = ()
    """Of the graph, in its order; none where no model was opened."""
    outputs: tuple[TensorShape, ...] = ()


@dataclass(frozen=True, kw_only=True)
class FileDialect:
    """A kind of file that describes policies."""

    name: str
    """For people."""
    files: tuple[str, ...]
    """Where it may stand: glob patterns relative to the folder of the model; {stem} is the name
    of the model without its suffix.
    """
    matches: Callable[[Mapping[str, Any]], bool]
    """Whether the content of a YAML or JSON file is of this dialect."""
    read: Callable[[Mapping[str, Any], Path, ModelContext], SpecSource]
    """Turns the content into our form; the registry adds the path to its messages."""


@dataclass(frozen=True, kw_only=True)
class MetadataDialect:
    """A set of metadata keys of ONNX files that describe policies."""

    name: str
    matches: Callable[[Mapping[str, str]], bool]
    read: Callable[[Mapping[str, str], ModelContext], SpecSource]
