# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""The signatures of a model file, for the page and the report of `check`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from distill_runtime.errors import SignatureError
from distill_runtime.policy.model_file.onnx_facts import MAX_BYTES, read_file
from distill_runtime.policy.signature import split_signatures
from distill_runtime.spec.findings.finding import Finding


@dataclass(frozen=True, kw_only=True)
class SignatureFacts:
    """Who says to have signed a model, and whether it was left as it was."""

    verdicts: dict[str, bool | None]
    """Fingerprint of each key: whether its signature is valid; None: nothing here can tell."""
    problem: str
    """Why the signatures cannot be read; '' if they can."""

    def text(self) -> str:
        """Return one line for people."""
        words = {True: 'valid', False: 'NOT VALID', None: 'not verified, no cryptography here'}
        if self.problem:
            return f'NOT VALID: {self.problem}'
        parts = [f'key {mark}, {words[verdict]}' for mark, verdict in self.verdicts.items()]
        return '; '.join(parts) or 'none'

    def report(self) -> list[dict[str, object]]:
        """Return the part of the report."""
        return [{'key': mark, 'valid': verdict} for mark, verdict in self.verdicts.items()]

    def findings(self) -> Iterator[Finding]:
        """Say that a file is not the one that was signed, whoever is trusted."""
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
    """Read the signatures of a model file, and verify them where the library for it is.

    Raises:
        ConfigError: If the file cannot be read.
    """
    try:
        body, signatures = split_signatures(read_file(model, MAX_BYTES))
    except SignatureError as error:
        return SignatureFacts(verdicts={}, problem=str(error))
    try:
        from distill_runtime.policy.keys import is_valid
    except ImportError:
        return SignatureFacts(verdicts={s.fingerprint: None for s in signatures}, problem='')
    return SignatureFacts(
        verdicts={s.fingerprint: is_valid(s, body) for s in signatures}, problem=''
    )
