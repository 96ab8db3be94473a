# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Network output to joint targets: clip, scale, offset, clip again, or a row of choices."""

from __future__ import annotations

from distill_runtime.core.arrays import Float32Array, FloatArray
from distill_runtime.core.compiled_spec import ActionLayout
import numpy as np


class ActionMap:
    """Turns a network output into targets, in place."""

    def __init__(
        self, compiled: ActionLayout, default_command: FloatArray, last_action: FloatArray
    ) -> None:
        """Make all buffers; apply writes last_action, shape (act_dim,)."""
        self._compiled = compiled
        self._last_action = last_action
        self._other: ActionLayout | None = None
        self._is_equivalent = False
        self._is_whole = len(compiled.joints) == len(default_command) and bool(
            np.all(compiled.joints == np.arange(len(default_command)))
        )
        self._scaled = np.zeros(len(compiled.joints))
        self.target = np.array(default_command)
        """Joint targets before limits, in [rad], [rad]/[s] or [N m] by mode, shape
        (num_joints,).
        """

    def translate(self, compiled: ActionLayout, action: FloatArray, target: FloatArray) -> None:
        """Write the last action that would have given the targets of another policy.

        If both layouts are equivalent, it is the action of the other policy, bit for bit. If not,
        it is computed from the targets and clipped like every action; a policy over choices has
        no such action, and reads zeros.

        Args:
            compiled: Action layout of the other policy.
            action: Its last action; elements beyond its width are ignored.
            target: Targets that it gave, shape (num_joints,).
        """
        if compiled is not self._other:
            self._other, self._is_equivalent = compiled, is_equivalent(compiled, self._compiled)
        last = self._last_action
        if self._is_equivalent:
            last[:] = action[: compiled.width]
            return
        layout = self._compiled
        last.fill(0.0)
        if layout.choices is None:
            np.subtract(target[layout.joints], layout.offset, self._scaled)
            np.divide(self._scaled, layout.scale, out=last, where=layout.scale != 0.0)
        if layout.clip is not None:
            np.maximum(last, layout.clip[0], out=last)
            np.minimum(last, layout.clip[1], out=last)

    def apply(self, action: Float32Array) -> None:
        """Write the last action and the target.

        Args:
            action: Raw network output, finite, shape (act_dim,).
        """
        compiled = self._compiled
        last = self._last_action
        last[:] = action
        if compiled.clip is not None:
            np.maximum(last, compiled.clip[0], out=last)
            np.minimum(last, compiled.clip[1], out=last)
        if compiled.choices is not None:
            self.target[compiled.joints] = compiled.choices[int(last.argmax())]
            return
        out = self.target if self._is_whole else self._scaled
        np.multiply(last, compiled.scale, out)
        np.add(out, compiled.offset, out)
        if compiled.target_clip is not None:
            np.maximum(out, compiled.target_clip[0], out=out)
            np.minimum(out, compiled.target_clip[1], out=out)
        if not self._is_whole:
            self.target[compiled.joints] = out


def is_equivalent(compiled: ActionLayout, other: ActionLayout) -> bool:
    """Whether two layouts turn every action into the same targets."""
    return (
        compiled.width == other.width
        and np.array_equal(compiled.joints, other.joints)
        and np.array_equal(compiled.scale, other.scale)
        and np.array_equal(compiled.offset, other.offset)
        and _is_equal(compiled.clip, other.clip)
        and _is_equal(compiled.target_clip, other.target_clip)
        and _is_equal(compiled.choices, other.choices)
    )


def _is_equal(value: object, other: object) -> bool:
    if value is None or other is None:
        return value is other
    return np.array_equal(np.asarray(value), np.asarray(other))
