# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""A contract with a recording, and the policy run over it: the input of all checks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from distill_runtime.core.arrays import FloatArray, IndexArray
from distill_runtime.core.checks.registry import ANY_MOTION
from distill_runtime.core.compiled_spec import CompiledSpec
from distill_runtime.core.config import RunnerConfig
from distill_runtime.core.runner import PolicyRunner
from distill_runtime.core.step import Policy
from distill_runtime.data.bags.chunk import BoolArray, StampArray
from distill_runtime.data.recording.recording import Recording
from distill_runtime.data.replay.step_loop import play, Playback
from distill_runtime.data.ticks.by_stamp import find_ticks, gap_times, Stretch, Ticks
from distill_runtime.spec.compile import compile_spec, sensor_layout
from distill_runtime.spec.spec import PolicySpec
import numpy as np

CONFIG = RunnerConfig(
    start_in='policy', max_joint_step=0.0, tilt_limit=0.0, torque_limit=0.0, checks=ANY_MOTION
)
"""No limits, so that targets are the raw ones."""


@dataclass(frozen=True, kw_only=True, eq=False)
class BagCase:
    """A spec with a recording of its robot; common joints are in policy order."""

    spec: PolicySpec
    recording: Recording
    names: tuple[str, ...]
    """Joints of the policy that the recording has, in policy order."""
    stamp_ns: StampArray
    """Of the joint samples, shape (N,)."""
    position: FloatArray
    """In [rad], shape (N, len(names))."""
    velocity: FloatArray | None
    """In [rad]/[s], shape (N, len(names)); None: not recorded."""
    effort: FloatArray | None
    """In [N m], shape (N, len(names)); None: not recorded, or all zero."""

    def of_policy(self, values: tuple[float, ...] | FloatArray) -> FloatArray:
        """Pick the elements of the joints in names from an array with one per policy joint."""
        columns = [self.spec.joints.index(name) for name in self.names]
        return np.asarray(values, np.float64)[..., columns]


def make_case(spec: PolicySpec, recording: Recording) -> BagCase:
    """Sort the joints of a recording into policy order."""
    joints = recording.joints
    names = tuple(name for name in spec.joints if name in joints.joints)
    order: IndexArray = np.array([joints.joints.index(name) for name in names], np.intp)
    effort = None if joints.effort is None else joints.effort[:, order]
    return BagCase(
        spec=spec,
        recording=recording,
        names=names,
        stamp_ns=joints.stamp_ns,
        position=joints.position[:, order],
        velocity=None if joints.velocity is None else joints.velocity[:, order],
        effort=effort if effort is not None and np.any(effort) else None,
    )


class Run:
    """One policy over one recording."""

    def __init__(
        self,
        spec: PolicySpec,
        policy: Policy,
        recording: Recording,
        stretches: Sequence[Stretch] | None = None,
    ) -> None:
        """Run it.

        Args:
            spec: The contract to try.
            policy: A network whose tensors have the widths of this spec.
            recording: Has all joints of the spec.
            stretches: See find_ticks.

        Raises:
            RecordingError: If it has no stamps.
        """
        self.spec = spec
        self.stretches = stretches or (Stretch(0, len(recording.joints.stamp_ns)),)
        self.compiled: CompiledSpec = compile_spec(spec, sensor_layout(spec))
        self.ticks: Ticks = find_ticks(recording, self.compiled.period_ns, self.stretches)
        self.has_gap: BoolArray = gap_times(recording, self.ticks) > CONFIG.max_input_age
        """Ticks at which the policy restarts after a gap in the JointStates; shape (T,)."""
        self.playback: Playback = play(
            recording, self.ticks, PolicyRunner(self.compiled, policy, CONFIG)
        )
