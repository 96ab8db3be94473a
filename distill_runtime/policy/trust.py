# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""What a robot lets a policy be made of: where its files may lie, and who must have signed it."""

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
    from .keys import KeyRing


@dataclass(frozen=True, kw_only=True)
class ModelTrust:
    """Limits on where a policy comes from."""

    root: Path | None = None
    """Folder that every file of it must lie in, links resolved; None: anywhere."""
    keys: KeyRing | None = None
    """Keys that the model must be signed with; None: it need not be."""
    is_alone: bool = False
    """Whether nothing beside the model file may count; always so with keys."""

    def __post_init__(self) -> None:
        """Refuse keys for a model that other files complete: those are not signed."""
        if self.keys is not None and not self.is_alone:
            raise ConfigError('is_alone is False, expected True where a model must be signed')

    def model(self, path: Path) -> Path:
        """Return where the model really lies.

        Raises:
            ConfigError: If that is outside of the root.
        """
        return confined(path, self.root, 'model')

    def content(self, path: Path) -> tuple[Path | bytes, str]:
        """Return what to load, and the key that signed it ('' if none had to).

        A model that must be signed is read once: the bytes that were verified are the ones that
        are loaded, whatever becomes of the file.

        Raises:
            ConfigError: If the file cannot be read.
            SignatureError: If it is not signed as it must be.
        """
        if not self.is_alone:
            return path, ''
        content = read_file(path, MAX_BYTES)
        return content, '' if self.keys is None else str(self.keys.check(content, str(path)))

    def spec(self, spec: Path | None) -> Path | None:
        """Return the file of the user's spec.

        Raises:
            ConfigError: If it lies outside of the root, or none may count.
        """
        if spec is None:
            return None
        self._refuse_beside('spec', spec)
        return confined(spec, self.root, 'spec')

    def robot(self, robot: str) -> str:
        """Return the robot: profiles are part of this package, a URDF is a file like others.

        Raises:
            ConfigError: If it is a URDF that lies outside of the root or in no file at all, or
                none may count.
        """
        if is_urdf_text(robot):
            self._refuse_beside('robot_description', 'XML text')
            if self.root is not None:
                raise ConfigError(
                    'robot_description is XML text, expected a file below model_root '
                    f'{self.root}: what is not in a file of that folder may not count'
                )
            return robot
        if not is_urdf(robot):
            return robot
        self._refuse_beside('robot_description', robot)
        return str(confined(Path(robot).expanduser(), self.root, 'robot_description'))

    def _refuse_beside(self, name: str, value: object) -> None:
        if self.is_alone:
            raise ConfigError(
                f"{name} is {str(value)!r}, expected '' where only what is signed may count: pack "
                'what it says into the model (distill-runtime pack), and sign that'
            )


UNRESTRICTED = ModelTrust()
"""No limits."""
SIGNED_ONLY = ModelTrust(is_alone=True)
"""The model file by itself: what a signature covers."""


def make_trust(model_root: str = '', trusted_keys: Sequence[str] = ()) -> ModelTrust:
    """Return the limits that parameters set.

    Args:
        model_root: Folder; '' for none.
        trusted_keys: PEM files of public keys; none, or '' alone: nothing need be signed.

    Raises:
        ConfigError: If the folder or a key is not there, or a file holds no key.
        MissingExtraError: If there are keys, and not the library that verifies.
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
        from .keys import read_key_ring
    except ImportError as error:
        raise MissingExtraError(
            f'trusted_keys is {list(trusted_keys)}, and {error.name} is not installed: install it '
            'with apt install python3-cryptography, or pip install "distill_runtime[sign]"'
        ) from error
    try:
        return ModelTrust(root=root, keys=read_key_ring(trusted_keys), is_alone=True)
    except ConfigError as error:
        raise ConfigError(f'trusted_keys: {error}') from error
