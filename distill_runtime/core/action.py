# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Network output to joint targets: clip, scale, offset, clip again, or a row of choices."""

from __future__ import annotations

import numpy as np

from .arrays import Float32Array, FloatArray
from .plan import ActionPlan


class ActionMap:
    """Turns one network output into targets, in place."""

    def __init__(self, plan: ActionPlan, idle: FloatArray, last_action: FloatArray) -> None:
        """Prepare all buffers.

        Args:
            plan: Clip, scale, offset, joints.
            idle: Targets of the joints that the policy does not act on, shape (num_joints,).
            last_action: View into the runner's vector, shape (act_dim,); written by apply.
        """
        self._plan = plan
        self._last_action = last_action
        self._is_whole = len(plan.joints) == len(idle) and bool(
            np.all(plan.joints == np.arange(len(idle)))
        )
        self._scaled = np.zeros(len(plan.joints))
        self.target = np.array(idle)
        """Joint targets before limits, in [rad], [rad]/[s] or [N m] by mode, shape
        (num_joints,).
        """

    def apply(self, action: Float32Array) -> None:
        """Write the last action and the target.

        Args:
            action: Raw network output, finite, shape (act_dim,).
        """
        plan = self._plan
        last = self._last_action
        last[:] = action
        if plan.clip is not None:
            np.maximum(last, plan.clip[0], out=last)
            np.minimum(last, plan.clip[1], out=last)
        if plan.choices is not None:
            self.target[plan.joints] = plan.choices[int(last.argmax())]
            return
        out = self.target if self._is_whole else self._scaled
        np.multiply(last, plan.scale, out)
        np.add(out, plan.offset, out)
        if plan.target_clip is not None:
            np.maximum(out, plan.target_clip[0], out=out)
            np.minimum(out, plan.target_clip[1], out=out)
        if not self._is_whole:
            self.target[plan.joints] = out
