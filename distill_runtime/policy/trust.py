# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Restrictions on the files of a policy: folder and signature."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from distill_runtime.errors import ConfigError, MissingExtraError
from distill_runtime.policy.model_file.onnx_facts import MAX_BYTES, read_file
from distill_runtime.spec.files import confined
from distill_runtime.spec.robots import is_urdf, is_urdf_text

if TYPE_CHECKING:
    from .keys import TrustedKey


@dataclass(frozen=True, kw_only=True)
class ModelTrust:
    """Restrictions on the files of a policy."""

    root: Path | None = None
    """Folder that must contain every file, links resolved; None: no restriction."""
    keys: tuple[TrustedKey, ...] | None = None
    """Keys that the model must be signed with; None: no signature required."""
    is_alone: bool = False
    """Whether only the model file itself is used; required with keys."""

    def __post_init__(self) -> None:
        """Refuse keys if other, unsigned files may complete the model."""
        if self.keys is not None and not self.is_alone:
            raise ConfigError('is_alone is False, expected True where a model must be signed')

    def model(self, path: Path) -> Path:
        """Return the resolved path of the model.

        Raises:
            ConfigError: If it is outside the root.
        """
        return confined(path, self.root, 'model')

    def content(self, path: Path) -> tuple[Path | bytes, str]:
        """Return what to load, and the key that signed it ('' if none is required).

        A model that must be signed is read once: the verified bytes are the ones that are loaded,
        even if the file changes.

        Raises:
            ConfigError: If the file cannot be read.
            SignatureError: If it lacks the required signature.
        """
        if not self.is_alone:
            return path, ''
        content = read_file(path, MAX_BYTES)
        if self.keys is None:
            return content, ''
        from .keys import check_signature

        return content, str(check_signature(content, str(path), self.keys))

    def spec(self, spec: Path | None) -> Path | None:
        """Return the file of the user's spec.

        Raises:
            ConfigError: If it is outside the root, or not allowed.
        """
        if spec is None:
            return None
        self._refuse_beside('spec', spec)
        return confined(spec, self.root, 'spec')

    def robot(self, robot: str) -> str:
        """Return the robot; a profile is part of this package, a URDF is restricted like any file.

        Raises:
            ConfigError: If it is a URDF outside the root or given as text, or not allowed.
        """
        if is_urdf_text(robot):
            self._refuse_beside('robot_description', 'XML text')
            if self.root is not None:
                raise ConfigError(
                    'robot_description is XML text, expected a file below model_root '
                    f'{self.root}: only files in that folder are allowed'
                )
            return robot
        if not is_urdf(robot):
            return robot
        self._refuse_beside('robot_description', robot)
        return str(confined(Path(robot).expanduser(), self.root, 'robot_description'))

    def _refuse_beside(self, name: str, value: object) -> None:
        if self.is_alone:
            raise ConfigError(
                f"{name} is {str(value)!r}, expected '' where only signed files are allowed: pack "
                'it into the model (distill-runtime pack), and sign that'
            )


UNRESTRICTED = ModelTrust()
"""No restrictions."""
SIGNED_ONLY = ModelTrust(is_alone=True)
"""Only the model file itself, which a signature covers."""


def make_trust(model_root: str = '', trusted_keys: Sequence[str] = ()) -> ModelTrust:
    """Return the restrictions that parameters set.

    Args:
        model_root: Folder; '' for none.
        trusted_keys: PEM files of public keys; empty, or '' alone: no signature required.

    Raises:
        ConfigError: If the folder or a key file is missing or invalid.
        MissingExtraError: If there are keys but cryptography is not installed.
    """
    root = Path(model_root).expanduser() if model_root else None
    if root is not None and not root.is_dir():
        raise ConfigError(f'model_root is {model_root!r}, expected a folder that exists')
    if tuple(trusted_keys) in ((), ('',)):
        return ModelTrust(root=root)
    if '' in trusted_keys:
        raise ConfigError(
            f"trusted_keys is {list(trusted_keys)}, expected paths of PEM files, or [''] alone"
        )
    try:
        from .keys import read_public_keys
    except ImportError as error:
        raise MissingExtraError(
            f'trusted_keys is {list(trusted_keys)}, and {error.name} is not installed: install it '
            'with apt install python3-cryptography, or pip install "distill_runtime[sign]"'
        ) from error
    try:
        return ModelTrust(root=root, keys=read_public_keys(trusted_keys), is_alone=True)
    except ConfigError as error:
        raise ConfigError(f'trusted_keys: {error}') from error
